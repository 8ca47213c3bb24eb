"""All SQL about jobs.

A job's events are numbered by its row: the UPDATE that takes the next number holds the row's lock until the commit, so
numbers become visible in order and without gaps. Everything that a worker writes names its attempt; a worker that has
been given up changes nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, UnaryExpression, and_, delete, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from tone_shootout.accounts.services import active_users
from tone_shootout.jobs.models import Job, JobArtifact, JobEvent, RenderCacheEntry
from tone_shootout.jobs.status import FINISHED, HELD, WAITING, EventType, JobStatus, sources
from tone_shootout.jobs.webhooks.outbox import add_deliveries

_CHOICE_LOCK = 7_303_016  # any number: one worker chooses at a time

ORDERS: dict[str, UnaryExpression[Any]] = {
    "created_at": Job.created_at.asc(),
    "-created_at": Job.created_at.desc(),
    "finished_at": Job.finished_at.asc().nulls_last(),
    "-finished_at": Job.finished_at.desc().nulls_last(),
}


class JobRepository:
    """Jobs, their events and artifacts, in one session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    # Reading, from the owner's own

    async def get(self, owner_id: UUID, job_id: UUID) -> Job | None:
        """Return the owner's job."""
        statement = select(Job).where(Job.owner_id == owner_id, Job.id == job_id)
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def page(
        self,
        owner_id: UUID,
        *,
        limit: int,
        offset: int,
        order_by: str,
        status: JobStatus | None = None,
        shootout_id: UUID | None = None,
    ) -> tuple[Sequence[Job], int]:
        """Return a part of the owner's jobs and how many there are."""
        statement = select(Job).where(Job.owner_id == owner_id)
        if status is not None:
            statement = statement.where(Job.status == status)
        if shootout_id is not None:
            statement = statement.where(Job.shootout_id == shootout_id)
        total = await self._session.scalar(select(func.count()).select_from(statement.subquery()))
        rows = await self._session.scalars(
            statement.order_by(ORDERS[order_by], Job.id.desc()).limit(limit).offset(offset)
        )
        return rows.all(), total or 0

    async def of_shootout(self, owner_id: UUID, shootout_id: UUID) -> Sequence[Job]:
        """Return all jobs of one of the owner's shootouts."""
        statement = select(Job).where(Job.owner_id == owner_id, Job.shootout_id == shootout_id)
        return (await self._session.scalars(statement)).all()

    async def unfinished(self, owner_id: UUID) -> Sequence[Job]:
        """Return the owner's jobs that are not finished, in the order in which the sweep touches them."""
        statement = select(Job).where(Job.owner_id == owner_id, Job.status.not_in(FINISHED)).order_by(Job.created_at)
        return (await self._session.scalars(statement)).all()

    async def count_unfinished(self, owner_id: UUID) -> int:
        """Count the owner's jobs that are not finished; until the commit nobody else counts or adds to them."""
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{owner_id}/jobs", 0))))
        statement = select(func.count()).where(Job.owner_id == owner_id, Job.status.not_in(FINISHED))
        return await self._session.scalar(statement) or 0

    async def events(self, job_id: UUID, *, after: int, limit: int = 500) -> Sequence[JobEvent]:
        """Return the job's events behind `after`, in order."""
        statement = (
            select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.seq > after).order_by(JobEvent.seq).limit(limit)
        )
        return (await self._session.scalars(statement)).all()

    async def newest(self, job_ids: Iterable[UUID]) -> dict[UUID, tuple[int, bool]]:
        """Return of each of these jobs that there is the number of its newest event, and if its owner is active."""
        statement = select(Job.id, Job.event_seq, Job.owner_id.in_(active_users())).where(Job.id.in_(list(job_ids)))
        return {job_id: (seq, is_active) for job_id, seq, is_active in await self._session.execute(statement)}

    async def artifacts(self, job_id: UUID) -> Sequence[JobArtifact]:
        """Return the job's artifacts by path."""
        statement = select(JobArtifact).where(JobArtifact.job_id == job_id).order_by(JobArtifact.path)
        return (await self._session.scalars(statement)).all()

    async def artifact(self, job_id: UUID, path: str) -> JobArtifact | None:
        """Return one artifact."""
        return await self._session.get(JobArtifact, (job_id, path))

    # Writing

    async def add(self, job: Job) -> JobEvent:
        """Write down a new job with the first line of its log."""
        job.status = JobStatus.PENDING
        job.event_seq = 1
        self._session.add(job)
        await self._session.flush()
        return await self._log_status(job, 1, {"status": JobStatus.PENDING, "attempt": 0})

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
        """Bring a job to `to` if the table of transitions allows it from where it is; else change nothing.

        Args:
            job_id: which job.
            to: the new status.
            only_from: only from these of the statuses that the table allows.
            held_by: only if this attempt still holds it.
            stale_s: only if its worker has not been heard of for so many seconds.
            values: further columns to set.

        Returns:
            The job and what was added to its log, or None when nothing was changed.
        """
        ends = to in FINISHED
        statement = (
            update(Job)
            .where(Job.id == job_id, Job.status.in_(sources(to).intersection(only_from or JobStatus)))
            .values(status=to, event_seq=Job.event_seq + (2 if ends else 1), **({"waiting_for": None} | values))
            .returning(Job)
            .execution_options(populate_existing=True)
        )
        if held_by is not None:
            # A job that was taken away from it waits under the same number until another attempt begins.
            statement = statement.where(Job.attempt == held_by, Job.status.in_(HELD))
        if stale_s is not None:
            statement = statement.where(Job.heartbeat_at < func.now() - timedelta(seconds=stale_s))
        if to is not JobStatus.CANCELLING:
            statement = statement.values(phase=None, eta_s=None)
        if ends:
            statement = statement.values(finished_at=func.now())
        job = (await self._session.execute(statement)).scalar_one_or_none()
        if job is None:
            return None
        data: dict[str, Any] = {"status": to, "attempt": job.attempt}
        if job.error is not None:
            data["error"] = job.error
        if job.waiting_for is not None:
            data["waiting_for"] = job.waiting_for
        if not ends:
            return job, [await self._log_status(job, job.event_seq, data)]
        return job, [
            await self._log_status(job, job.event_seq - 1, data),
            await self._log(job.id, job.event_seq, "done", data),
        ]

    async def stop(self, job_id: UUID) -> tuple[Job, list[JobEvent]] | None:
        """Cancel a job at once where no worker holds it, else ask its worker to let go; None: it is past that."""
        return await self.transition(job_id, JobStatus.CANCELLED, only_from=WAITING) or (
            await self.transition(job_id, JobStatus.CANCELLING)
        )

    async def record(
        self, job_id: UUID, attempt: int, kind: EventType, data: dict[str, Any], **values: Any
    ) -> JobEvent | None:
        """Add to the log of a job that `attempt` holds, and set columns with it; None when it no longer does."""
        statement = (
            update(Job)
            .where(Job.id == job_id, Job.attempt == attempt, Job.status.in_(HELD))
            .values(event_seq=Job.event_seq + 1, heartbeat_at=func.now(), **values)
            .returning(Job.event_seq)
        )
        seq = await self._session.scalar(statement)
        return None if seq is None else await self._log(job_id, seq, kind, data)

    async def beat(self, job_id: UUID, attempt: int) -> JobStatus | None:
        """Say that `attempt` is alive; return the job's status, or None when it no longer holds the job."""
        statement = (
            update(Job)
            .where(Job.id == job_id, Job.attempt == attempt, Job.status.in_(HELD))
            .values(heartbeat_at=func.now())
            .returning(Job.status)
        )
        status = await self._session.scalar(statement)
        return None if status is None else JobStatus(status)

    async def keep_inputs(self, job_id: UUID, attempt: int, inputs: dict[str, Any]) -> None:
        """Write down what a job needs, now that it is complete, unless `attempt` does not hold the job any more."""
        held = (Job.id == job_id, Job.attempt == attempt, Job.status.in_(HELD))
        await self._session.execute(update(Job).where(*held).values(inputs=inputs))

    async def put_artifact(self, artifact: JobArtifact) -> None:
        """Write down an artifact, in place of an earlier one of the same path."""
        values = {column.key: getattr(artifact, column.key) for column in JobArtifact.__table__.columns}
        statement = upsert(JobArtifact).values(**values)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["job_id", "path"], set_=dict(statement.excluded.items()))
        )

    async def forget_artifacts(self, job_id: UUID) -> None:
        """Strike out what an earlier attempt has left."""
        await self._session.execute(delete(JobArtifact).where(JobArtifact.job_id == job_id))

    # For workers, whoever owns the job

    async def lock_scheduler(self) -> None:
        """Be the only one who chooses a job, until the commit: what counts for the choice stays as it was."""
        await self._session.execute(select(func.pg_advisory_xact_lock(_CHOICE_LOCK)))

    async def next_runnable(
        self, *, running_jobs: int, short_s: float, patience_s: float, short_only: bool = False
    ) -> UUID | None:
        """Return the job that is to be taken next, None when there is none that may be.

        First comes the owner with the fewest running jobs, among equals the one served longest ago. Of the owner's
        jobs the short ones come first, and then the oldest.

        Args:
            running_jobs: owners who have so many running already are passed over.
            short_s: estimated seconds up to which a job is short.
            patience_s: a long job that is older than this is overtaken no more.
            short_only: only among short jobs.
        """
        running = (
            select(Job.owner_id, func.count().label("jobs")).where(Job.status.in_(HELD)).group_by(Job.owner_id)
        ).subquery()
        earlier = aliased(Job)
        served_at = select(func.max(earlier.started_at)).where(earlier.owner_id == Job.owner_id).scalar_subquery()
        overtaken = (Job.cost_s > short_s) & (Job.created_at > func.now() - timedelta(seconds=patience_s))
        jobs_running = func.coalesce(running.c.jobs, 0)
        statement = (
            select(Job.id)
            .outerjoin(running, running.c.owner_id == Job.owner_id)
            .where(Job.status.in_(WAITING), _due(), jobs_running < running_jobs)
            .order_by(jobs_running, served_at.nulls_first(), overtaken, Job.created_at, Job.id)
            .limit(1)
        )
        if short_only:
            statement = statement.where(Job.cost_s <= short_s)
        found: UUID | None = await self._session.scalar(statement)
        return found

    # For the dispatcher

    async def lock(self, key: int) -> bool:
        """Take an advisory lock until the end of the transaction, unless another has it."""
        return bool(await self._session.scalar(select(func.pg_try_advisory_xact_lock(key))))

    async def find_stalled(
        self, *, older_than_s: float, stale_s: float, is_silence_known: bool = True
    ) -> Sequence[Job]:
        """Return held jobs whose worker is silent, then some that wait longer than they should.

        Args:
            older_than_s: how long that is.
            stale_s: seconds after which a worker counts as silent. Only those count in which it could be heard: since
                the database has been up.
            is_silence_known: whether workers could be heard lately; False: leave held jobs alone.
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
        # By status: those that wait in the queue come last, they only need to be heard of. The next sweep has what is
        # left: rows come with all that their jobs are made of, and must not hold up the event loop.
        order = Job.status == JobStatus.QUEUED, Job.created_at
        statement = select(Job).where(or_(waiting & _due(), silent)).order_by(*order).limit(100)
        return (await self._session.scalars(statement)).all()

    async def find(self, job_id: UUID) -> Job | None:
        """Return a job whoever owns it: for workers, never for a request."""
        return await self._session.get(Job, job_id, populate_existing=True)

    async def held(self, job_ids: Collection[UUID]) -> set[UUID]:
        """Return those jobs that a worker holds."""
        statement = select(Job.id).where(Job.id.in_(set(job_ids)), Job.status.in_(HELD))
        return set(await self._session.scalars(statement))

    async def stored(self, job_ids: Collection[UUID]) -> set[str]:
        """Return the keys under which the artifacts of jobs are stored."""
        statement = select(JobArtifact.storage_key).where(JobArtifact.job_id.in_(set(job_ids)))
        return set(await self._session.scalars(statement))

    async def thin(self, before: datetime, *, most: int) -> int:
        """Strike out of the logs of jobs that finished before `before` all but statuses; return how many lines."""
        old = (
            select(JobEvent.job_id, JobEvent.seq)
            .join(Job, Job.id == JobEvent.job_id)
            .where(Job.finished_at < before, Job.status.in_(FINISHED), JobEvent.type.not_in(("status", "done")))
            .limit(most)
            .with_for_update(of=JobEvent, skip_locked=True)
            .cte("old")
        )
        statement = delete(JobEvent).where(JobEvent.job_id == old.c.job_id, JobEvent.seq == old.c.seq)
        return len((await self._session.scalars(statement.returning(JobEvent.seq))).all())

    async def count_board(self) -> dict[str, int]:
        """Return how many jobs are at work, wait, and wait for a time that has not come."""
        waiting = Job.status.in_(WAITING)
        later = func.coalesce(Job.not_before > func.now(), False)
        statement = select(
            func.count().filter(Job.status.in_(HELD)).label("active"),
            func.count().filter(waiting & ~later).label("queued"),
            func.count().filter(waiting & later).label("scheduled"),
        ).where(Job.status.not_in(FINISHED))
        return dict((await self._session.execute(statement)).mappings().one())

    async def board(self, most: int) -> Sequence[Job]:
        """Return jobs for the dashboard, whoever owns them: what is not finished first, then the newest."""
        statement = select(Job).order_by(Job.status.in_(FINISHED), Job.created_at.desc()).limit(most)
        return (await self._session.scalars(statement)).all()

    async def _log_status(self, job: Job, seq: int, data: dict[str, Any]) -> JobEvent:
        event = await self._log(job.id, seq, "status", data)
        await add_deliveries(self._session, job, event)
        return event

    async def _log(self, job_id: UUID, seq: int, kind: EventType, data: dict[str, Any]) -> JobEvent:
        statement = (
            insert(JobEvent)
            .values(job_id=job_id, seq=seq, type=literal(kind), at=func.clock_timestamp(), data=data)
            .returning(JobEvent)
        )
        return (await self._session.execute(statement)).scalar_one()


def _due() -> ColumnElement[bool]:
    return or_(Job.not_before.is_(None), Job.not_before <= func.now())


async def results_bytes(session: AsyncSession, owner_id: UUID) -> int:
    """Return how many bytes the results of an owner's jobs have."""
    statement = (
        select(func.coalesce(func.sum(JobArtifact.size), 0))
        .join(Job, Job.id == JobArtifact.job_id)
        .where(Job.owner_id == owner_id)
    )
    return int(await session.scalar(statement) or 0)


class CacheRepository:
    """What is known of rendered sound that is kept, always of one owner, in one session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def known(self, owner_id: UUID, keys: Collection[str]) -> frozenset[str]:
        """Return those of `keys` that are kept."""
        statement = select(RenderCacheEntry.key).where(
            RenderCacheEntry.owner_id == owner_id, RenderCacheEntry.key.in_(keys)
        )
        return frozenset(await self._session.scalars(statement))

    async def use(self, owner_id: UUID, key: str) -> bool:
        """Note that a sound is used now; return whether it is kept."""
        statement = (
            update(RenderCacheEntry)
            .where(RenderCacheEntry.owner_id == owner_id, RenderCacheEntry.key == key)
            .values(last_used_at=func.clock_timestamp())
            .returning(RenderCacheEntry.key)
        )
        return await self._session.scalar(statement) is not None

    async def put(self, owner_id: UUID, key: str, size: int) -> None:
        """Write down that a sound is kept and used now."""
        values = {"size": size, "last_used_at": func.clock_timestamp()}
        statement = upsert(RenderCacheEntry).values(owner_id=owner_id, key=key, **values)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["owner_id", "key"], set_=dict(values))
        )

    async def known_to_anyone(self, entries: Collection[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
        """Return those entries, each with its owner, that are written down."""
        statement = select(RenderCacheEntry.owner_id, RenderCacheEntry.key).where(
            tuple_(RenderCacheEntry.owner_id, RenderCacheEntry.key).in_(entries)
        )
        return {(row.owner_id, row.key) for row in await self._session.execute(statement)}

    async def evict(self, owner_id: UUID, max_bytes: int) -> Sequence[str]:
        """Strike out what was used longest ago until the rest fits, and return the keys.

        Workers do it one after the other: the lock lasts until the commit, so that the objects can be deleted before.
        """
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{owner_id}/cache", 0))))
        newest_first = RenderCacheEntry.last_used_at.desc(), RenderCacheEntry.key
        running = select(
            RenderCacheEntry.key, func.sum(RenderCacheEntry.size).over(order_by=newest_first).label("total")
        ).where(RenderCacheEntry.owner_id == owner_id)
        counted = running.subquery()
        statement = (
            delete(RenderCacheEntry)
            .where(
                RenderCacheEntry.owner_id == owner_id,
                RenderCacheEntry.key.in_(select(counted.c.key).where(counted.c.total > max_bytes)),
            )
            .returning(RenderCacheEntry.key)
        )
        return (await self._session.scalars(statement)).all()

    async def forget(self, owner_id: UUID, key: str) -> None:
        """Strike out a sound."""
        await self._session.execute(
            delete(RenderCacheEntry).where(RenderCacheEntry.owner_id == owner_id, RenderCacheEntry.key == key)
        )
