"""REST API of shares."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, delete, get, head, patch, post, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, Parameter, QueryParameter

from tone_shootout.accounts.idempotency import Idempotent
from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.http.openapi import FILE_RESPONSES, DownloadOperation
from tone_shootout.kit.http.pictures import MAX_BYTES, MEDIA_TYPE, PictureEncoder, picture_response
from tone_shootout.kit.http.preconditions import NOT_MODIFIED, IfMatch, IfNoneMatch, etag, tagged
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.http.ranges import content_response
from tone_shootout.kit.storage import Storage
from tone_shootout.listening.shares.dtos import (
    SHARES,
    ShareCreate,
    ShareItemRead,
    ShareRead,
    ShareUpdate,
    share_path,
)
from tone_shootout.listening.shares.models import SLUG_LENGTH, Share
from tone_shootout.listening.shares.services import ShareService

Slug = Annotated[
    str,
    Parameter(
        description="Address of the share.",
        min_length=SLUG_LENGTH,
        max_length=SLUG_LENGTH,
        pattern=r"^[A-Za-z0-9_-]*$(?!\n)",
    ),
]
JobId = Annotated[UUID, Parameter(description="The job's id.")]
FilePath = Annotated[str, Parameter(description="Path of the file.", max_length=400, pattern=r"^[^\x00]*$")]
PUBLIC = {"public": True}
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Headers of public files: the player in a frame of another site has no origin, and sends no cookie."""
REVALIDATE = {"Cache-Control": "no-cache"}
"""Caches ask each time, so that a withdrawn share is gone at once."""


class JobShareController(Controller):
    """Sharing of jobs."""

    path = "/api/v1/jobs/{job_id:uuid}/share"
    tags = ("shares",)

    @post(operation_id="share_job", summary="Share a job", responses=problems(400, 401, 403, 404, 409, 422))
    async def create(
        self,
        job_id: JobId,
        data: JSONBody[ShareCreate],
        principal: NamedDependency[Principal],
        shares: NamedDependency[ShareService],
        idempotent: NamedDependency[Idempotent],
    ) -> Response[ShareRead]:
        """Publish the level-matched segments, measures and credits of a completed job. All else stays private."""

        async def make() -> Response[ShareRead]:
            share = await shares.create(
                principal.user_id, job_id, visibility=data.visibility, title=data.title, notes=data.notes
            )
            content = ShareRead.of(share, await shares.files(share))
            headers = {"Location": share_path(share.slug), "ETag": etag(content)}
            return Response(content, status_code=201, headers=headers)

        return await idempotent(make)


class ShareController(Controller):
    """Shares: their owners edit them, anybody with the address reads them."""

    path = SHARES
    tags = ("shares",)

    @get(operation_id="list_shares", summary="List your shares", responses=problems(400, 401))
    async def list_shares(
        self,
        principal: NamedDependency[Principal],
        shares: NamedDependency[ShareService],
        paging: NamedDependency[Paging],
    ) -> Page[ShareItemRead]:
        """List your shares, newest first."""
        rows, total = await shares.list(principal.user_id, paging)
        return paging.page([ShareItemRead.of(row, for_owner=True) for row in rows], total)

    @get("/public", operation_id="list_public_shares", summary="List public shares", opt=PUBLIC)
    async def list_public(
        self,
        shares: NamedDependency[ShareService],
        paging: NamedDependency[Paging],
        q: Annotated[
            str | None, QueryParameter(description="Only shares with this text in their title.", max_length=120)
        ] = None,
    ) -> Page[ShareItemRead]:
        """List the public shares of all users, newest first."""
        rows, total = await shares.list_public(paging, search=q)
        return paging.page([ShareItemRead.of(row, for_owner=False) for row in rows], total)

    @get(
        "/{slug:str}",
        operation_id="get_share",
        summary="Get a share",
        opt=PUBLIC,
        responses={**NOT_MODIFIED, **problems(404)},
    )
    async def get_share(
        self, slug: Slug, shares: NamedDependency[ShareService], if_none_match: NamedDependency[IfNoneMatch]
    ) -> Response[ShareRead]:
        """Return what is public of a job, to anybody with the address."""
        share = await shares.get(slug)
        response = if_none_match.respond(ShareRead.of(share, await shares.files(share)))
        response.headers.update(REVALIDATE)
        return response

    @patch(
        "/{slug:str}",
        operation_id="change_share",
        summary="Update a share",
        responses=problems(401, 403, 404, 412, 422),
    )
    async def change(
        self,
        slug: Slug,
        data: JSONBody[ShareUpdate],
        principal: NamedDependency[Principal],
        shares: NamedDependency[ShareService],
        if_match: NamedDependency[IfMatch],
    ) -> Response[ShareRead]:
        """Update title, notes or visibility of your share."""
        files = await shares.files(await shares.get_owned(principal.user_id, slug))

        def read(share: Share) -> ShareRead:
            return ShareRead.of(share, files)

        changes = msgspec.to_builtins(data)
        share = await shares.change(principal.user_id, slug, changes, condition=if_match.of(read))
        return tagged(read(share))

    @delete(
        "/{slug:str}",
        operation_id="withdraw_share",
        summary="Withdraw a share",
        responses=problems(401, 403, 404, 412),
    )
    async def withdraw(
        self,
        slug: Slug,
        principal: NamedDependency[Principal],
        shares: NamedDependency[ShareService],
        if_match: NamedDependency[IfMatch],
    ) -> None:
        """Delete your share with its listening tests. It is gone for everybody at once; the job stays."""
        files = await shares.files(await shares.get_owned(principal.user_id, slug))
        condition = if_match.of(lambda share: ShareRead.of(share, files))
        await shares.withdraw(principal.user_id, slug, condition=condition)

    @get(
        "/{slug:str}/files/{file:path}",
        operation_id="get_shared_file",
        operation_class=DownloadOperation,
        summary="Get a file of a share",
        opt=PUBLIC,
        responses={**FILE_RESPONSES, **problems(404, 416, 503)},
    )
    async def get_file(
        self,
        slug: Slug,
        file: FilePath,
        request: Request[Any, Any, Any],
        shares: NamedDependency[ShareService],
        storage: NamedDependency[Storage],
    ) -> Response[Any]:
        """Send a public file of a share. Supports `Range`, `If-None-Match` and `If-Range`."""
        return await _content(request, storage, shares, slug, file)

    @head(
        "/{slug:str}/files/{file:path}",
        operation_id="head_shared_file",
        summary="Get headers of a file of a share",
        opt=PUBLIC,
        responses=problems(404, 503),
    )
    async def head_file(
        self,
        slug: Slug,
        file: FilePath,
        request: Request[Any, Any, Any],
        shares: NamedDependency[ShareService],
        storage: NamedDependency[Storage],
    ) -> Response[None]:
        """Return size, media type and ETag of a public file of a share."""
        return await _content(request, storage, shares, slug, file)

    @get(
        "/{slug:str}/picture",
        operation_id="get_share_picture",
        operation_class=DownloadOperation,
        summary="Get the picture of a share",
        opt=PUBLIC,
        responses={
            200: ResponseSpec(bytes, generate_examples=False, media_type=MEDIA_TYPE, description="The picture."),
            **NOT_MODIFIED,
            **problems(404),
        },
    )
    async def get_picture(
        self, slug: Slug, request: Request[Any, Any, Any], shares: NamedDependency[ShareService]
    ) -> Response[Any]:
        """Return the picture of a share."""
        picture = await shares.picture(slug)
        return picture_response(request, picture, {"Cross-Origin-Resource-Policy": "cross-origin"})

    @put(
        "/{slug:str}/picture",
        operation_id="set_share_picture",
        summary="Set the picture of a share",
        status_code=204,
        request_max_body_size=MAX_BYTES,
        responses=problems(401, 403, 404, 408, 413, 422),
    )
    async def set_picture(
        self,
        slug: Slug,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        shares: NamedDependency[ShareService],
        picture_encoder: NamedDependency[PictureEncoder],
    ) -> None:
        """Set the picture of your share: a JPEG, PNG or WebP file as the body.

        It is scaled down to 1200 pixels and encoded again, without metadata.
        """
        await shares.get_owned(principal.user_id, slug)
        picture = await picture_encoder.encode(await request.body())
        await shares.set_picture(principal.user_id, slug, picture)

    @delete(
        "/{slug:str}/picture",
        operation_id="delete_share_picture",
        summary="Delete the picture of a share",
        responses=problems(401, 403, 404),
    )
    async def delete_picture(
        self, slug: Slug, principal: NamedDependency[Principal], shares: NamedDependency[ShareService]
    ) -> None:
        """Delete the picture of your share."""
        await shares.remove_picture(principal.user_id, slug)


async def _content(
    request: Request[Any, Any, Any], storage: Storage, shares: ShareService, slug: str, path: str
) -> Response[Any]:
    found = await shares.file(slug, path.lstrip("/"))
    response = await content_response(
        request,
        storage,
        key=found.storage_key,
        size=found.size,
        sha256=found.sha256,
        media_type=found.media_type,
        filename=found.path.rsplit("/", 1)[-1],
    )
    response.headers.update(ANY_ORIGIN)
    return response
