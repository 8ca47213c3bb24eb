"""REST endpoints of the library."""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, head, patch, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, QueryParameter, SkipValidation

from tone_shootout.accounts.idempotency import IdempotentTransfer
from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.maintenance import MAKES_WORK
from tone_shootout.kit.http.openapi import FILE_RESPONSES, DownloadOperation
from tone_shootout.kit.http.preconditions import NOT_MODIFIED, IfMatch, IfNoneMatch, etag, tagged
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.http.ranges import content_response
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.media_info import Limits
from tone_shootout.shootouts.jobs_port import JobsPort
from tone_shootout.shootouts.library.dtos import ItemOrder, LibraryItemRead, LibraryItemUpdate, UsageRead, item_path
from tone_shootout.shootouts.library.filters import ItemFilter
from tone_shootout.shootouts.library.maintenance import sweep_content
from tone_shootout.shootouts.library.models import LibraryItem
from tone_shootout.shootouts.library.quota import UNLIMITED, StorageQuota
from tone_shootout.shootouts.library.services import LibraryService, storage_key
from tone_shootout.shootouts.library.uploads import receive

ItemId = Annotated[UUID, PathParameter(description="Id of the library item.")]
ORDER_BY = "Field to sort by; a minus sign reverses the order."


class UploadController(Controller):
    """Uploads. The only routes that accept large request bodies."""

    path = "/api/v1/library"
    tags = ("library",)

    @post(
        operation_id="upload_library_item",
        opt={MAKES_WORK: True},
        summary="Upload a file",
        responses={
            200: ResponseSpec(
                LibraryItemRead, generate_examples=False, description="The library already has this file"
            ),
            **problems(400, 401, 403, 408, 409, 413, 415, 422),
        },
    )
    async def upload(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        limits: NamedDependency[Limits],
        upload_folder: NamedDependency[Path],
        quota: NamedDependency[StorageQuota],
        session_maker: NamedDependency[SkipValidation[SessionMaker]],
        idempotent_transfer: NamedDependency[IdempotentTransfer],
    ) -> Response[LibraryItemRead]:
        """Upload a DI track, capture or cab IR.

        The file is decoded first. A file that the library already has as the same kind is not added again.
        """
        async with session_maker() as session:  # returned to the pool before the upload, which can take minutes
            is_stored = await idempotent_transfer.is_stored(session)
            bounds = await quota.bounds(session, principal.user_id)
            available = UNLIMITED if is_stored else await quota.available_bytes(session, principal.user_id, bounds)
        async with receive(
            request, limits, upload_folder, available_bytes=available, exceeded=bounds.exceeded
        ) as upload:

            async def add() -> Response[LibraryItemRead]:
                item, is_new = await library.add(principal.user_id, upload)
                return item_response(item, is_new=is_new)

            return await idempotent_transfer(add, upload.identity)


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
        item_filter: NamedDependency[ItemFilter],
        order_by: Annotated[ItemOrder, QueryParameter(description=ORDER_BY)] = ("-created_at"),
    ) -> Page[LibraryItemRead]:
        """List the items of your library.

        With the SHA-256 of your files, the answer tells which of them need not be uploaded.
        """
        rows, total = await library.list(principal.user_id, paging, order_by=order_by, only=item_filter)
        return paging.page([LibraryItemRead.of(item) for item in rows], total)

    @get("/usage", operation_id="get_library_usage", summary="Get storage usage", responses=problems(400, 401))
    async def get_usage(
        self,
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
    ) -> UsageRead:
        """Return how much you store, and your limits."""
        return UsageRead.of(await library.usage(principal.user_id), await library.bounds(principal.user_id))

    @get(
        "/{item_id:uuid}",
        operation_id="get_library_item",
        summary="Get an item",
        responses={**NOT_MODIFIED, **problems(400, 401, 404)},
    )
    async def get_item(
        self,
        item_id: ItemId,
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        if_none_match: NamedDependency[IfNoneMatch],
    ) -> Response[LibraryItemRead]:
        """Return an item with the media info of its file."""
        return if_none_match.respond(LibraryItemRead.of(await library.read(principal.user_id, item_id)))

    @patch(
        "/{item_id:uuid}",
        operation_id="change_library_item",
        summary="Update an item",
        responses=problems(400, 401, 403, 404, 409, 412, 413, 422, 503),
    )
    async def update_item(
        self,
        item_id: ItemId,
        data: JSONBody[LibraryItemUpdate],
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        upload_folder: NamedDependency[Path],
        if_match: NamedDependency[IfMatch],
    ) -> Response[LibraryItemRead]:
        """Update an item's kind, name, notes or tags, or the gear type of a capture.

        The kind of an item that a shootout uses can't be changed.
        """
        item = await library.update(
            principal.user_id,
            item_id,
            upload_folder,
            kind=data.kind,
            name=data.name,
            notes=data.notes,
            tags=data.tags,
            gear=data.gear,
            condition=if_match.of(LibraryItemRead.of),
        )
        return tagged(LibraryItemRead.of(item))

    @delete(
        "/{item_id:uuid}",
        operation_id="delete_library_item",
        summary="Delete an item",
        responses=problems(400, 401, 403, 404, 409, 412),
    )
    async def delete_item(
        self,
        item_id: ItemId,
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        jobs_port: NamedDependency[SkipValidation[JobsPort]],
        storage: NamedDependency[Storage],
        session_maker: NamedDependency[SkipValidation[SessionMaker]],
        if_match: NamedDependency[IfMatch],
    ) -> Response[None]:
        """Delete an item and its file, unless a shootout or an unfinished job uses it."""
        sha256 = await library.delete(principal.user_id, item_id, jobs_port, condition=if_match.of(LibraryItemRead.of))
        sweep = BackgroundTask(sweep_content, session_maker, storage, principal.user_id, sha256)
        return Response(None, status_code=204, background=sweep)

    @get(
        "/{item_id:uuid}/content",
        operation_id="get_library_content",
        operation_class=DownloadOperation,
        summary="Download an item's file",
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
        """Download the uploaded file, unchanged. Supports `Range`, `If-Range` and `If-None-Match`."""
        return await _content(request, storage, await library.get(principal.user_id, item_id))

    @head(
        "/{item_id:uuid}/content",
        operation_id="head_library_content",
        summary="Get headers of an item's file",
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
        """Return size, media type and ETag of the file."""
        return await _content(request, storage, await library.get(principal.user_id, item_id))


def item_response(item: LibraryItem, *, is_new: bool) -> Response[LibraryItemRead]:
    """Return the response for an item that was added; 200 if the library had it already."""
    content = LibraryItemRead.of(item)
    headers = {"Location": item_path(item.id), "ETag": etag(content)}
    return Response(content, status_code=201 if is_new else 200, headers=headers)


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
