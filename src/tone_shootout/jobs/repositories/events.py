"""Queries for the log of job events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, literal, select

from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.status import FINISHED, EventType
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import Repository


class JobEventRepository(Repository[JobEvent]):
    """Events of jobs. Rows are appended by `JobRepository` and never changed."""

    model_type = JobEvent

    async def list_after(self, job_id: UUID, seq: int, *, limit: int = 500) -> Sequence[JobEvent]:
        """Return at most `limit` of a job's events with a number greater than `seq`, in order."""
        statement = select(JobEvent).where(*_is_after(job_id, seq)).order_by(JobEvent.seq).limit(limit)
        return (await self.session.scalars(statement)).all()

    async def list_page_after(self, job_id: UUID, seq: int, *, paging: Paging) -> tuple[Sequence[JobEvent], int]:
        """Return a page of a job's events with a number greater than `seq`, in order, and how many there are."""
        return await self.list_page(*_is_after(job_id, seq), paging=paging, order_by=[JobEvent.seq.asc()])

    async def append(self, job_id: UUID, seq: int, event_type: EventType, data: dict[str, Any]) -> JobEvent:
        """Append an event under a number that the caller has taken from the job's row."""
        statement = (
            insert(JobEvent)
            .values(job_id=job_id, seq=seq, type=literal(event_type), at=func.clock_timestamp(), data=data)
            .returning(JobEvent)
        )
        return (await self.session.execute(statement)).scalar_one()

    async def prune(self, finished_before: datetime, *, limit: int) -> int:
        """Delete events of old finished jobs, except status changes and the end.

        Args:
            finished_before: events of jobs that finished earlier are deleted.
            limit: most rows to delete.

        Returns:
            Number of rows deleted.
        """
        old = (
            select(JobEvent.job_id, JobEvent.seq)
            .join(Job, Job.id == JobEvent.job_id)
            .where(
                Job.finished_at < finished_before, Job.status.in_(FINISHED), JobEvent.type.not_in(("status", "done"))
            )
            .limit(limit)
            .with_for_update(of=JobEvent, skip_locked=True)
            .cte("old")
        )
        statement = delete(JobEvent).where(JobEvent.job_id == old.c.job_id, JobEvent.seq == old.c.seq)
        return len((await self.session.scalars(statement.returning(JobEvent.seq))).all())


def _is_after(job_id: UUID, seq: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return JobEvent.job_id == job_id, JobEvent.seq > seq
