"""From the outbox to the queue, and recovery of jobs whose workers died.

The job's row is the truth. An entry of the queue only wakes a worker, which then claims the next runnable job
(`JobRepository.next_runnable`) and continues until none is left that it can claim.
"""

import asyncio
import math
import time
from contextlib import AbstractAsyncContextManager
from uuid import UUID

import structlog
from saq import Queue
from sqlalchemy import func

from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.scheduling.queue import RUN_JOB
from tone_shootout.jobs.scheduling.retry_policy import retry_or_fail
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.outages import outage_of
from tone_shootout.kit.periodic import running_periodically
from tone_shootout.kit.readiness import reason_of
from tone_shootout.kit.settings import WorkerSettings

WAKES = 20
"""Most entries that a sweep puts into the queue: enough to wake every worker of a large installation."""

_log = structlog.get_logger(__name__)


class Dispatcher:
    """Puts jobs into the queue.

    Args:
        queue: the queue, which wakes workers.
        sessions: opens sessions of the database.
        publisher: publishes the jobs' events.
        settings: intervals of sweeps and heartbeats, and retries.
    """

    def __init__(self, queue: Queue, sessions: SessionMaker, publisher: Publisher, settings: WorkerSettings) -> None:
        self._queue = queue
        self._sessions = sessions
        self._publisher = publisher
        self._settings = settings
        self._swept_at: float | None = None
        """Time of the last successful sweep, in seconds of the monotonic clock."""
        self._blind_until = 0.0
        """Time before which stale heartbeats are ignored: after an outage, workers need time to record new ones."""

    async def announce(self, events: list[JobEvent]) -> None:
        """Publish the events of a request, after its commit."""
        await self._publisher.publish(events)

    async def dispatch(self, job: Job, events: list[JobEvent] | None = None) -> None:
        """Put a committed job into the queue. After a failure, the next sweep does it.

        A worker wakes while the job's new status is written. If it is faster, the claim sets both.
        """
        try:
            await asyncio.gather(self.enqueue(job), self._publish_and_set_queued(job.id, events or []))
        except Exception:  # noqa: BLE001 - the next sweep queues the job; the request has already succeeded
            _log.warning("dispatch_failed", job_id=str(job.id), exc_info=True)

    async def _publish_and_set_queued(self, job_id: UUID, events: list[JobEvent]) -> None:
        await self._publisher.publish(events)
        async with self._sessions() as session:
            moved = await _queue(JobRepository(session), job_id)
            await session.commit()
        if moved is not None:
            await self._publisher.publish(moved[1])

    async def enqueue(self, job: Job) -> None:
        """Wake a worker for a waiting job, at the earliest when the job may start."""
        # Safe to repeat: SAQ ignores a key that it has an entry for. The attempt's number in the key keeps a lost entry
        # from blocking the next attempt's.
        due = 0 if job.not_before is None else math.ceil(job.not_before.timestamp())
        await self._wake(f"{job.id}:{job.attempt}", job_id=str(job.id), due=due)

    async def requeue(self) -> None:
        """Wake a worker in one second, for jobs that this one could not claim."""
        await self._wake("again", job_id=None, due=math.ceil(time.time()) + 1)

    async def sweep(self) -> int:
        """Queue jobs that were missed or whose worker died; return the number of stalled jobs found."""
        async with self._sessions() as session:
            jobs = JobRepository(session)
            is_locked = await jobs.try_lock_sweep()
            is_silence_known = self._is_silence_known()
            if not is_locked:
                return 0
            stalled = await jobs.find_stalled(
                older_than_s=self._settings.sweep_s,
                stale_s=self._settings.heartbeat_s,
                is_silence_known=is_silence_known,
            )
            events: list[JobEvent] = []
            waiting: list[Job] = []
            for job in stalled:
                moved = await self._recover(jobs, job)
                if moved is not None:
                    events += moved[1]
                    job = moved[0]
                if job.status == JobStatus.QUEUED:
                    waiting.append(job)
            await session.commit()
        await self._publisher.publish(events)
        for job in waiting[:WAKES]:
            await self.enqueue(job)
        return len(stalled)

    def sweeping(self) -> AbstractAsyncContextManager[None]:
        """Sweep at once and every `sweep_s` seconds, as long as the context lasts."""
        return running_periodically(self._connect_and_sweep, interval_s=self._settings.sweep_s, on_error=self._failed)

    def _is_silence_known(self) -> bool:
        """Return whether workers could record heartbeats lately. Call it once per sweep."""
        now, heartbeat_s = time.monotonic(), float(self._settings.heartbeat_s)
        late_s = self._settings.sweep_s + heartbeat_s
        if self._blind_until == math.inf or (self._swept_at is not None and now - self._swept_at > late_s):
            self._blind_until = now + heartbeat_s
        self._swept_at = now
        return now >= self._blind_until

    async def _connect_and_sweep(self) -> None:
        await self._queue.connect()
        await self.sweep()

    def _failed(self, error: Exception, failures: int) -> None:
        self._blind_until = math.inf
        if failures == 1:
            _log.warning(
                "sweep_failed", reason=reason_of(error), exc_info=None if outage_of(error) is not None else error
            )

    async def _recover(self, jobs: JobRepository, job: Job) -> tuple[Job, list[JobEvent]] | None:
        stale_s = float(self._settings.heartbeat_s)
        match JobStatus(job.status):
            case JobStatus.PENDING:
                return await _queue(jobs, job.id)
            case JobStatus.CANCELLING:
                return await jobs.transition(job.id, JobStatus.CANCELLED, stale_s=stale_s)
            case JobStatus.RUNNING:
                detail = f"{job.interruptions + 1} workers stopped while running this job. Retry it later."
                to, values = retry_or_fail(job, self._settings, code="worker_lost", detail=detail)
                return await jobs.transition(
                    job.id, to, held_by=job.attempt, stale_s=stale_s, only_from={JobStatus.RUNNING}, **values
                )
            case _:
                return None

    async def _wake(self, key: str, *, job_id: str | None, due: int) -> None:
        # No time limit, because a worker continues with other jobs: the runner limits the time of each job, and the
        # queue requires heartbeats.
        await self._queue.enqueue(
            RUN_JOB,
            key=key,
            job_id=job_id,
            scheduled=due,
            timeout=0,
            heartbeat=self._settings.heartbeat_s,
            retries=self._settings.attempts,
            ttl=60,
        )


async def _queue(jobs: JobRepository, job_id: UUID) -> tuple[Job, list[JobEvent]] | None:
    """Set a pending job to `queued`, unless a worker has claimed it already."""
    return await jobs.transition(job_id, JobStatus.QUEUED, only_from={JobStatus.PENDING}, queued_at=func.now())
