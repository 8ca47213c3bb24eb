"""Queries for the log of job events."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Insert,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.selectable import TableValuedAlias

from tone_shootout.jobs.models import EventRow, Job, JobEvent
from tone_shootout.jobs.status import FINISHED, HELD, EventType
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.reads import Query, fetch
from tone_shootout.kit.db.repository import Repository

EventContent = tuple[EventType, dict[str, Any]]
"""Type and data of an event."""
_JOBS: Final[Table] = Job.metadata.tables["job"]
_EVENTS: Final[Table] = JobEvent.metadata.tables["job_event"]


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
        return await self._insert(_append(), events, {"first_of": job_id, "first": first})

    async def append_after(
        self, columns: tuple[str, ...], events: Sequence[EventContent], parameters: Mapping[str, Any]
    ) -> list[JobEvent]:
        """Append events of a job that an attempt holds, and set columns of the job, in one statement.

        Args:
            columns: names of the columns.
            events: type and data of each.
            parameters: `held_job`, `held_attempt`, and for each column `new_` and its name, its value.

        Returns:
            The events, in order; none if the attempt does not hold the job.
        """
        return await self._insert(_append_after(columns), events, {"added": len(events), **parameters})

    async def _insert(
        self, statement: Insert, events: Sequence[EventContent], parameters: Mapping[str, Any]
    ) -> list[JobEvent]:
        rows = [{"n": n, "type": event_type, "data": data} for n, (event_type, data) in enumerate(events)]
        inserted = await self.session.execute(statement, {"contents": rows, **parameters})
        added = [JobEvent(job_id=row.job_id, seq=row.seq, type=row.type, at=row.at, data=row.data) for row in inserted]
        return sorted(added, key=lambda event: event.seq)

    async def thin(self, finished_before: datetime, *, limit: int) -> tuple[int, int]:
        """Delete the events of old finished jobs, except status changes and the end, once for each job.

        Args:
            finished_before: jobs that finished earlier are old.
            limit: most jobs.

        Returns:
            Number of jobs, and of events deleted.
        """
        old = (
            select(Job.id)
            .where(Job.finished_at < finished_before, ~Job.events_thinned, Job.status.in_(FINISHED))
            .order_by(Job.finished_at)
            .limit(limit)
            .with_for_update(skip_locked=True, key_share=True)
        )
        job_ids = (await self.session.scalars(old)).all()
        if not job_ids:
            return 0, 0
        statement = delete(JobEvent).where(JobEvent.job_id.in_(job_ids), JobEvent.type.not_in(("status", "done")))
        deleted = (await self.session.scalars(statement.returning(JobEvent.seq))).all()
        thinned = update(Job).where(Job.id.in_(job_ids)).values(events_thinned=True, updated_at=Job.updated_at)
        await self.session.execute(thinned.execution_options(synchronize_session=False))
        return len(job_ids), len(deleted)


def _is_after(job_id: UUID, seq: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return JobEvent.job_id == job_id, JobEvent.seq > seq


_AFTER: Final = Query(
    select(JobEvent.job_id, JobEvent.seq, JobEvent.type, JobEvent.at, cast(JobEvent.data, Text))
    .where(JobEvent.job_id == bindparam("job_id"), JobEvent.seq > bindparam("seq"))
    .order_by(JobEvent.seq)
    .limit(bindparam("limit"))
)


# The statements are made once: making one takes longer than the database takes for it.


@cache
def _append() -> Insert:
    """Return the statement of `append`."""
    contents = _contents()
    selected = select(
        bindparam("first_of", type_=_EVENTS.c.job_id.type),
        bindparam("first", type_=Integer) + contents.c.n,
        contents.c.type,
        func.clock_timestamp(),
        contents.c.data,
    )
    return _insert(insert(_EVENTS), selected, contents)


@cache
def _append_after(columns: tuple[str, ...]) -> Insert:
    """Return the statement of `append_after`: an UPDATE of the job's row takes the events' numbers."""
    added = bindparam("added", type_=Integer)
    numbered = (
        update(_JOBS)
        .where(
            _JOBS.c.id == bindparam("held_job", type_=_JOBS.c.id.type),
            _JOBS.c.attempt == bindparam("held_attempt", type_=Integer),
            _JOBS.c.status.in_(HELD),
        )
        .values(
            event_seq=_JOBS.c.event_seq + added,
            heartbeat_at=func.now(),
            updated_at=func.now(),
            **{name: bindparam(f"new_{name}", type_=_JOBS.c[name].type) for name in columns},
        )
        .returning(_JOBS.c.id, _JOBS.c.event_seq)
        .cte("numbered")
    )
    contents = _contents()
    selected = select(
        numbered.c.id,
        numbered.c.event_seq - added + 1 + contents.c.n,
        contents.c.type,
        func.clock_timestamp(),
        contents.c.data,
    ).join_from(numbered, contents, literal(True))
    return _insert(insert(_EVENTS).add_cte(numbered), selected, contents)


def _insert(statement: Insert, selected: Select[Any], contents: TableValuedAlias) -> Insert:
    ordered = selected.order_by(contents.c.n)
    return statement.from_select(["job_id", "seq", "type", "at", "data"], ordered).returning(*_EVENTS.c)


def _contents() -> TableValuedAlias:
    """Return a table with a row for each event of the parameter `contents`: index `n`, `type` and `data`."""
    columns = column("n", Integer), column("type", Text), column("data", JSONB)
    table = func.jsonb_to_recordset(bindparam("contents", type_=JSONB)).table_valued(*columns, name="content")
    return table.render_derived(with_types=True)
