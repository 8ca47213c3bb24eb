"""Queries for administrators: jobs of all users."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from tone_shootout.jobs.models import Job
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import Repository


class JobFilter(NamedTuple):
    """Which jobs are meant; None: any."""

    status: str | None = None
    error_code: str | None = None
    owner_id: UUID | None = None
    created_since: datetime | None = None
    created_until: datetime | None = None
    finished_since: datetime | None = None
    finished_until: datetime | None = None


class JobOfUser(NamedTuple):
    """What administrators see of a job."""

    id: UUID
    owner_id: UUID
    title: str
    status: str
    phase: str | None
    progress_done: float
    progress_total: float
    attempt: int
    error_code: str | None
    error_detail: str | None
    waiting_for: str | None
    worker: str | None
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


_COLUMNS = [getattr(Job, name) for name in JobOfUser._fields]


class AllJobsRepository(Repository[Job]):
    """Jobs of all users. For administrators only."""

    model_type = Job

    async def read(self, job_id: UUID) -> JobOfUser | None:
        """Return a job, None if there is none."""
        row = (await self.session.execute(select(*_COLUMNS).where(Job.id == job_id))).one_or_none()
        return None if row is None else JobOfUser._make(row)

    async def list_filtered(self, wanted: JobFilter, paging: Paging) -> tuple[list[JobOfUser], int]:
        """Return a page of the jobs that pass the filter, newest first, and how many pass."""
        conditions = _conditions(wanted)
        statement = select(*_COLUMNS).where(*conditions).order_by(Job.created_at.desc(), Job.id.desc())
        rows = await self.session.execute(statement.limit(paging.limit).offset(paging.offset))
        return [JobOfUser._make(row) for row in rows], await self.count(*conditions)

    async def select(
        self, wanted: JobFilter, statuses: Collection[str], *, after: UUID | None, limit: int
    ) -> tuple[Sequence[tuple[UUID, UUID]], int]:
        """Return the first jobs that pass the filter and have one of the statuses, and how many do.

        Args:
            wanted: the filter.
            statuses: statuses.
            after: only jobs with greater ids.
            limit: largest number of jobs to return.

        Returns:
            Ids of the jobs and of their owners, in the order of the jobs' ids, and the number of all.
        """
        conditions = [*_conditions(wanted), Job.status.in_(statuses)]
        conditions += [Job.id > after] if after is not None else []
        statement = select(Job.id, Job.owner_id).where(*conditions).order_by(Job.id).limit(limit)
        rows = await self.session.execute(statement)
        return [(job_id, owner_id) for job_id, owner_id in rows], await self.count(*conditions)

    async def count_by_status(self, owner_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
        """Return how many jobs each of these users has, by status."""
        statement = select(Job.owner_id, Job.status, func.count()).where(Job.owner_id.in_(owner_ids))
        counts: dict[UUID, dict[str, int]] = {}
        for owner_id, status, count in await self.session.execute(statement.group_by(Job.owner_id, Job.status)):
            counts.setdefault(owner_id, {})[status] = count
        return counts


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for column, value in ((Job.status, wanted.status), (Job.error_code, wanted.error_code)):
        found += [column == value] if value is not None else []
    found += [Job.owner_id == wanted.owner_id] if wanted.owner_id is not None else []
    for moment, since, until in (
        (Job.created_at, wanted.created_since, wanted.created_until),
        (Job.finished_at, wanted.finished_since, wanted.finished_until),
    ):
        found += [moment >= since] if since is not None else []
        found += [moment < until] if until is not None else []
    return found
