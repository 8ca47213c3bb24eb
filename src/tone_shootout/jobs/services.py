"""The rules of the work."""

from collections.abc import Collection, Sequence
from functools import partial
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.jobs.dtos import JobOrder
from tone_shootout.jobs.errors import (
    ArtifactNotFoundError,
    JobFinishedError,
    JobNotFoundError,
    NothingToRetryError,
    TooManyJobsError,
    UnfinishedJobError,
)
from tone_shootout.jobs.execution.inputs import Asset, Inputs
from tone_shootout.jobs.execution.render_cache import find_cached
from tone_shootout.jobs.models import Job, JobArtifact, JobEvent
from tone_shootout.jobs.repositories import JobArtifactRepository, JobRepository, RenderCacheRepository, results_bytes
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.jobs.status import FINISHED, JobStatus
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.settings import LimitSettings
from tone_shootout.rendering.engine.schedule import sound_keys
from tone_shootout.rendering.plan.estimate import estimate
from tone_shootout.shootouts.jobs_port import SubmittedJob
from tone_shootout.shootouts.library.quota import StorageQuota
from tone_shootout.shootouts.services import ShootoutService


class JobService:
    """Jobs of one owner, in one unit of work."""

    def __init__(self, session: AsyncSession, shootouts: ShootoutService, limits: LimitSettings) -> None:
        self._session = session
        self._jobs = JobRepository(session)
        self._artifacts = JobArtifactRepository(session)
        self._cache = RenderCacheRepository(session)
        self._quota = StorageQuota(limits, results_bytes)
        self._shootouts = shootouts
        self._limits = limits

    async def submit(self, owner_id: UUID, shootout_id: UUID) -> tuple[Job, list[JobEvent]]:
        """Write down a job for a shootout; it is queued after the commit.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
            InvalidError: its config can't be rendered any more.
            TooManyJobsError: the owner has too many that are not finished.
            QuotaExceededError: there is no room for results.
        """
        snapshot = await self._shootouts.snapshot(owner_id, shootout_id)
        inputs = Inputs(
            spec=snapshot.spec,
            assets={asset.file: Asset.of(asset) for asset in snapshot.assets},
            wanted=snapshot.wanted,
        )
        await self._make_room(owner_id)
        there = await find_cached(self._cache, owner_id, sound_keys(snapshot.plan))
        job = Job(
            owner_id=owner_id,
            shootout_id=shootout_id,
            title=snapshot.title,
            inputs=msgspec.to_builtins(inputs),
            cost_s=estimate(snapshot.plan, there),
            progress_total=0.0,
            progress_done=0.0,
        )
        return job, [await self._jobs.add_pending(job)]

    async def get(self, owner_id: UUID, job_id: UUID) -> Job:
        """Return a job.

        Raises:
            JobNotFoundError: the owner has no such job.
        """
        job = await self._jobs.get_owned(owner_id, job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        return job

    async def list_jobs(
        self,
        owner_id: UUID,
        *,
        paging: Paging,
        order_by: JobOrder,
        status: JobStatus | None = None,
        shootout_id: UUID | None = None,
    ) -> tuple[Sequence[Job], int]:
        """Return a page of the owner's jobs, and how many there are in all."""
        return await self._jobs.list_filtered(
            owner_id, paging=paging, order_by=order_by, status=status, shootout_id=shootout_id
        )

    async def cancel(self, owner_id: UUID, job_id: UUID) -> tuple[Job, list[JobEvent]]:
        """Ask a job to stop: at once if no worker holds it, else as soon as the worker lets go. Asking twice is fine.

        Raises:
            JobNotFoundError: the owner has no such job.
            JobFinishedError: it has completed or failed.
        """
        await self.get(owner_id, job_id)
        moved = await self._jobs.request_cancel(job_id)
        if moved is not None:
            return moved
        job = await self.get(owner_id, job_id)
        if job.status in (JobStatus.COMPLETED, JobStatus.FAILED):
            raise JobFinishedError(JobStatus(job.status))
        return job, []

    async def retry(self, owner_id: UUID, job_id: UUID) -> tuple[Job, list[JobEvent]]:
        """Let a job that failed or was cancelled begin again, from the segments that it has; queued after the commit.

        Raises:
            JobNotFoundError: the owner has no such job.
            NothingToRetryError: it is not finished, or completed.
            TooManyJobsError: the owner has too many that are not finished.
            QuotaExceededError: there is no room for results.
        """
        job = await self.get(owner_id, job_id)
        if job.status in (JobStatus.FAILED, JobStatus.CANCELLED):
            await self._make_room(owner_id)
        moved = await self._jobs.transition(
            job_id,
            JobStatus.PENDING,
            only_from=(JobStatus.FAILED, JobStatus.CANCELLED),
            error_code=None,
            error_detail=None,
            error_segment=None,
            error_pointer=None,
            finished_at=None,
            started_at=None,
            interruptions=0,
            not_before=None,
            progress_done=0.0,
            progress_total=0.0,
        )
        if moved is None:
            raise NothingToRetryError(JobStatus((await self.get(owner_id, job_id)).status))
        return moved

    async def artifacts(self, owner_id: UUID, job_id: UUID) -> Sequence[JobArtifact]:
        """Return what a job has made.

        Raises:
            JobNotFoundError: the owner has no such job.
        """
        await self.get(owner_id, job_id)
        return await self._artifacts.list_of_job(job_id)

    async def artifact(self, owner_id: UUID, job_id: UUID, path: str) -> JobArtifact:
        """Return one file that a job has made.

        Raises:
            JobNotFoundError: the owner has no such job.
            ArtifactNotFoundError: it has made no such file.
        """
        await self.get(owner_id, job_id)
        artifact = await self._artifacts.find(job_id, path)
        if artifact is None:
            raise ArtifactNotFoundError(path)
        return artifact

    async def _make_room(self, owner_id: UUID) -> None:
        await self._quota.available_bytes(self._session, owner_id)
        limit = self._limits.queued_jobs
        if await self._jobs.count_unfinished(owner_id) >= limit:
            raise TooManyJobsError(limit)


class JobsPortAdapter:
    """The jobs, as the shootouts domain sees them (`shootouts.desk.JobDesk`)."""

    def __init__(self, session: AsyncSession, jobs: JobService, dispatcher: Dispatcher) -> None:
        self._jobs = jobs
        self._rows = JobRepository(session)
        self._cache = RenderCacheRepository(session)
        self._dispatcher = dispatcher

    async def submit(self, owner_id: UUID, shootout_id: UUID) -> SubmittedJob:
        """Write down a job for a shootout."""
        job, events = await self._jobs.submit(owner_id, shootout_id)
        return SubmittedJob(id=job.id, dispatch=partial(self._dispatcher.dispatch, job.id, events))

    async def release(self, owner_id: UUID, shootout_id: UUID) -> Sequence[str]:
        """Let a shootout be deleted with its jobs, and return the prefixes of what they have stored.

        Raises:
            UnfinishedJobError: one of its jobs is not finished.
        """
        jobs = await self._rows.list_of_shootout(owner_id, shootout_id)
        if any(job.status not in FINISHED for job in jobs):
            raise UnfinishedJobError
        return [results_prefix(job) for job in jobs]

    async def needs(self, owner_id: UUID, storage_key: str) -> bool:
        """Whether an unfinished job of the owner reads what is stored under a key."""
        inputs = [msgspec.convert(job.inputs, Inputs) for job in await self._rows.list_unfinished(owner_id)]
        return any(asset.storage_key == storage_key for found in inputs for asset in found.assets.values())

    async def rendered(self, owner_id: UUID, keys: Collection[str]) -> frozenset[str]:
        """Return those of `keys` whose sound is kept for the owner."""
        return await find_cached(self._cache, owner_id, keys)


def results_prefix(job: Job) -> str:
    """Return the prefix under which everything that a job makes is stored."""
    return f"users/{job.owner_id}/jobs/{job.id}"
