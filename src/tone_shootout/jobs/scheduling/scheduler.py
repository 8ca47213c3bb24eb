"""Which job a worker runs next, and whether it has a free slot for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func

from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.settings import LimitSettings, WorkerSettings


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that this worker holds."""

    job: Job
    in_short_slot: bool
    """Whether it occupies one of the slots that are reserved for short jobs."""


class JobScheduler:
    """A worker's slots, and the claiming of jobs for them.

    Args:
        name: the worker's name.
        sessions: opens sessions of the database.
        publisher: publishes the jobs' events.
        limits: running jobs for each owner.
        settings: number of slots, and what counts as a short job.
        is_paused: returns whether no job may be claimed; None: it always may.
    """

    def __init__(
        self,
        *,
        name: str,
        sessions: SessionMaker,
        publisher: Publisher,
        limits: LimitSettings,
        settings: WorkerSettings,
        is_paused: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self._name = name
        self._sessions = sessions
        self._publisher = publisher
        self._limits = limits
        self._settings = settings
        self._is_paused = is_paused
        self._claiming = asyncio.Lock()
        self._slots = settings.jobs
        self._short_slots = settings.short_jobs

    async def claim(self) -> ClaimedJob | None:
        """Claim the next runnable job for which there is a free slot, and occupy the slot; None: there is none."""
        async with self._claiming:
            job = await self._claim()
            if job is None:
                return None
            is_short = job.cost_s <= self._settings.short_s
            # A short job prefers a short slot, and leaves the other to a long job.
            claimed = ClaimedJob(job, in_short_slot=is_short and self._short_slots > 0)
            self._occupy(claimed, 1)
            return claimed

    def release(self, claimed: ClaimedJob) -> None:
        """Free the slot of a job that the worker does not hold any more."""
        self._occupy(claimed, -1)

    async def has_claimable_jobs(self) -> bool:
        """Return whether a job waits that another worker can claim, but not this one."""
        if self._slots > 0 or (self._is_paused is not None and await self._is_paused()):
            return False
        async with self._sessions() as session:
            return await self._next_runnable(JobRepository(session), short_only=False) is not None

    def _occupy(self, claimed: ClaimedJob, slots: int) -> None:
        if claimed.in_short_slot:
            self._short_slots -= slots
        else:
            self._slots -= slots

    async def _claim(self) -> Job | None:
        if self._slots + self._short_slots <= 0 or (self._is_paused is not None and await self._is_paused()):
            return None
        short_only = self._slots <= 0
        claimed = None
        events: list[JobEvent] = []
        async with self._sessions() as session:
            jobs = JobRepository(session)
            await jobs.lock_scheduler()
            # A job that is cancelled between the two statements is skipped.
            while claimed is None and (job_id := await self._next_runnable(jobs, short_only=short_only)) is not None:
                queued = await jobs.transition(
                    job_id, JobStatus.QUEUED, only_from={JobStatus.PENDING}, queued_at=func.now()
                )
                claimed = await jobs.transition(
                    job_id,
                    JobStatus.RUNNING,
                    attempt=Job.attempt + 1,
                    worker=self._name,
                    started_at=func.now(),
                    heartbeat_at=func.now(),
                    not_before=None,
                    progress_done=0.0,
                    progress_total=0.0,
                )
                events += [event for moved in (queued, claimed) if moved for event in moved[1]]
            await session.commit()
        await self._publisher.publish(events)
        return claimed[0] if claimed else None

    async def _next_runnable(self, jobs: JobRepository, *, short_only: bool) -> UUID | None:
        return await jobs.next_runnable(
            running_jobs=self._limits.running_jobs,
            short_s=self._settings.short_s,
            patience_s=self._settings.patience_s,
            short_only=short_only,
        )
