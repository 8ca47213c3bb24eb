"""Queries for the log of job events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Insert,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.selectable import TableValuedAlias

from tone_shootout.jobs.models import EventRow, Job, JobEvent
from tone_shootout.jobs.status import FINISHED, EventType
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.reads import Query, fetch
from tone_shootout.kit.db.repository import Repository

EventContent = tuple[EventType, dict[str, Any]]
"""Type and data of an event."""


class JobEventRepository(Repository[JobEvent]):
    """Events of jobs. Rows are appended by `JobRepository` and never changed."""

    model_type = JobEvent

    async def list_after(self, job_id: UUID, seq: int, *, limit: int = 500) -> list[EventRow]:
        """Return at most `limit` of a job's events with a number greater than `seq`, in order."""
        rows = await fetch(self.session, _AFTER, job_id=job_id, seq=seq, limit=limit)
        return [EventRow._make(row) for row in rows]

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
        contents = _contents(events)
        selected = select(
            literal(job_id), literal(first) + contents.c.n, contents.c.type, func.clock_timestamp(), contents.c.data
        )
        return await self._insert(insert(JobEvent), selected, contents)

    async def append_after(self, numbered: CTE, events: Sequence[EventContent]) -> list[JobEvent]:
        """Append events under the numbers that an UPDATE of the job's row takes in the same statement.

        Args:
            numbered: the UPDATE, which returns the row's `id`, and the number of the last event as `event_seq`.
            events: type and data of each.

        Returns:
            The events, in order; none if no row was updated.
        """
        contents = _contents(events)
        first = numbered.c.event_seq - len(events) + 1
        selected = select(
            numbered.c.id, first + contents.c.n, contents.c.type, func.clock_timestamp(), contents.c.data
        ).join_from(numbered, contents, literal(True))
        return await self._insert(insert(JobEvent).add_cte(numbered), selected, contents)

    async def _insert(self, statement: Insert, selected: Select[Any], contents: TableValuedAlias) -> list[JobEvent]:
        ordered = selected.order_by(contents.c.n)
        inserted = statement.from_select(["job_id", "seq", "type", "at", "data"], ordered).returning(JobEvent)
        return sorted(await self.session.scalars(inserted), key=lambda event: event.seq)

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


_AFTER: Final = Query(
    select(JobEvent.job_id, JobEvent.seq, JobEvent.type, JobEvent.at, cast(JobEvent.data, Text))
    .where(JobEvent.job_id == bindparam("job_id"), JobEvent.seq > bindparam("seq"))
    .order_by(JobEvent.seq)
    .limit(bindparam("limit"))
)


def _contents(events: Sequence[EventContent]) -> TableValuedAlias:
    """Return a table with a row for each event: its index `n`, its `type` and its `data`."""
    rows = [{"n": n, "type": event_type, "data": data} for n, (event_type, data) in enumerate(events)]
    columns = column("n", Integer), column("type", Text), column("data", JSONB)
    table = func.jsonb_to_recordset(literal(rows, JSONB)).table_valued(*columns, name="content")
    return table.render_derived(with_types=True)
