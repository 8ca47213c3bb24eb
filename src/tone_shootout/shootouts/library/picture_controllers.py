"""REST endpoints of pictures of library items."""

from typing import Any

from litestar import Controller, Request, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec

from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.http.openapi import DownloadOperation
from tone_shootout.kit.http.pictures import MAX_BYTES, MEDIA_TYPE, PictureEncoder, picture_response
from tone_shootout.kit.http.preconditions import NOT_MODIFIED
from tone_shootout.kit.http.problems import problems
from tone_shootout.shootouts.library.controllers import ItemId
from tone_shootout.shootouts.library.services import LibraryService


class PictureController(Controller):
    """Pictures of the gear of library items."""

    path = "/api/v1/library"
    tags = ("library",)

    @get(
        "/{item_id:uuid}/picture",
        operation_id="get_library_picture",
        operation_class=DownloadOperation,
        summary="Get the picture of an item",
        responses={
            200: ResponseSpec(bytes, generate_examples=False, media_type=MEDIA_TYPE, description="The picture."),
            **NOT_MODIFIED,
            **problems(400, 401, 404),
        },
    )
    async def get_picture(
        self,
        item_id: ItemId,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
    ) -> Response[Any]:
        """Return the picture of an item."""
        return picture_response(request, await library.picture(principal.user_id, item_id), {})

    @put(
        "/{item_id:uuid}/picture",
        operation_id="set_library_picture",
        summary="Set the picture of an item",
        status_code=204,
        request_max_body_size=MAX_BYTES,
        responses=problems(400, 401, 403, 404, 408, 413, 422),
    )
    async def set_picture(
        self,
        item_id: ItemId,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        picture_encoder: NamedDependency[PictureEncoder],
    ) -> None:
        """Set the picture of the gear of an item: a JPEG, PNG or WebP file as the body.

        It is scaled down to 1200 pixels and encoded again, without metadata. Videos of jobs that are submitted from
        then on show it on the cards of the chains that use the item.
        """
        await library.get(principal.user_id, item_id)
        await library.set_picture(principal.user_id, item_id, await picture_encoder.encode(await request.body()))

    @delete(
        "/{item_id:uuid}/picture",
        operation_id="delete_library_picture",
        summary="Delete the picture of an item",
        responses=problems(400, 401, 403, 404),
    )
    async def delete_picture(
        self, item_id: ItemId, principal: NamedDependency[Principal], library: NamedDependency[LibraryService]
    ) -> None:
        """Delete the picture of an item. Jobs that were submitted before keep it."""
        await library.remove_picture(principal.user_id, item_id)
