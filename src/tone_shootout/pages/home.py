"""The home page: shootouts with their newest results, and running jobs."""

from typing import Annotated, Any

from litestar import Controller, MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from tone_shootout.accounts.guards import provide_principal
from tone_shootout.jobs.dtos import JobRead
from tone_shootout.jobs.services import JobService
from tone_shootout.jobs.status import FINISHED
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.http.index_page import Index, index_of
from tone_shootout.kit.settings import Settings
from tone_shootout.pages.responses import page
from tone_shootout.shootouts.library.services import LibraryService
from tone_shootout.shootouts.services import ShootoutService

PAGE_SIZE = 20
_ACTIVE_SHOWN = 10


class HomeController(Controller):
    """`/`: a page for browsers, an index for programs."""

    path = "/"
    include_in_schema = False
    opt = {"public": True, "optional_authentication": True}  # noqa: RUF012 - Litestar reads a plain class attribute

    @get()
    async def home(
        self,
        request: Request[Any, Any, Any],
        settings: NamedDependency[Settings],
        shootout_service: NamedDependency[SkipValidation[ShootoutService]],
        library: NamedDependency[SkipValidation[LibraryService]],
        jobs: NamedDependency[SkipValidation[JobService]],
        q: Annotated[str, QueryParameter(max_length=80)] = "",
        offset: Annotated[int, QueryParameter(ge=0, le=1_000_000)] = 0,
    ) -> Response[Index] | Any:
        """Return the home page to a browser whose user is signed in, and what this is to programs."""
        if request.accept.best_match([MediaType.JSON, MediaType.HTML], default=MediaType.JSON) != MediaType.HTML:
            headers = {"Vary": "Accept", "X-Content-Type-Options": "nosniff"}
            return Response(index_of(settings), media_type=MediaType.JSON, headers=headers)
        owner_id = provide_principal(request.scope).user_id
        paging = Paging(limit=PAGE_SIZE, offset=offset)
        text = q.replace("\x00", "").strip() or None
        shootouts, total = await shootout_service.list(owner_id, paging, order_by="-updated_at", q=text)
        newest = await jobs.list_newest(owner_id, [shootout.id for shootout in shootouts])
        active = await jobs.list_unfinished(owner_id)
        return page(
            request,
            "home.html",
            shootouts=[(shootout, newest.get(shootout.id)) for shootout in shootouts],
            finished=FINISHED,
            active=[JobRead.of(job) for job in active[:_ACTIVE_SHOWN]],
            more_active=max(0, len(active) - _ACTIVE_SHOWN),
            is_empty=not total and not offset and text is None,
            items=(await library.usage(owner_id)).items,
            q=q,
            total=total,
            offset=offset,
            size=PAGE_SIZE,
        )
