"""Queries for the log of job events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Text, column, delete, func, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.status import FINISHED, EventType
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import Repository

EventContent = tuple[EventType, dict[str, Any]]
"""Type and data of an event."""


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

    async def append(self, job_id: UUID, first: int, events: Sequence[EventContent]) -> list[JobEvent]:
        """Append events under consecutive numbers that the caller has taken from the job's row, in one statement.

        Args:
            job_id: the job.
            first: number of the first event.
            events: type and data of each.

        Returns:
            The events, in order.
        """
        rows = [{"seq": seq, "type": kind, "data": data} for seq, (kind, data) in enumerate(events, first)]
        content = func.jsonb_to_recordset(literal(rows, JSONB)).table_valued(
            column("seq", Integer), column("type", Text), column("data", JSONB), name="content"
        )
        content = content.render_derived(with_types=True)
        selected = select(
            literal(job_id), content.c.seq, content.c.type, func.clock_timestamp(), content.c.data
        ).order_by(content.c.seq)
        statement = insert(JobEvent).from_select(["job_id", "seq", "type", "at", "data"], selected).returning(JobEvent)
        return sorted(await self.session.scalars(statement), key=lambda event: event.seq)

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
