"""Jobs over HTTP and WebSocket."""

from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Controller, Request, Response, WebSocket, delete, get, head, post, websocket
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.params import HeaderParameter, Parameter
from litestar.response import ServerSentEvent

from tone_shootout.accounts.guards import NOT_SIGNED_IN, authenticate_websocket, reject_websocket
from tone_shootout.accounts.idempotency import Idempotent
from tone_shootout.accounts.principal import Principal
from tone_shootout.jobs.archive import archive_name, archive_time, bundle_members, result_members
from tone_shootout.jobs.dtos import ArtifactRead, Event, JobOrder, JobRead, TicketRead, artifact_type, job_path
from tone_shootout.jobs.models import JobArtifact
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.jobs.services import JobService
from tone_shootout.jobs.status import FINISHED, JobStatus
from tone_shootout.jobs.streaming.job_stream import StreamService
from tone_shootout.jobs.streaming.tickets import TICKET_LIFETIME_S, Tickets
from tone_shootout.jobs.submission import queued_response
from tone_shootout.kit.db.pagination import OffsetParameter, Page, Paging, provide_parts_paging
from tone_shootout.kit.http.maintenance import MAKES_WORK
from tone_shootout.kit.http.openapi import FILE_RESPONSES, DownloadOperation
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.http.query import check_query
from tone_shootout.kit.http.ranges import archive_response, content_response
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage

_ZIP: Final = "application/zip"
_ARCHIVE_RESPONSES: Final[dict[int, ResponseSpec]] = {
    200: ResponseSpec(bytes, generate_examples=False, media_type=_ZIP, description="The archive."),
    206: ResponseSpec(bytes, generate_examples=False, media_type=_ZIP, description="The requested range."),
    304: ResponseSpec(None, generate_examples=False, description="Not modified."),
    **problems(400, 401, 404, 409, 416, 503),
}
JobId = Annotated[UUID, Parameter(description="The job's id.")]
ArtifactPath = Annotated[str, Parameter(description="The artifact's path.", max_length=400, pattern=r"^[^\x00]*$")]
Order = Annotated[JobOrder, Parameter(description="Sort order; a minus sign sorts newest first.")]
EventLimit = Annotated[
    int, Parameter(ge=1, le=1000, description="Number of events to return in a list; a stream ignores it.")
]
MAX_SEQ = 2**53
After = Annotated[
    int | None, Parameter(ge=0, le=MAX_SEQ, description="Number of the last event received; later events are sent.")
]


@dataclass
class EventsOperation(Operation):
    """OpenAPI operation of a job's events: a stream or a list, as the client accepts."""

    def __post_init__(self) -> None:
        """Add the stream, first."""
        found = (self.responses or {}).get("200")
        if isinstance(found, OpenAPIResponse) and found.content:
            stream = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, description="Server-sent events."))
            found.content = {"text/event-stream": stream, "application/json": next(iter(found.content.values()))}


class JobController(Controller):
    """Jobs, their events and artifacts."""

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
    ) -> Page[JobRead]:
        """List your jobs."""
        rows, total = await jobs.list_jobs(
            principal.user_id, paging=paging, order_by=order_by, status=status, shootout_id=shootout_id
        )
        return paging.page([JobRead.of(job) for job in rows], total)

    @get("/{job_id:uuid}", operation_id="get_job", summary="Get a job", responses=problems(400, 401, 404))
    async def get_job(
        self, job_id: JobId, principal: NamedDependency[Principal], jobs: NamedDependency[JobService]
    ) -> JobRead:
        """Return a job with its progress."""
        return JobRead.of(await jobs.read(principal.user_id, job_id))

    @post(
        "/{job_id:uuid}/cancel",
        operation_id="cancel_job",
        summary="Cancel a job",
        status_code=202,
        responses=problems(400, 401, 403, 404, 409),
    )
    async def cancel(
        self,
        job_id: JobId,
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        dispatcher: NamedDependency[Dispatcher],
    ) -> Response[JobRead]:
        """Cancel a job: at once while it waits, otherwise as soon as its worker releases it."""
        job, events = await jobs.cancel(principal.user_id, job_id)
        return Response(
            JobRead.of(job),
            status_code=202,
            headers={"Location": job_path(job.id)},
            background=BackgroundTask(dispatcher.announce, events),
        )

    @post(
        "/{job_id:uuid}/retry",
        operation_id="retry_job",
        opt={MAKES_WORK: True},
        summary="Retry a job",
        status_code=202,
        responses=problems(400, 401, 403, 404, 409, 422, 429),
    )
    async def retry(
        self,
        job_id: JobId,
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        dispatcher: NamedDependency[Dispatcher],
        idempotent: NamedDependency[Idempotent],
    ) -> Response[JobRead]:
        """Retry a failed or cancelled job. Segments in the render cache are not rendered again."""

        async def make() -> Response[JobRead]:
            return queued_response(dispatcher, *await jobs.retry(principal.user_id, job_id))

        return await idempotent(make)

    @post(
        "/{job_id:uuid}/ticket",
        operation_id="get_ticket",
        summary="Get a ticket for the WebSocket",
        status_code=201,
        responses=problems(400, 401, 403, 404, 409, 422, 503),
    )
    async def ticket(
        self,
        job_id: JobId,
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        tickets: NamedDependency[Tickets],
        idempotent: NamedDependency[Idempotent],
    ) -> Response[TicketRead]:
        """Create a ticket that opens the job's WebSocket once, within seconds."""

        async def make() -> Response[TicketRead]:
            await jobs.get(principal.user_id, job_id)
            issued = TicketRead.of(await tickets.issue(principal.credential, job_id), job_id, TICKET_LIFETIME_S)
            # Without the ticket: headers are stored as they are, and proxies may log them.
            headers = {"Location": f"{job_path(job_id)}/ws", "Cache-Control": "no-store"}
            return Response(issued, status_code=201, headers=headers)

        return await idempotent(make, secret=True)

    @get(
        "/{job_id:uuid}/events",
        operation_id="follow_job",
        operation_class=EventsOperation,
        summary="Follow a job",
        responses={
            200: ResponseSpec(
                Page[Event], generate_examples=False, description="The events, as the client accepts them."
            ),
            **problems(400, 401, 404),
        },
        media_type="text/event-stream",
    )
    async def follow(
        self,
        job_id: JobId,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        streams: NamedDependency[StreamService],
        after: After = None,
        limit: EventLimit = 100,
        offset: OffsetParameter = 0,
        last_event_id: Annotated[
            int | None,
            HeaderParameter(name="Last-Event-ID", ge=0, le=MAX_SEQ, description="Same as `after`, sent by browsers."),
        ] = None,
    ) -> ServerSentEvent | Response[Page[Event]] | Response[None]:
        """Send a job's events: a snapshot, then all later events (or those after `after`), up to `done`.

        `Last-Event-ID` takes precedence over `after`, because a browser that reconnects sends both. If all events of a
        finished job were received, the response is 204, which stops a browser from reconnecting.

        With `Accept: application/json` the response is a list of the events so far, at most `limit` of those after
        `after`.
        """
        after = after if last_event_id is None else last_event_id
        if request.accept.best_match(["text/event-stream", "application/json"]) == "application/json":
            paging = Paging(limit=limit, offset=offset)
            rows, total = await jobs.events(principal.user_id, job_id, paging, after=after or 0)
            content = paging.page([Event.of(row) for row in rows], total)
            return Response(content, media_type="application/json", headers={"Vary": "Accept"})
        job = await jobs.read(principal.user_id, job_id)
        if after is not None and after >= job.event_seq and job.status in FINISHED:
            return Response(None, status_code=204)
        streams.check_limit(principal.user_id)
        return ServerSentEvent(streams.to_sse(principal.credential, job_id, after=after))

    @delete(
        "/{job_id:uuid}",
        operation_id="delete_job",
        summary="Delete a job",
        responses=problems(400, 401, 403, 404, 409),
    )
    async def delete_job(
        self,
        job_id: JobId,
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        storage: NamedDependency[Storage],
    ) -> Response[None]:
        """Delete a finished job with its events and results. Its shootout stays."""
        prefix = await jobs.delete(principal.user_id, job_id)
        return Response(None, status_code=204, background=BackgroundTask(storage.delete_prefix, prefix))

    @get(
        "/{job_id:uuid}/archive",
        operation_id="get_archive",
        operation_class=DownloadOperation,
        summary="Get all results",
        responses=_ARCHIVE_RESPONSES,
    )
    async def get_archive(
        self,
        job_id: JobId,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        storage: NamedDependency[Storage],
    ) -> Response[Any]:
        """Send all files of a finished job as one ZIP archive, with their paths. Nothing is compressed again."""
        job, artifacts = await jobs.results(principal.user_id, job_id)
        members = await result_members(storage, artifacts)
        return await archive_response(request, members, at=archive_time(job), filename=archive_name(job))

    @get(
        "/{job_id:uuid}/bundle",
        operation_id="get_bundle",
        operation_class=DownloadOperation,
        summary="Get all results with all that belongs to them",
        responses=_ARCHIVE_RESPONSES,
    )
    async def get_bundle(
        self,
        job_id: JobId,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        storage: NamedDependency[Storage],
    ) -> Response[Any]:
        """Send a completed job as one ZIP archive with everything: results, inputs, figures as tables and sentences.

        It also has a session for REAPER, configurations of webMUSHRA and a text that tells what is what. Inputs that
        were imported from TONE3000 are left out. `shootout verify` checks it, and uploading it as an archive adds its
        inputs to the library. A download that broke off is resumed with `Range` and `If-Range`.
        """
        job, artifacts = await jobs.results(principal.user_id, job_id)
        members = await bundle_members(storage, job, artifacts)
        name = archive_name(job, suffix="-bundle")
        return await archive_response(request, members, at=archive_time(job), filename=name)

    @get(
        "/{job_id:uuid}/artifacts",
        operation_id="list_artifacts",
        summary="List a job's results",
        dependencies={"paging": Provide(provide_parts_paging, sync_to_thread=False)},
        responses=problems(400, 401, 404),
    )
    async def list_artifacts(
        self,
        job_id: JobId,
        principal: NamedDependency[Principal],
        jobs: NamedDependency[JobService],
        paging: NamedDependency[Paging],
    ) -> Page[ArtifactRead]:
        """List the files that a job has produced.

        Before it has completed, these are the segments rendered so far, as `partial/…`, which are not level-matched
        yet. They remain when the job fails or is cancelled.
        """
        return paging.part_of([ArtifactRead.of(row) for row in await jobs.artifacts(principal.user_id, job_id)])

    @get(
        "/{job_id:uuid}/artifacts/{path:path}",
        operation_id="get_artifact",
        operation_class=DownloadOperation,
        summary="Get a result",
        responses={**FILE_RESPONSES, **problems(400, 401, 404, 416, 503)},
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
        """Send a file that a job has produced. Supports `Range`, `If-None-Match` and `If-Range`."""
        return await _content(request, storage, await jobs.artifact(principal.user_id, job_id, path.lstrip("/")))

    @head(
        "/{job_id:uuid}/artifacts/{path:path}",
        operation_id="head_artifact",
        summary="Get a result's headers",
        responses=problems(400, 401, 404, 503),
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
        """Return size, media type and ETag of a file that a job has produced."""
        return await _content(request, storage, await jobs.artifact(principal.user_id, job_id, path.lstrip("/")))


async def _content(request: Request[Any, Any, Any], storage: Storage, artifact: JobArtifact) -> Response[Any]:
    return await content_response(
        request,
        storage,
        key=artifact.storage_key,
        size=artifact.size,
        sha256=artifact.sha256,
        media_type=artifact.media_type,
        filename=artifact.path.rsplit("/", 1)[-1],
        # A job that has results never gets others; segments rendered so far are replaced by them.
        immutable=artifact_type(artifact.path) != "partial_segment",
    )


@websocket("/api/v1/jobs/{job_id:uuid}/ws", opt={"public": True})
async def watch_job(
    socket: WebSocket[Any, Any, Any],
    job_id: JobId,
    streams: NamedDependency[StreamService],
    tickets: NamedDependency[Tickets],
    settings: NamedDependency[Settings],
    after: After = None,
    ticket: Annotated[str | None, Parameter(max_length=100)] = None,
) -> None:
    """Send a job's events: a snapshot, then all later events (or those after `after`), up to `done`."""
    if ticket is None:
        credential = (await authenticate_websocket(socket, settings)).credential
    elif (redeemed := await tickets.redeem(ticket, job_id)) is not None and await streams.is_valid(redeemed):
        credential = redeemed
    else:
        await reject_websocket(socket, NOT_SIGNED_IN, "The ticket is invalid or has expired. Request a new one.")
    check_query(socket)
    streams.check_limit(credential.user_id)
    await socket.accept()
    await streams.send_to_websocket(socket, credential, job_id, after=after)
