"""The page with the picture of a library item: set, replace and delete it, by forms that need no script."""

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Controller, MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.params import PathParameter, QueryParameter, SkipValidation
from litestar.response import Redirect, Template

from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.http.pictures import MAX_BYTES, InvalidPictureError, PictureEncoder, PictureNotFoundError
from tone_shootout.pages.forms import PICTURE_MISSING, PICTURE_TOO_LARGE, sent_picture
from tone_shootout.pages.responses import page
from tone_shootout.shootouts.library.dtos import LibraryItemRead
from tone_shootout.shootouts.library.services import LibraryService

_FORM_BYTES: Final = MAX_BYTES + 100_000
_DONE: Final = {"set": "The picture is stored.", "remove": "The picture is deleted."}
"""What a form does, by its `action`, in words."""

ItemIdInPath = Annotated[UUID, PathParameter()]


class LibraryPicturePageController(Controller):
    """`/library/{id}/picture`."""

    path = "/library/{item_id:uuid}/picture"
    include_in_schema = False

    @get()
    async def show(
        self,
        item_id: ItemIdInPath,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        library: NamedDependency[SkipValidation[LibraryService]],
        done: Annotated[str, QueryParameter(max_length=40)] = "",
    ) -> Template:
        """Return the forms; `done` names what the last one did."""
        return await _page(request, library, principal, item_id, done=_DONE.get(done, ""))

    @post(media_type=MediaType.HTML, request_max_body_size=_FORM_BYTES)
    async def send(
        self,
        item_id: ItemIdInPath,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        library: NamedDependency[SkipValidation[LibraryService]],
        picture_encoder: NamedDependency[PictureEncoder],
    ) -> Response[Any]:
        """Do what a form asks for, then redirect to the page, so that a reload does not repeat it."""
        try:
            form = await request.form()
            action = "remove" if form.get("action") == "remove" else "set"
            if action == "remove":
                await library.remove_picture(principal.user_id, item_id)
            else:
                await library.get(principal.user_id, item_id)
                picture = await sent_picture(form.get("picture"), picture_encoder)
                if picture is None:
                    raise InvalidPictureError(PICTURE_MISSING)
                await library.set_picture(principal.user_id, item_id, picture)
        except RequestEntityTooLarge:
            return await _page(request, library, principal, item_id, status=413, error=PICTURE_TOO_LARGE)
        except (InvalidPictureError, PictureNotFoundError) as error:
            return await _page(request, library, principal, item_id, status=error.status, error=error.detail)
        location = f"/library/{item_id}/picture?done={action}"
        return Redirect(location, status_code=303, headers={"Cache-Control": "no-store"})


async def _page(
    request: Request[Any, Any, Any],
    library: LibraryService,
    principal: Principal,
    item_id: UUID,
    *,
    status: int = 200,
    done: str = "",
    error: str = "",
) -> Template:
    item = LibraryItemRead.of(await library.read(principal.user_id, item_id))
    return page(
        request, "library_picture.html", status=status, item=item, done=done, error=error, max_picture_bytes=MAX_BYTES
    )
