"""Which job a worker takes next, and whether it has a place for it."""

import asyncio
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
    """A job that this worker holds, and whether it has one of the places for short ones."""

    job: Job
    aside: bool


class JobScheduler:
    """A worker's places, and the taking of jobs for them."""

    def __init__(
        self,
        *,
        name: str,
        sessions: SessionMaker,
        publisher: Publisher,
        limits: LimitSettings,
        settings: WorkerSettings,
    ) -> None:
        self._name = name
        self._sessions = sessions
        self._publisher = publisher
        self._limits = limits
        self._settings = settings
        self._taking = asyncio.Lock()
        self._places = settings.jobs
        self._short_places = settings.short_jobs

    async def take(self) -> ClaimedJob | None:
        """Take the fairest job that waits and that there is a place for; None when there is none."""
        async with self._taking:
            job = await self._take()
            if job is None:
                return None
            short = job.cost_s <= self._settings.short_s
            # A short job leaves the place of a long one free where it can.
            taken = ClaimedJob(job, aside=short and self._short_places > 0)
            self._occupy(taken, 1)
            return taken

    def release(self, taken: ClaimedJob) -> None:
        """Free the place of a job that is not held any more."""
        self._occupy(taken, -1)

    async def has_claimable_jobs(self) -> bool:
        """Whether a job waits that another worker could take, but not this one."""
        if self._places > 0:
            return False
        async with self._sessions() as session:
            return await self._next_runnable(JobRepository(session), short_only=False) is not None

    def _occupy(self, taken: ClaimedJob, places: int) -> None:
        if taken.aside:
            self._short_places -= places
        else:
            self._places -= places

    async def _take(self) -> Job | None:
        if self._places + self._short_places <= 0:
            return None
        short_only = self._places <= 0
        taken = None
        events: list[JobEvent] = []
        async with self._sessions() as session:
            jobs = JobRepository(session)
            await jobs.lock_scheduler()
            while taken is None and (job_id := await self._next_runnable(jobs, short_only=short_only)) is not None:
                queued = await jobs.transition(
                    job_id, JobStatus.QUEUED, only_from={JobStatus.PENDING}, queued_at=func.now()
                )
                taken = await jobs.transition(
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
                events += [event for moved in (queued, taken) if moved for event in moved[1]]
            await session.commit()
        await self._publisher.publish(events)
        return taken[0] if taken else None

    async def _next_runnable(self, jobs: JobRepository, *, short_only: bool) -> UUID | None:
        return await jobs.next_runnable(
            running_jobs=self._limits.running_jobs,
            short_s=self._settings.short_s,
            patience_s=self._settings.patience_s,
            short_only=short_only,
        )
