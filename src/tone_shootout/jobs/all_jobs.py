"""Jobs of all users, for administrators: lists, retries and cancellations of many at once."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.audit.services import AuditLog
from tone_shootout.jobs.errors import JobNotFoundError
from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.repositories.all_jobs import AllJobsRepository, JobFilter, JobOfUser
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.jobs.services import JobService
from tone_shootout.jobs.status import CANCELLABLE, RETRYABLE, JobStatus
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.http.problems import ProblemError
from tone_shootout.kit.settings import LimitSettings
from tone_shootout.shootouts.services import ShootoutService, rendering_limits

BulkAction = Literal["retry", "cancel"]


class Left(NamedTuple):
    """A job that was left as it is, and why."""

    job_id: UUID
    code: str
    detail: str


class BulkResult(NamedTuple):
    """What was done to many jobs."""

    matched: int
    """Jobs that the filter matched, behind `after`."""
    done: list[UUID]
    left: list[Left]
    last: UUID | None
    """The last job that was looked at; None: there was none."""


class AllJobs:
    """Jobs of all users, in units of work of its own. Each job is one transaction, with its event in the audit log.

    Args:
        sessions: opens sessions of the database.
        dispatcher: enqueues retried jobs and publishes events of cancelled ones.
        limits: limits per user.
    """

    def __init__(
        self,
        sessions: Callable[[], AbstractAsyncContextManager[AsyncSession]],
        dispatcher: Dispatcher,
        limits: LimitSettings,
    ) -> None:
        self._sessions = sessions
        self._dispatcher = dispatcher
        self._limits = limits

    async def read(self, job_id: UUID) -> JobOfUser:
        """Return a job.

        Raises:
            JobNotFoundError: there is no such job.
        """
        async with self._sessions() as session:
            job = await AllJobsRepository(session).read(job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        return job

    async def count_by_status(self, owner_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
        """Return how many jobs each of these users has, by status."""
        async with self._sessions() as session:
            return await AllJobsRepository(session).count_by_status(owner_ids)

    async def list_jobs(self, wanted: JobFilter, paging: Paging) -> tuple[Sequence[JobOfUser], int]:
        """Return a page of the jobs that pass the filter, newest first, and how many pass."""
        async with self._sessions() as session:
            return await AllJobsRepository(session).list_filtered(wanted, paging)

    async def cancel(self, owner_id: UUID, job_id: UUID) -> None:
        """Cancel a job, by the rules that apply to its owner.

        Raises:
            JobNotFoundError: there is no such job.
            JobFinishedError: the job has completed or failed.
        """
        async with self._sessions() as session:
            _, events = await self._service(session).cancel(owner_id, job_id)
            if events:
                await AuditLog(session).record("job_cancelled", user_id=owner_id, object_id=job_id)
            await session.commit()
        await self._dispatcher.announce(events)

    async def retry(self, owner_id: UUID, job_id: UUID) -> None:
        """Retry a job, by the rules that apply to its owner.

        Raises:
            JobNotFoundError: there is no such job.
            NothingToRetryError: the job is unfinished or has completed.
            TooManyJobsError: its owner has too many unfinished jobs.
            QuotaExceededError: the storage quota of its owner is used up.
        """
        await self.dispatch([await self._retry(owner_id, job_id)])

    async def dispatch(self, moved: Sequence[tuple[Job, list[JobEvent]]]) -> None:
        """Put retried jobs into the queue. After a failure, the next sweep does it."""
        for job, events in moved:
            await self._dispatcher.dispatch(job, events)

    async def count(self, action: BulkAction, wanted: JobFilter, *, after: UUID | None) -> int:
        """Return how many jobs `change` would look at."""
        async with self._sessions() as session:
            _, matched = await AllJobsRepository(session).select(
                wanted, _statuses(action, wanted), after=after, limit=0
            )
        return matched

    async def change(
        self, action: BulkAction, wanted: JobFilter, *, after: UUID | None, limit: int
    ) -> tuple[BulkResult, list[tuple[Job, list[JobEvent]]]]:
        """Retry or cancel jobs that pass the filter, each in a transaction of its own.

        A retry takes failed jobs unless the filter names cancelled ones. A cancellation takes those that wait or run.

        Args:
            action: what to do.
            wanted: the filter.
            after: the last job of the call before; None: from the first one.
            limit: largest number of jobs to look at.

        Returns:
            What was done, and the retried jobs, which the caller passes to `dispatch`.
        """
        async with self._sessions() as session:
            statuses = _statuses(action, wanted)
            found, matched = await AllJobsRepository(session).select(wanted, statuses, after=after, limit=limit)
        result = BulkResult(matched, [], [], found[-1][0] if found else None)
        retried: list[tuple[Job, list[JobEvent]]] = []
        for job_id, owner_id in found:
            try:
                if action == "retry":
                    retried.append(await self._retry(owner_id, job_id))
                else:
                    await self.cancel(owner_id, job_id)
            except ProblemError as error:
                result.left.append(Left(job_id, error.code, error.detail))
            else:
                result.done.append(job_id)
        return result, retried

    async def _retry(self, owner_id: UUID, job_id: UUID) -> tuple[Job, list[JobEvent]]:
        async with self._sessions() as session:
            moved = await self._service(session).retry(owner_id, job_id)
            await AuditLog(session).record("job_retried", user_id=owner_id, object_id=job_id)
            await session.commit()
        return moved

    def _service(self, session: AsyncSession) -> JobService:
        return JobService(session, ShootoutService(session, rendering_limits(self._limits)), self._limits)


def _statuses(action: BulkAction, wanted: JobFilter) -> frozenset[JobStatus]:
    if action == "cancel":
        return CANCELLABLE
    return RETRYABLE if wanted.status is not None else frozenset({JobStatus.FAILED})
