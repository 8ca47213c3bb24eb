"""The rules of submitting, cancelling and retrying jobs."""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.quotas import Quota, get_quota
from tone_shootout.jobs.dtos import JobOrder
from tone_shootout.jobs.errors import (
    ArtifactNotFoundError,
    JobFinishedError,
    JobNotFoundError,
    NoResultsError,
    NothingToRetryError,
    TooManyJobsError,
    UnfinishedJobError,
)
from tone_shootout.jobs.execution.inputs import Asset, Inputs
from tone_shootout.jobs.execution.render_cache import find_cached
from tone_shootout.jobs.models import Job, JobArtifact, JobEvent, JobRow
from tone_shootout.jobs.repositories import (
    JobArtifactRepository,
    JobEventRepository,
    JobPictureRepository,
    JobRepository,
    RenderCacheRepository,
    results_bytes,
)
from tone_shootout.jobs.status import FINISHED, RETRYABLE, JobStatus
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.documents import to_document
from tone_shootout.kit.http.request_id import current_request_id
from tone_shootout.kit.settings import LimitSettings
from tone_shootout.kit.tracing import current_traceparent
from tone_shootout.rendering.engine.schedule import sound_keys
from tone_shootout.rendering.estimate import estimate
from tone_shootout.shootouts.library.quota import StorageQuota
from tone_shootout.shootouts.library.services import read_pictures
from tone_shootout.shootouts.services import ShootoutService


class JobService:
    """Jobs of a user, in one unit of work.

    Args:
        session: the unit of work.
        shootouts: provides the shootouts to render.
        limits: storage quota and number of unfinished jobs.
    """

    def __init__(self, session: AsyncSession, shootouts: ShootoutService, limits: LimitSettings) -> None:
        self._session = session
        self._quota = StorageQuota(limits, results_bytes)
        self._shootouts = shootouts
        self._limits = limits

    # Made when they are needed: a request needs one or two of them.

    @cached_property
    def _jobs(self) -> JobRepository:
        return JobRepository(self._session)

    @cached_property
    def _artifacts(self) -> JobArtifactRepository:
        return JobArtifactRepository(self._session)

    @cached_property
    def _events(self) -> JobEventRepository:
        return JobEventRepository(self._session)

    @cached_property
    def _cache(self) -> RenderCacheRepository:
        return RenderCacheRepository(self._session)

    async def submit(self, owner_id: UUID, shootout_id: UUID) -> tuple[Job, list[JobEvent]]:
        """Add a job for a shootout. The caller dispatches it after the commit.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
            InvalidError: its config does not pass today's validation.
            TooManyJobsError: the owner has reached the limit of unfinished jobs.
            QuotaExceededError: the owner's storage quota is used up.
        """
        snapshot = await self._shootouts.snapshot(owner_id, shootout_id)
        inputs = Inputs(
            spec=snapshot.spec,
            assets={asset.file: Asset.of(asset) for asset in snapshot.assets},
            wanted=snapshot.wanted,
            document=snapshot.document,
        )
        await self._check_limits(owner_id)
        cached = await find_cached(self._cache, owner_id, sound_keys(snapshot.plan))
        job = Job(
            owner_id=owner_id,
            shootout_id=shootout_id,
            title=snapshot.title,
            labels=snapshot.metadata,
            inputs=to_document(inputs),
            cost_s=estimate(snapshot.plan, cached),
            progress_total=0.0,
            progress_done=0.0,
            **_origin(),
        )
        event = await self._jobs.add_pending(job)
        contents = await read_pictures(self._session, owner_id, set(inputs.pictures.values()))
        await JobPictureRepository(self._session).add_all(job.id, contents)
        return job, [event]

    async def get(self, owner_id: UUID, job_id: UUID) -> Job:
        """Return the owner's job.

        Raises:
            JobNotFoundError: the owner has no such job.
        """
        job = await self._jobs.get_owned(owner_id, job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        return job

    async def read(self, owner_id: UUID, job_id: UUID) -> JobRow:
        """Return what a response shows of the owner's job.

        Raises:
            JobNotFoundError: the owner has no such job.
        """
        job = await self._jobs.read(owner_id, job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        return job

    async def count_unfinished(self, owner_id: UUID) -> int:
        """Count the owner's unfinished jobs."""
        return await self._jobs.count_owned(owner_id, Job.status.not_in(FINISHED))

    async def max_unfinished(self, owner_id: UUID) -> int:
        """Return how many unfinished jobs the owner may have."""
        return self._max_unfinished(await get_quota(self._session, owner_id))

    def _max_unfinished(self, quota: Quota) -> int:
        return self._limits.queued_jobs if quota.queued_jobs is None else quota.queued_jobs

    async def list_jobs(
        self,
        owner_id: UUID,
        *,
        paging: Paging,
        order_by: JobOrder,
        status: JobStatus | None = None,
        shootout_id: UUID | None = None,
    ) -> tuple[Sequence[JobRow], int]:
        """Return a page of the owner's jobs, and how many there are in all."""
        return await self._jobs.list_filtered(
            owner_id, paging=paging, order_by=order_by, status=status, shootout_id=shootout_id
        )

    async def list_unfinished(self, owner_id: UUID) -> Sequence[Job]:
        """Return the owner's unfinished jobs, oldest first."""
        return await self._jobs.list_unfinished(owner_id)

    async def list_newest(self, owner_id: UUID, shootout_ids: Collection[UUID]) -> dict[UUID, Job]:
        """Return the newest job of each of these shootouts that has one, by the shootout's id."""
        return {job.shootout_id: job for job in await self._jobs.list_newest_of(owner_id, shootout_ids)}

    async def cancel(self, owner_id: UUID, job_id: UUID) -> tuple[Job, list[JobEvent]]:
        """Cancel a job: at once if no worker holds it, else when the worker releases it. Safe to repeat.

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
        """Retry a failed or cancelled job with the segments in the cache. The caller dispatches it after the commit.

        Raises:
            JobNotFoundError: the owner has no such job.
            NothingToRetryError: it is unfinished or has completed.
            TooManyJobsError: the owner has reached the limit of unfinished jobs.
            QuotaExceededError: the owner's storage quota is used up.
        """
        job = await self.get(owner_id, job_id)
        if job.status in RETRYABLE:
            await self._check_limits(owner_id)
        moved = await self._jobs.transition(
            job_id,
            JobStatus.PENDING,
            only_from=RETRYABLE,
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
            **_origin(),
        )
        if moved is None:
            raise NothingToRetryError(JobStatus((await self.get(owner_id, job_id)).status))
        return moved

    async def artifacts(self, owner_id: UUID, job_id: UUID) -> Sequence[JobArtifact]:
        """Return a job's artifacts, sorted by path.

        Raises:
            JobNotFoundError: the owner has no such job.
        """
        await self.get(owner_id, job_id)
        return await self._artifacts.list_of_job(job_id)

    async def artifact(self, owner_id: UUID, job_id: UUID, path: str) -> JobArtifact:
        """Return one artifact of a job.

        Raises:
            JobNotFoundError: the owner has no such job.
            ArtifactNotFoundError: it has no artifact at this path.
        """
        await self.get(owner_id, job_id)
        artifact = await self._artifacts.find(job_id, path)
        if artifact is None:
            raise ArtifactNotFoundError(path)
        return artifact

    async def results(self, owner_id: UUID, job_id: UUID) -> tuple[Job, Sequence[JobArtifact]]:
        """Return a finished job and its artifacts, sorted by path.

        Raises:
            JobNotFoundError: the owner has no such job.
            UnfinishedJobError: it is not finished.
            NoResultsError: it has no artifacts.
        """
        job = await self.get(owner_id, job_id)
        if job.status not in FINISHED:
            raise UnfinishedJobError(f"The job is {job.status}. Wait until it has finished.")
        artifacts = await self._artifacts.list_of_job(job_id)
        if not artifacts:
            raise NoResultsError
        return job, artifacts

    async def events(
        self, owner_id: UUID, job_id: UUID, paging: Paging, *, after: int
    ) -> tuple[Sequence[JobEvent], int]:
        """Return a page of a job's events with numbers greater than `after`, in order, and their number.

        Raises:
            JobNotFoundError: the owner has no such job.
        """
        await self.get(owner_id, job_id)
        return await self._events.list_page_after(job_id, after, paging=paging)

    async def delete(self, owner_id: UUID, job_id: UUID) -> str:
        """Delete a finished job; return the storage prefix of its results, to delete after the commit.

        Raises:
            JobNotFoundError: the owner has no such job.
            UnfinishedJobError: it is not finished.
        """
        job = await self._jobs.get_owned(owner_id, job_id, lock="update")
        if job is None:
            raise JobNotFoundError(job_id)
        if job.status not in FINISHED:
            raise UnfinishedJobError(f"The job is {job.status}. Cancel it first.")
        await self._jobs.delete_owned(owner_id, job_id)
        return results_prefix(job)

    async def _check_limits(self, owner_id: UUID) -> None:
        quota = await get_quota(self._session, owner_id)
        await self._quota.available_bytes(self._session, owner_id, self._quota.bounds_of(quota))
        limit = self._max_unfinished(quota)
        if await self._jobs.count_unfinished(owner_id) >= limit:
            raise TooManyJobsError(limit)


def _origin() -> dict[str, Any]:
    """Return the ids of the current request, which a job keeps for its logs and its trace."""
    return {"request_id": current_request_id() or None, "trace_parent": current_traceparent()}


class ShootoutJobs:
    """The jobs that the shootouts domain needs (`shootouts.jobs_port.JobsPort`), in one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._rows = JobRepository(session)
        self._cache = RenderCacheRepository(session)

    async def release(self, owner_id: UUID, shootout_id: UUID) -> Sequence[str]:
        """Check that a shootout's jobs can be deleted; return the storage prefixes of their results.

        Raises:
            UnfinishedJobError: one of its jobs is not finished.
        """
        jobs = await self._rows.list_of_shootout(owner_id, shootout_id)
        if any(job.status not in FINISHED for job in jobs):
            raise UnfinishedJobError
        return [results_prefix(job) for job in jobs]

    async def needs(self, owner_id: UUID, storage_key: str) -> bool:
        """Return whether an unfinished job of the owner reads the object with this storage key."""
        inputs = [msgspec.convert(job.inputs, Inputs) for job in await self._rows.list_unfinished(owner_id)]
        return any(asset.storage_key == storage_key for found in inputs for asset in found.assets.values())

    async def rendered(self, owner_id: UUID, keys: Collection[str]) -> frozenset[str]:
        """Return those of these render keys that the owner's cache holds."""
        return await find_cached(self._cache, owner_id, keys)


def results_prefix(job: Job) -> str:
    """Return the storage prefix of a job's results."""
    return f"users/{job.owner_id}/jobs/{job.id}"
