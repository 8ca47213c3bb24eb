"""Pages where users share their results: the list of their shares, and the share of a job."""

from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import msgspec
from litestar import Controller, MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.params import PathParameter, QueryParameter, SkipValidation
from litestar.response import Redirect, Template

from tone_shootout.accounts.principal import Principal
from tone_shootout.jobs.services import JobService
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.http.pictures import (
    MAX_BYTES,
    InvalidPictureError,
    Picture,
    PictureEncoder,
    PictureNotFoundError,
)
from tone_shootout.kit.http.preconditions import IfMatch, PreconditionFailedError, etag
from tone_shootout.kit.http.problems import ConflictError, InvalidError, faults_of, summary
from tone_shootout.kit.settings import Settings
from tone_shootout.listening.shares.addresses import base_url, embed_path, page_path
from tone_shootout.listening.shares.dtos import (
    MAX_NOTES,
    MAX_TITLE,
    ShareCreate,
    ShareItemRead,
    ShareRead,
    ShareUpdate,
)
from tone_shootout.listening.shares.errors import ShareNotFoundError
from tone_shootout.listening.shares.oembed import frame
from tone_shootout.listening.shares.services import ShareService
from tone_shootout.pages.forms import PICTURE_MISSING, PICTURE_TOO_LARGE, sent_picture
from tone_shootout.pages.responses import page

PAGE_SIZE: Final = 20
_FORM_BYTES: Final = MAX_BYTES + 100_000
_FIELDS: Final = ("visibility", "title", "notes")
_DONE: Final = {
    "publish": "The comparison is shared.",
    "change": "The share is changed.",
    "picture": "The picture is stored.",
    "remove_picture": "The picture is deleted.",
    "withdraw": "The share is withdrawn. Its address answers with “not found” from now on.",
}
"""What a form does, by its `action`, in words."""

T = TypeVar("T", bound=msgspec.Struct)

JobIdInPath = Annotated[UUID, PathParameter()]


class SharesPageController(Controller):
    """`/shares`: the user's shares."""

    path = "/shares"
    include_in_schema = False

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        shares: NamedDependency[SkipValidation[ShareService]],
        offset: Annotated[int, QueryParameter(ge=0, le=1_000_000)] = 0,
    ) -> Template:
        """Return a page of the list, newest first."""
        rows, total = await shares.list(principal.user_id, Paging(limit=PAGE_SIZE, offset=offset))
        items = [ShareItemRead.of(row, for_owner=True) for row in rows]
        return page(request, "shares.html", shares=items, total=total, offset=offset, size=PAGE_SIZE)


class JobSharePageController(Controller):
    """`/jobs/{id}/share`: publish, change and withdraw the share of a job, by forms that need no script."""

    path = "/jobs/{job_id:uuid}/share"
    include_in_schema = False

    @get()
    async def show(
        self,
        job_id: JobIdInPath,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        jobs: NamedDependency[SkipValidation[JobService]],
        shares: NamedDependency[SkipValidation[ShareService]],
        settings: NamedDependency[Settings],
        done: Annotated[str, QueryParameter(max_length=40)] = "",
    ) -> Template:
        """Return the forms; `done` names what the last one did."""
        return await _page(request, settings, jobs, shares, principal, job_id, done=_DONE.get(done, ""))

    @post(media_type=MediaType.HTML, request_max_body_size=_FORM_BYTES)
    async def send(
        self,
        job_id: JobIdInPath,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        jobs: NamedDependency[SkipValidation[JobService]],
        shares: NamedDependency[SkipValidation[ShareService]],
        picture_encoder: NamedDependency[PictureEncoder],
        settings: NamedDependency[Settings],
    ) -> Response[Any]:
        """Do what a form asks for, then redirect to the page, so that a reload does not repeat it."""
        form: Any = {}
        try:
            form = await request.form()
            action = str(form.get("action", ""))
            picture = await sent_picture(form.get("picture"), picture_encoder)
            await _act(action, form, picture, shares, principal.user_id, job_id)
        except RequestEntityTooLarge:
            return await _page(request, settings, jobs, shares, principal, job_id, status=413, error=PICTURE_TOO_LARGE)
        except (InvalidError, ConflictError, PreconditionFailedError, PictureNotFoundError) as error:
            return await _page(
                request, settings, jobs, shares, principal, job_id, status=error.status, error=error.detail, sent=form
            )
        return Redirect(f"/jobs/{job_id}/share?done={action}", status_code=303, headers={"Cache-Control": "no-store"})


async def _act(
    action: str, form: Any, picture: Picture | None, shares: ShareService, owner_id: UUID, job_id: UUID
) -> None:
    if action == "publish":
        new = _converted({name: value for name, value in _texts(form).items() if value}, ShareCreate)
        share = await shares.create(owner_id, job_id, visibility=new.visibility, title=new.title, notes=new.notes)
        if picture is not None:
            await shares.set_picture(owner_id, share.slug, picture)
        return
    share = await shares.find_of_job(owner_id, job_id)
    if share is None:
        raise ShareNotFoundError
    if action == "change":
        files = await shares.files(share)
        changes = msgspec.to_builtins(_converted(_texts(form), ShareUpdate))
        condition = IfMatch(str(form.get("tag", ""))).of(lambda row: ShareRead.of(row, files))
        await shares.change(owner_id, share.slug, changes, condition=condition)
    elif action == "picture":
        if picture is None:
            raise InvalidPictureError(PICTURE_MISSING)
        await shares.set_picture(owner_id, share.slug, picture)
    elif action == "remove_picture":
        await shares.remove_picture(owner_id, share.slug)
    elif action == "withdraw":
        await shares.withdraw(owner_id, share.slug)
    else:
        raise InvalidError("This form asks for nothing that is known. Reload the page, then send it again.")


async def _page(
    request: Request[Any, Any, Any],
    settings: Settings,
    jobs: JobService,
    shares: ShareService,
    principal: Principal,
    job_id: UUID,
    *,
    status: int = 200,
    done: str = "",
    error: str = "",
    sent: Any = None,
) -> Template:
    job = await jobs.get(principal.user_id, job_id)
    share = await shares.find_of_job(principal.user_id, job_id)
    base = base_url(request, settings)
    shown = {"visibility": "unlisted", "title": job.title[:MAX_TITLE], "notes": ""}
    if share is not None:
        shown = {name: getattr(share, name) for name in _FIELDS}
    if sent is not None and error:
        shown |= {name: value for name, value in _texts(sent).items() if name in shown}
    return page(
        request,
        "share_job.html",
        status=status,
        job=job,
        is_shareable=job.status == JobStatus.COMPLETED,
        share=share,
        shown=shown,
        tag="" if share is None else etag(ShareRead.of(share, await shares.files(share))),
        url="" if share is None else f"{base}{page_path(share.slug)}",
        path="" if share is None else page_path(share.slug),
        frame="" if share is None else frame(f"{base}{embed_path(share.slug)}", share.title),
        done=done,
        error=error,
        max_title=MAX_TITLE,
        max_notes=MAX_NOTES,
        max_picture_bytes=MAX_BYTES,
    )


def _texts(form: Any) -> dict[str, str]:
    """Return the fields of a share that a form has. Browsers send line breaks as CR and LF."""
    return {name: value.replace("\r\n", "\n").strip() for name in _FIELDS if isinstance(value := form.get(name), str)}


def _converted(fields: dict[str, str], kind: type[T]) -> T:
    """Return fields as the body of the REST API that they stand for.

    Raises:
        InvalidError: it would be refused.
    """
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError:
        raise InvalidError(summary(faults_of(fields, kind))) from None
