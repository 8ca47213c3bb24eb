"""Queries for jobs.

A job's events are numbered by its row: the UPDATE that takes the next number holds the row's lock until the commit, so
numbers become visible in order and without gaps. Every write of a worker names its attempt; a worker that has lost its
lease changes nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    UnaryExpression,
    and_,
    func,
    literal,
    or_,
    select,
    update,
)

from tone_shootout.accounts.services import select_active_users
from tone_shootout.jobs.models import Job, JobEvent, JobRow
from tone_shootout.jobs.repositories.events import EventContent, JobEventRepository
from tone_shootout.jobs.repositories.runnable import is_due, next_runnable
from tone_shootout.jobs.status import FINISHED, HELD, WAITING, EventType, JobStatus, sources
from tone_shootout.jobs.webhooks.outbox import add_deliveries, is_subscribed
from tone_shootout.kit.db import locks
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import OwnedRepository

STALLED_LIMIT = 100
"""Most jobs that one sweep reads: their rows hold whole specs, and parsing them blocks the event loop."""

ORDERS: dict[str, UnaryExpression[Any]] = {
    "created_at": Job.created_at.asc(),
    "-created_at": Job.created_at.desc(),
    "finished_at": Job.finished_at.asc().nulls_last(),
    "-finished_at": Job.finished_at.desc().nulls_last(),
}


class JobRepository(OwnedRepository[Job]):
    """Jobs and the events that their changes append."""

    model_type = Job
    read_columns = tuple(name.removesuffix("_json") for name in JobRow._fields)

    def __init__(self, session: locks.Session, **options: Any) -> None:
        super().__init__(session, **options)
        self._events = JobEventRepository(session)

    # For the owner

    async def read(self, owner_id: UUID, job_id: UUID) -> JobRow | None:
        """Return one of the owner's jobs, None if there is none."""
        row = await self.read_owned(owner_id, job_id)
        return None if row is None else JobRow._make(row)

    async def list_filtered(
        self,
        owner_id: UUID,
        *,
        paging: Paging,
        order_by: str,
        status: JobStatus | None = None,
        shootout_id: UUID | None = None,
    ) -> tuple[list[JobRow], int]:
        """Return a page of the owner's jobs that pass the filters, and how many pass."""
        filters = []
        if status is not None:
            filters.append(Job.status == status)
        if shootout_id is not None:
            filters.append(Job.shootout_id == shootout_id)
        rows, total = await self.read_page(owner_id, *filters, paging=paging, order_by=order_by, orders=ORDERS)
        return [JobRow._make(row) for row in rows], total

    async def list_of_shootout(self, owner_id: UUID, shootout_id: UUID) -> Sequence[Job]:
        """Return all jobs of one of the owner's shootouts."""
        statement = self.select_owned(owner_id).where(Job.shootout_id == shootout_id)
        return (await self.session.scalars(statement)).all()

    async def list_unfinished(self, owner_id: UUID) -> Sequence[Job]:
        """Return the owner's unfinished jobs, oldest first: the order in which the sweep locks their rows."""
        statement = self.select_owned(owner_id).where(Job.status.not_in(FINISHED)).order_by(Job.created_at)
        return (await self.session.scalars(statement)).all()

    async def list_newest_of(self, owner_id: UUID, shootout_ids: Collection[UUID]) -> Sequence[Job]:
        """Return the newest job of each of these shootouts that has one."""
        statement = (
            self.select_owned(owner_id)
            .where(Job.shootout_id.in_(shootout_ids))
            .distinct(Job.shootout_id)
            .order_by(Job.shootout_id, Job.created_at.desc(), Job.id.desc())
        )
        return (await self.session.scalars(statement)).all()

    async def count_unfinished(self, owner_id: UUID) -> int:
        """Count the owner's unfinished jobs and lock their number until the commit."""
        await locks.acquire(self.session, locks.owned(owner_id, "jobs"))
        return await self.count_owned(owner_id, Job.status.not_in(FINISHED))

    async def count_unfinished_by_status(self) -> dict[str, tuple[int, float]]:
        """Return the number of all users' unfinished jobs, and the longest wait among them in seconds, by status."""
        waited = func.extract("epoch", func.now() - func.min(func.coalesce(Job.queued_at, Job.created_at)))
        statement = (
            select(Job.status, func.count(), func.coalesce(waited, 0))
            .where(Job.status.not_in(FINISHED))
            .group_by(Job.status)
        )
        return {status: (count, float(wait)) for status, count, wait in await self.session.execute(statement)}

    async def add_pending(self, job: Job) -> JobEvent:
        """Insert a new job with status `pending` and append its first event."""
        job.status = JobStatus.PENDING
        job.event_seq = 1
        await self.add(job)
        (event,) = await self._events.append(job.id, 1, [("status", {"status": JobStatus.PENDING, "attempt": 0})])
        await add_deliveries(self.session, job, event)
        return event

    async def transition(
        self,
        job_id: UUID,
        to: JobStatus,
        *,
        only_from: Collection[JobStatus] | None = None,
        held_by: int | None = None,
        stale_s: float | None = None,
        **values: Any,
    ) -> tuple[Job, list[JobEvent]] | None:
        """Set a job's status to `to` if the transition table allows that from its current status; else change nothing.

        Args:
            job_id: the job.
            to: the new status.
            only_from: allow only these of the statuses that the table allows.
            held_by: only if this attempt still holds the job.
            stale_s: only if the newest heartbeat is older, in seconds.
            values: further columns to set.

        Returns:
            The job and the events appended, or None when nothing was changed.
        """
        ends = to in FINISHED
        statement = (
            update(Job)
            .where(Job.id == job_id, Job.status.in_(sources(to).intersection(only_from or JobStatus)))
            .values(status=to, event_seq=Job.event_seq + (2 if ends else 1), **({"waiting_for": None} | values))
            .returning(Job, is_subscribed(to))
            .execution_options(populate_existing=True, synchronize_session=False)
        )
        if held_by is not None:
            # A requeued job keeps its attempt number until the next attempt begins.
            statement = statement.where(Job.attempt == held_by, Job.status.in_(HELD))
        if stale_s is not None:
            statement = statement.where(Job.heartbeat_at < func.now() - timedelta(seconds=stale_s))
        if to is not JobStatus.CANCELLING:
            statement = statement.values(phase=None, eta_s=None)
        if ends:
            statement = statement.values(finished_at=func.now(), events_thinned=False)
        changed = (await self.session.execute(statement)).one_or_none()
        if changed is None:
            return None
        job, has_endpoint = changed
        data: dict[str, Any] = {"status": to, "attempt": job.attempt}
        if job.error is not None:
            data["error"] = job.error
        if job.waiting_for is not None:
            data["waiting_for"] = job.waiting_for
        types: tuple[EventType, ...] = ("status", "done") if ends else ("status",)
        contents = [(event_type, data) for event_type in types]
        events = await self._events.append(job.id, job.event_seq - len(contents) + 1, contents)
        if has_endpoint:
            await add_deliveries(self.session, job, events[0])
        return job, events

    async def request_cancel(self, job_id: UUID) -> tuple[Job, list[JobEvent]] | None:
        """Cancel a job at once if no worker holds it, else set it to `cancelling`; None: neither was possible."""
        return await self.transition(job_id, JobStatus.CANCELLED, only_from=WAITING) or (
            await self.transition(job_id, JobStatus.CANCELLING)
        )

    # For the worker that holds a job

    async def record(self, job_id: UUID, attempt: int, event_type: EventType, data: dict[str, Any]) -> JobEvent | None:
        """Append an event of a job that `attempt` holds; None when the lease is lost."""
        events = await self.record_all(job_id, attempt, [(event_type, data)])
        return None if events is None else events[0]

    async def record_all(
        self, job_id: UUID, attempt: int, events: Sequence[EventContent], **values: Any
    ) -> list[JobEvent] | None:
        """Append events of a job that `attempt` holds, and set columns, in one statement; None: the lease is lost."""
        parameters = {
            "held_job": job_id,
            "held_attempt": attempt,
            **{f"new_{name}": value for name, value in values.items()},
        }
        return await self._events.append_after(tuple(sorted(values)), events, parameters) or None

    async def renew_lease(self, job_id: UUID, attempt: int) -> JobStatus | None:
        """Record a heartbeat of `attempt`; return the job's status, or None when the lease is lost."""
        statement = update(Job).where(*_held_by(job_id, attempt)).values(heartbeat_at=func.now()).returning(Job.status)
        status = await self.session.scalar(statement)
        return None if status is None else JobStatus(status)

    async def save_inputs(self, job_id: UUID, attempt: int, inputs: dict[str, Any]) -> None:
        """Replace a job's inputs, unless `attempt` has lost its lease."""
        await self.session.execute(update(Job).where(*_held_by(job_id, attempt)).values(inputs=inputs))

    # For the scheduler and the dispatcher: jobs of all owners

    async def lock_scheduler(self) -> None:
        """Let one worker at a time claim a job, until the commit: what the choice depends on can't change meanwhile."""
        await locks.acquire(self.session, locks.Lock.SCHEDULER)

    async def try_lock_sweep(self) -> bool:
        """Take the sweep's lock until the end of the transaction; return False when another process holds it."""
        return await locks.try_acquire(self.session, locks.Lock.SWEEP)

    async def next_runnable(
        self, *, running_jobs: int, short_s: float, patience_s: float, short_only: bool = False
    ) -> UUID | None:
        """Return the job to run next, None when there is none.

        Owners with the fewest running jobs come first, then those whose last job started longest ago. Of one owner's
        jobs the short ones come first, then the oldest.

        Args:
            running_jobs: owners with this many running jobs are skipped.
            short_s: a job with at most this estimated cost, in seconds, is short.
            patience_s: short jobs do not overtake a long job that is older than this, in seconds.
            short_only: consider short jobs only.
        """
        parameters = {"running_jobs": running_jobs, "short_s": short_s, "patience": timedelta(seconds=patience_s)}
        found: UUID | None = await self.session.scalar(next_runnable(short_only=short_only), parameters)
        return found

    async def find_stalled(
        self, *, older_than_s: float, stale_s: float, is_silence_known: bool = True
    ) -> Sequence[Job]:
        """Return held jobs whose heartbeat is stale, then jobs that have waited too long, at most `STALLED_LIMIT`.

        Args:
            older_than_s: seconds after which a waiting job has waited too long.
            stale_s: seconds after which a heartbeat is stale. Time before the database's last start does not count.
            is_silence_known: whether heartbeats could be recorded lately; False ignores held jobs.
        """
        waiting = Job.status.in_(WAITING) & (
            func.coalesce(Job.queued_at, Job.created_at) < func.now() - timedelta(seconds=older_than_s)
        )
        since = func.now() - timedelta(seconds=stale_s)
        silent = and_(
            literal(is_silence_known),
            Job.status.in_(HELD),
            Job.heartbeat_at < since,
            func.pg_postmaster_start_time() < since,
        )
        # Queued jobs come last: they only need a wake-up. The next sweep takes those beyond the limit.
        order = Job.status == JobStatus.QUEUED, Job.created_at
        statement = select(Job).where(or_(waiting & is_due(), silent)).order_by(*order).limit(STALLED_LIMIT)
        return (await self.session.scalars(statement)).all()

    async def find(self, job_id: UUID) -> Job | None:
        """Return a job of any owner with its newest values. For workers and administrators only."""
        return await self.get_one_or_none(Job.id == job_id, execution_options={"populate_existing": True})

    async def find_held(self, job_ids: Collection[UUID]) -> set[UUID]:
        """Return those of these jobs that a worker holds."""
        statement = select(Job.id).where(Job.id.in_(set(job_ids)), Job.status.in_(HELD))
        return set(await self.session.scalars(statement))

    async def newest_events(self, job_ids: Iterable[UUID]) -> dict[UUID, tuple[int, bool]]:
        """Return for each existing job the number of its newest event and whether its owner is active."""
        statement = select(Job.id, Job.event_seq, Job.owner_id.in_(select_active_users())).where(
            Job.id.in_(list(job_ids))
        )
        return {job_id: (seq, is_active) for job_id, seq, is_active in await self.session.execute(statement)}

    # For the dashboard

    async def count_by_state(self) -> dict[str, int]:
        """Count unfinished jobs of all owners: `active`, `queued` and, with a start time in the future, `scheduled`."""
        waiting = Job.status.in_(WAITING)
        later = func.coalesce(Job.not_before > func.now(), False)
        statement = select(
            func.count().filter(Job.status.in_(HELD)).label("active"),
            func.count().filter(waiting & ~later).label("queued"),
            func.count().filter(waiting & later).label("scheduled"),
        ).where(Job.status.not_in(FINISHED))
        return dict((await self.session.execute(statement)).mappings().one())

    async def list_newest(self, limit: int) -> Sequence[Job]:
        """Return jobs of all owners: unfinished ones first, then the newest finished ones."""
        unfinished = select(Job).where(Job.status.not_in(FINISHED)).order_by(Job.created_at.desc()).limit(limit)
        found = list(await self.session.scalars(unfinished))
        # By id, which grows with time, because that is an index of all jobs.
        finished = select(Job).where(Job.status.in_(FINISHED)).order_by(Job.id.desc()).limit(limit - len(found))
        return [*found, *await self.session.scalars(finished)] if len(found) < limit else found


def _held_by(job_id: UUID, attempt: int) -> tuple[ColumnElement[bool], ...]:
    return Job.id == job_id, Job.attempt == attempt, Job.status.in_(HELD)
