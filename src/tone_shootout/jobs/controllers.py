"""Jobs over HTTP and WebSocket."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, WebSocket, get, head, post, websocket
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import send_websocket_stream
from litestar.params import Parameter

from tone_shootout.accounts.principal import Principal
from tone_shootout.jobs.channel import Watch
from tone_shootout.jobs.dispatcher import Dispatcher
from tone_shootout.jobs.dtos import ArtifactDTO, ArtifactList, JobDTO, JobOrder
from tone_shootout.jobs.errors import JobNotFoundError
from tone_shootout.jobs.services import JobService
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.pagination import Page, Paging
from tone_shootout.kit.problems import problems
from tone_shootout.kit.ranges import content_response
from tone_shootout.kit.storage import Storage

JobId = Annotated[UUID, Parameter(description="The job's id.")]
ArtifactPath = Annotated[str, Parameter(description="The artifact's path.", max_length=400)]
Order = Annotated[JobOrder, Parameter(description="What to sort by; a minus sign: the newest first.")]

NO_SUCH_JOB: Final = 4404


class ShootoutJobsController(Controller):
    """Submitting."""

    path = "/api/v1/shootouts"
    tags = ("jobs",)

    @post(
        "/{shootout_id:uuid}/jobs",
        operation_id="submit_job",
        summary="Submit a shootout",
        status_code=202,
        responses=problems(401, 403, 404, 422),
    )
    async def submit(
        self,
        shootout_id: Annotated[UUID, Parameter(description="The shootout's id.")],
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        dispatcher: NamedDependency[Dispatcher],
    ) -> Response[JobDTO]:
        """Write down a job that renders the shootout as it is now, and queue it."""
        job, events = await jobs.submit(principal.user_id, shootout_id)
        return Response(
            JobDTO.of(job),
            status_code=202,
            headers={"Location": f"/api/v1/jobs/{job.id}"},
            background=BackgroundTask(dispatcher.dispatch, job.id, events),
        )


class JobController(Controller):
    """Jobs and what they have made."""

    path = "/api/v1/jobs"
    tags = ("jobs",)

    @get(operation_id="list_jobs", summary="List jobs", responses=problems(400, 401))
    async def list_jobs(
        self,
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        paging: NamedDependency[Paging],
        status: Annotated[JobStatus | None, Parameter(description="Only jobs in this status.")] = None,
        shootout_id: Annotated[UUID | None, Parameter(description="Only jobs of this shootout.")] = None,
        order_by: Order = "-created_at",
    ) -> Page[JobDTO]:
        """List your jobs."""
        rows, total = await jobs.page(
            principal.user_id,
            limit=paging.limit,
            offset=paging.offset,
            order_by=order_by,
            status=status,
            shootout_id=shootout_id,
        )
        return paging.page([JobDTO.of(job) for job in rows], total)

    @get("/{job_id:uuid}", operation_id="get_job", summary="Get a job", responses=problems(401, 404))
    async def get_job(
        self, job_id: JobId, principal: NamedDependency[Principal], jobs: NamedDependency[JobService]
    ) -> JobDTO:
        """Show a job with its progress."""
        return JobDTO.of(await jobs.get(principal.user_id, job_id))

    @post(
        "/{job_id:uuid}/cancel",
        operation_id="cancel_job",
        summary="Cancel a job",
        status_code=202,
        responses=problems(401, 403, 404, 409),
    )
    async def cancel(
        self,
        job_id: JobId,
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        dispatcher: NamedDependency[Dispatcher],
    ) -> Response[JobDTO]:
        """Ask a job to stop: at once while it waits, otherwise as soon as its worker lets go."""
        job, events = await jobs.cancel(principal.user_id, job_id)
        return Response(JobDTO.of(job), status_code=202, background=BackgroundTask(dispatcher.announce, events))

    @get(
        "/{job_id:uuid}/artifacts",
        operation_id="list_artifacts",
        summary="List a job's results",
        responses=problems(401, 404),
    )
    async def list_artifacts(
        self, job_id: JobId, principal: NamedDependency[Principal], jobs: NamedDependency[JobService]
    ) -> ArtifactList:
        """List the files that a job has made."""
        return ArtifactList(items=[ArtifactDTO.of(row) for row in await jobs.artifacts(principal.user_id, job_id)])

    @get(
        "/{job_id:uuid}/artifacts/{path:path}",
        operation_id="get_artifact",
        summary="Get a result",
        responses=problems(401, 404, 416),
    )
    async def get_artifact(
        self,
        job_id: JobId,
        path: ArtifactPath,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        storage: NamedDependency[Storage],
    ) -> Response[Any]:
        """Send a file that a job has made. `Range`, `If-None-Match` and `If-Range` are honoured."""
        artifact = await jobs.artifact(principal.user_id, job_id, path.lstrip("/"))
        return content_response(
            request,
            storage,
            key=artifact.storage_key,
            size=artifact.size,
            sha256=artifact.sha256,
            media_type=artifact.media_type,
            filename=artifact.path.rsplit("/", 1)[-1],
        )

    @head(
        "/{job_id:uuid}/artifacts/{path:path}",
        operation_id="head_artifact",
        summary="Ask about a result",
        responses=problems(401, 404),
    )
    async def head_artifact(
        self,
        job_id: JobId,
        path: ArtifactPath,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        storage: NamedDependency[Storage],
    ) -> Response[None]:
        """Tell size, type and entity tag of a file that a job has made."""
        artifact = await jobs.artifact(principal.user_id, job_id, path.lstrip("/"))
        return content_response(
            request,
            storage,
            key=artifact.storage_key,
            size=artifact.size,
            sha256=artifact.sha256,
            media_type=artifact.media_type,
            filename=artifact.path.rsplit("/", 1)[-1],
        )


@websocket("/api/v1/jobs/{job_id:uuid}/ws")
async def watch_job(
    socket: WebSocket[Any, Any, Any],
    job_id: JobId,
    principal: NamedDependency[Principal],
    watch: NamedDependency[Watch],
    after: Annotated[int | None, Parameter(ge=0)] = None,
) -> None:
    """Send a job's events: a snapshot, then everything behind it (or behind `after`), up to `done`."""
    await socket.accept()
    async with aclosing(watch.follow(principal.user_id, job_id, after=after)) as events:

        async def texts() -> AsyncGenerator[str, None]:
            yield snapshot
            async for event in events:
                yield msgspec.json.encode(event).decode()

        try:
            snapshot = msgspec.json.encode(await anext(events)).decode()
        except JobNotFoundError as error:
            await socket.close(code=NO_SUCH_JOB, reason=error.detail)
            return
        with suppress(WebSocketDisconnect):
            await send_websocket_stream(socket, texts(), listen_for_disconnect=True, warn_on_data_discard=False)
