"""REST endpoints of the jobs of all users."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, QueryParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.guards import require_administrator
from tone_shootout.accounts.services import AccountService
from tone_shootout.administration.job_dtos import CODE_PATTERN, MAX_CODE, PATH, BulkCreate, BulkRead, JobOfUserRead
from tone_shootout.jobs.all_jobs import AllJobs, BulkAction
from tone_shootout.jobs.controllers import JobId
from tone_shootout.jobs.repositories.all_jobs import JobFilter, JobOfUser
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.http.period import Time, utc_time
from tone_shootout.kit.http.problems import problems


def provide_job_filter(
    status: Annotated[JobStatus | None, QueryParameter(description="Only jobs in this status.")] = None,
    error_code: Annotated[
        str | None,
        QueryParameter(
            description="Only jobs that failed with this code.", pattern=CODE_PATTERN, min_length=1, max_length=MAX_CODE
        ),
    ] = None,
    owner_id: Annotated[UUID | None, QueryParameter(description="Only jobs of this user.")] = None,
    created_since: Annotated[
        Time | None, QueryParameter(description="Only jobs submitted at or after this time.")
    ] = None,
    created_until: Annotated[Time | None, QueryParameter(description="Only jobs submitted before this time.")] = None,
    finished_since: Annotated[
        Time | None, QueryParameter(description="Only jobs that ended at or after this time.")
    ] = None,
    finished_until: Annotated[Time | None, QueryParameter(description="Only jobs that ended before this time.")] = None,
) -> JobFilter:
    """Read a filter of jobs from the query."""
    return JobFilter(
        status=status,
        error_code=error_code,
        owner_id=owner_id,
        created_since=utc_time("created_since", created_since),
        created_until=utc_time("created_until", created_until),
        finished_since=utc_time("finished_since", finished_since),
        finished_until=utc_time("finished_until", finished_until),
    )


async def read_jobs(jobs: list[JobOfUser], session: AsyncSession) -> list[JobOfUserRead]:
    """Return the representations of jobs, with the names of their owners."""
    names = await AccountService(session).get_names({job.owner_id for job in jobs})
    return [JobOfUserRead.of(job, names.get(job.owner_id, "")) for job in jobs]


class AllJobsController(Controller):
    """Jobs of all users, for administrators."""

    path = PATH
    tags = ("administration",)
    guards = (require_administrator,)

    @get(
        operation_id="list_all_jobs",
        summary="List jobs of all users",
        dependencies={"job_filter": Provide(provide_job_filter, sync_to_thread=False)},
        responses=problems(400, 401, 403),
    )
    async def list_all_jobs(
        self,
        all_jobs: NamedDependency[SkipValidation[AllJobs]],
        job_filter: NamedDependency[JobFilter],
        paging: NamedDependency[Paging],
        db_session: NamedDependency[AsyncSession],
    ) -> Page[JobOfUserRead]:
        """List jobs of all users, newest first."""
        rows, total = await all_jobs.list_jobs(job_filter, paging)
        return paging.page(await read_jobs(list(rows), db_session), total)

    @get(
        "/{job_id:uuid}",
        operation_id="get_any_job",
        summary="Get a job of any user",
        responses=problems(400, 401, 403, 404),
    )
    async def get_any_job(
        self,
        job_id: JobId,
        all_jobs: NamedDependency[SkipValidation[AllJobs]],
        db_session: NamedDependency[AsyncSession],
    ) -> JobOfUserRead:
        """Return a job of any user."""
        return await _read(job_id, all_jobs, db_session)

    @post(
        "/{job_id:uuid}/cancel",
        operation_id="cancel_any_job",
        summary="Cancel a job of any user",
        status_code=202,
        responses=problems(400, 401, 403, 404, 409),
    )
    async def cancel_any_job(
        self,
        job_id: JobId,
        all_jobs: NamedDependency[SkipValidation[AllJobs]],
        db_session: NamedDependency[AsyncSession],
    ) -> Response[JobOfUserRead]:
        """Cancel a job of any user: at once while it waits, otherwise as soon as its worker releases it."""
        await all_jobs.cancel((await all_jobs.read(job_id)).owner_id, job_id)
        return await _accepted(job_id, all_jobs, db_session)

    @post(
        "/{job_id:uuid}/retry",
        operation_id="retry_any_job",
        summary="Retry a job of any user",
        status_code=202,
        responses=problems(400, 401, 403, 404, 409, 422, 429),
    )
    async def retry_any_job(
        self,
        job_id: JobId,
        all_jobs: NamedDependency[SkipValidation[AllJobs]],
        db_session: NamedDependency[AsyncSession],
    ) -> Response[JobOfUserRead]:
        """Retry a failed or cancelled job of any user, within the limits of its owner."""
        await all_jobs.retry((await all_jobs.read(job_id)).owner_id, job_id)
        return await _accepted(job_id, all_jobs, db_session)

    @post(
        "/retry",
        operation_id="retry_jobs",
        summary="Retry many jobs",
        status_code=200,
        responses=problems(400, 401, 403, 422),
    )
    async def retry_jobs(
        self, data: JSONBody[BulkCreate], all_jobs: NamedDependency[SkipValidation[AllJobs]]
    ) -> Response[BulkRead]:
        """Retry the failed jobs that match, oldest first, within the limits of their owners; or count them.

        Cancelled jobs are retried if `status` says so. Jobs that can't be retried are left, with the reasons.
        """
        return await _change("retry", data, all_jobs)

    @post(
        "/cancel",
        operation_id="cancel_jobs",
        summary="Cancel many jobs",
        status_code=200,
        responses=problems(400, 401, 403, 422),
    )
    async def cancel_jobs(
        self, data: JSONBody[BulkCreate], all_jobs: NamedDependency[SkipValidation[AllJobs]]
    ) -> Response[BulkRead]:
        """Cancel the unfinished jobs that match, oldest first; or count them."""
        return await _change("cancel", data, all_jobs)


async def _read(job_id: UUID, all_jobs: AllJobs, session: AsyncSession) -> JobOfUserRead:
    return (await read_jobs([await all_jobs.read(job_id)], session))[0]


async def _accepted(job_id: UUID, all_jobs: AllJobs, session: AsyncSession) -> Response[JobOfUserRead]:
    shown = await _read(job_id, all_jobs, session)
    return Response(shown, status_code=202, headers={"Location": shown.links.self})


async def _change(action: BulkAction, data: BulkCreate, all_jobs: AllJobs) -> Response[BulkRead]:
    wanted = data.filter.filter()
    if data.dry_run:
        matched = await all_jobs.count(action, wanted, after=data.after)
        return Response(
            BulkRead(dry_run=True, matched=matched, done=[], left=[], remaining=matched, next_after=data.after)
        )
    result, retried = await all_jobs.change(action, wanted, after=data.after, limit=data.limit)
    return Response(BulkRead.of(result), background=BackgroundTask(all_jobs.dispatch, retried))
