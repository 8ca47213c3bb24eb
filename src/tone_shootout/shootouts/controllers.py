"""The library and shootouts over HTTP."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, head, patch, post
from litestar.background_tasks import BackgroundTask, BackgroundTasks
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import JSONBody, PathParameter, QueryParameter, SkipValidation

from tone_shootout.accounts.idempotency import Idempotent
from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.openapi import FILE_RESPONSES, DownloadOperation
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.http.ranges import content_response
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.engine.schedule import sound_keys
from tone_shootout.rendering.media_info import Kind, Limits
from tone_shootout.shootouts.dtos import (
    ItemOrder,
    LibraryItemRead,
    LibraryItemUpdate,
    PlanRead,
    PublicShootoutRead,
    ShootoutCreate,
    ShootoutOrder,
    ShootoutRead,
    ShootoutUpdate,
    UsageRead,
    item_path,
    shootout_path,
)
from tone_shootout.shootouts.jobs_port import JobsPort
from tone_shootout.shootouts.library.quota import StorageQuota
from tone_shootout.shootouts.library.uploads import receive
from tone_shootout.shootouts.models import LibraryItem
from tone_shootout.shootouts.services import LibraryService, ShootoutService, storage_key, sweep_content

ItemId = Annotated[UUID, PathParameter(description="The library item's id.")]
ShootoutId = Annotated[UUID, PathParameter(description="The shootout's id.")]
Query = Annotated[
    str | None,
    QueryParameter(description="Only what has this in its name.", min_length=1, max_length=80, pattern=r"^[^\x00]*$"),
]


@dataclass
class UploadOperation(Operation):
    """The documentation of an upload, whose body the handler reads itself."""

    def __post_init__(self) -> None:
        """Describe the form."""
        text = OpenAPIType.STRING
        fields = {
            "file": Schema(type=text, format=OpenAPIFormat.BINARY, description="The file."),
            "kind": Schema(
                type=text,
                enum=["di_track", "capture", "cab_ir"],
                description="What the file is meant to be. Sent before the file, its limit counts at once.",
                examples=["di_track"],
            ),
            "name": Schema(
                type=text,
                min_length=1,
                max_length=80,
                description="What it is called; left out: as the file is.",
                examples=["Riff in E"],
            ),
            "notes": Schema(type=text, max_length=2000, description="Whatever you want to remember about it."),
        }
        form = Schema(type=OpenAPIType.OBJECT, properties=fields, required=["kind", "file"])  # type: ignore[arg-type]  # a dictionary is invariant
        self.request_body = RequestBody(required=True, content={"multipart/form-data": OpenAPIMediaType(schema=form)})


class UploadController(Controller):
    """Files for the library. Only here may a body be larger than JSON needs."""

    path = "/api/v1/library"
    tags = ("library",)

    @post(
        operation_id="upload_library_item",
        summary="Upload a file",
        operation_class=UploadOperation,
        responses={
            200: ResponseSpec(LibraryItemRead, generate_examples=False, description="It was in the library already"),
            **problems(400, 401, 403, 408, 413, 422),
        },
    )
    async def upload(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        limits: NamedDependency[Limits],
        incoming: NamedDependency[Path],
        quota: NamedDependency[StorageQuota],
        session_maker: NamedDependency[SkipValidation[SessionMaker]],
    ) -> Response[LibraryItemRead]:
        """Add a DI track, capture or cab IR. It is decoded first; the same file of the same kind is kept only once."""
        async with session_maker() as session:  # given back before the file comes, which may take long
            room = await quota.room(session, principal.user_id)
        async with receive(request, limits, incoming, room=room, exceeded=quota.exceeded) as upload:
            item, new = await library.add(principal.user_id, upload)
        return Response(
            LibraryItemRead.of(item), status_code=201 if new else 200, headers={"Location": item_path(item.id)}
        )


class LibraryController(Controller):
    """DI tracks, captures and cab IRs."""

    path = "/api/v1/library"
    tags = ("library",)

    @get(operation_id="list_library", summary="List the library", responses=problems(400, 401))
    async def list_items(
        self,
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        paging: NamedDependency[Paging],
        kind: Annotated[Kind | None, QueryParameter(description="Only items of this kind.")] = None,
        q: Query = None,
        order_by: Annotated[ItemOrder, QueryParameter(description="What to sort by; a minus sign: descending.")] = (
            "-created_at"
        ),
    ) -> Page[LibraryItemRead]:
        """List your library."""
        rows, total = await library.page(principal.user_id, paging, order_by=order_by, kind=kind, q=q)
        return paging.page([LibraryItemRead.of(item) for item in rows], total)

    @get("/usage", operation_id="get_library_usage", summary="See what is left", responses=problems(401))
    async def get_usage(
        self,
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        quota: NamedDependency[StorageQuota],
    ) -> UsageRead:
        """Tell how much is stored for you, and how much may be."""
        return UsageRead.of(await library.usage(principal.user_id), quota)

    @get("/{item_id:uuid}", operation_id="get_library_item", summary="Get an item", responses=problems(400, 401, 404))
    async def get_item(
        self, item_id: ItemId, principal: NamedDependency[Principal], library: NamedDependency[LibraryService]
    ) -> LibraryItemRead:
        """Show what is known of a file."""
        return LibraryItemRead.of(await library.get(principal.user_id, item_id))

    @patch(
        "/{item_id:uuid}",
        operation_id="change_library_item",
        summary="Rename an item",
        responses=problems(400, 401, 403, 404, 413),
    )
    async def change_item(
        self,
        item_id: ItemId,
        data: JSONBody[LibraryItemUpdate],
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
    ) -> LibraryItemRead:
        """Change an item's name or notes."""
        return LibraryItemRead.of(await library.change(principal.user_id, item_id, name=data.name, notes=data.notes))

    @delete(
        "/{item_id:uuid}",
        operation_id="delete_library_item",
        summary="Delete an item",
        responses=problems(400, 401, 403, 404, 409),
    )
    async def delete_item(
        self,
        item_id: ItemId,
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        jobs_port: NamedDependency[SkipValidation[JobsPort]],
        storage: NamedDependency[Storage],
        session_maker: NamedDependency[SkipValidation[SessionMaker]],
    ) -> Response[None]:
        """Delete an item and its file, unless a shootout or an unfinished job needs it."""
        sha256 = await library.delete(principal.user_id, item_id, jobs_port)
        sweep = BackgroundTask(sweep_content, session_maker, storage, principal.user_id, sha256)
        return Response(None, status_code=204, background=sweep)

    @get(
        "/{item_id:uuid}/content",
        operation_id="get_library_content",
        operation_class=DownloadOperation,
        summary="Get an item's file",
        responses={**FILE_RESPONSES, **problems(400, 401, 404, 416, 503)},
    )
    async def get_content(
        self,
        item_id: ItemId,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        storage: NamedDependency[Storage],
    ) -> Response[Any]:
        """Send the file as it was uploaded. `Range`, `If-None-Match` and `If-Range` are honoured."""
        return await _content(request, storage, await library.get(principal.user_id, item_id))

    @head(
        "/{item_id:uuid}/content",
        operation_id="head_library_content",
        summary="Ask about an item's file",
        responses=problems(400, 401, 404, 503),
    )
    async def head_content(
        self,
        item_id: ItemId,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        storage: NamedDependency[Storage],
    ) -> Response[None]:
        """Tell size, type and entity tag of the file."""
        return await _content(request, storage, await library.get(principal.user_id, item_id))


class ShootoutController(Controller):
    """Shootouts and their plans."""

    path = "/api/v1/shootouts"
    tags = ("shootouts",)

    @post(
        operation_id="create_shootout",
        summary="Make a shootout",
        responses=problems(400, 401, 403, 409, 413, 422, 429),
    )
    async def create(
        self,
        data: JSONBody[ShootoutCreate],
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        jobs_port: NamedDependency[SkipValidation[JobsPort]],
        once: NamedDependency[Idempotent],
    ) -> Response[ShootoutRead]:
        """Make a shootout of your library's items, and submit it in the same step where `submit` says so.

        Pointers of errors lead into the config.
        """

        async def make() -> Response[ShootoutRead]:
            shootout = await shootout_service.create(principal.user_id, data.config, visibility=data.visibility)
            job = await jobs_port.submit(principal.user_id, shootout.id) if data.submit else None
            return Response(
                ShootoutRead.of(shootout, job_id=job.id if job else None),
                status_code=201,
                headers={"Location": shootout_path(shootout.id)},
                background=BackgroundTask(job.dispatch) if job else None,
            )

        return await once(make)

    @get(operation_id="list_shootouts", summary="List shootouts", responses=problems(400, 401))
    async def list_shootouts(
        self,
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        paging: NamedDependency[Paging],
        q: Query = None,
        order_by: Annotated[ShootoutOrder, QueryParameter(description="What to sort by; a minus sign: descending.")] = (
            "-created_at"
        ),
    ) -> Page[ShootoutRead]:
        """List your shootouts."""
        rows, total = await shootout_service.page(principal.user_id, paging, order_by=order_by, q=q)
        return paging.page([ShootoutRead.of(shootout) for shootout in rows], total)

    @get(
        "/public",
        operation_id="list_public_shootouts",
        summary="List public shootouts",
        responses=problems(400, 401),
    )
    async def list_public(
        self,
        shootout_service: NamedDependency[ShootoutService],
        paging: NamedDependency[Paging],
        order_by: Annotated[ShootoutOrder, QueryParameter(description="What to sort by; a minus sign: descending.")] = (
            "-created_at"
        ),
    ) -> Page[PublicShootoutRead]:
        """List what its owners have made public: title and owner, nothing else."""
        rows, total = await shootout_service.public(paging, order_by=order_by)
        return paging.page([PublicShootoutRead.of(shootout, owner) for shootout, owner in rows], total)

    @get(
        "/{shootout_id:uuid}", operation_id="get_shootout", summary="Get a shootout", responses=problems(400, 401, 404)
    )
    async def get_shootout(
        self,
        shootout_id: ShootoutId,
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
    ) -> ShootoutRead:
        """Show a shootout with its config."""
        return ShootoutRead.of(await shootout_service.get(principal.user_id, shootout_id))

    @patch(
        "/{shootout_id:uuid}",
        operation_id="change_shootout",
        summary="Change a shootout",
        responses=problems(400, 401, 403, 404, 413, 422),
    )
    async def change(
        self,
        shootout_id: ShootoutId,
        data: JSONBody[ShootoutUpdate],
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
    ) -> ShootoutRead:
        """Replace a shootout's config, or change its visibility. Jobs that were submitted keep the config they had."""
        return ShootoutRead.of(
            await shootout_service.change(
                principal.user_id, shootout_id, config=data.config, visibility=data.visibility
            )
        )

    @delete(
        "/{shootout_id:uuid}",
        operation_id="delete_shootout",
        summary="Delete a shootout",
        responses=problems(400, 401, 403, 404, 409),
    )
    async def delete_shootout(
        self,
        shootout_id: ShootoutId,
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        jobs_port: NamedDependency[SkipValidation[JobsPort]],
        storage: NamedDependency[Storage],
    ) -> Response[None]:
        """Delete a shootout with its jobs and their results, unless one of them is not finished."""
        prefixes = await shootout_service.delete(principal.user_id, shootout_id, jobs_port)
        forget = BackgroundTasks([BackgroundTask(storage.delete_prefix, prefix) for prefix in prefixes])
        return Response(None, status_code=204, background=forget)

    @get(
        "/{shootout_id:uuid}/plan",
        operation_id="get_plan",
        summary="Get a plan",
        responses=problems(400, 401, 404, 422),
    )
    async def get_plan(
        self,
        shootout_id: ShootoutId,
        principal: NamedDependency[Principal],
        shootout_service: NamedDependency[ShootoutService],
        jobs_port: NamedDependency[SkipValidation[JobsPort]],
    ) -> PlanRead:
        """Show what a job would render, before anything runs, and what of it is there from earlier ones."""
        snapshot = await shootout_service.snapshot(principal.user_id, shootout_id)
        return PlanRead.of(snapshot, await jobs_port.rendered(principal.user_id, sound_keys(snapshot.plan)))


async def _content(request: Request[Any, Any, Any], storage: Storage, item: LibraryItem) -> Response[Any]:
    return await content_response(
        request,
        storage,
        key=storage_key(item.owner_id, item.sha256),
        size=item.size,
        sha256=item.sha256,
        media_type=item.media_type,
        filename=item.filename,
    )
