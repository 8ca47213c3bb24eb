"""REST endpoints of TONE3000's library."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from litestar import Controller, Response, delete, get, post
from litestar.background_tasks import BackgroundTask, BackgroundTasks
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter, SkipValidation
from msgspec import Meta

from tone_shootout.accounts.connections import ConnectionService
from tone_shootout.accounts.idempotency import IdempotentTransfer
from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.pagination import Page, Paging, provide_parts_paging
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.maintenance import MAKES_WORK
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.kit.throttle import Rate, Throttle
from tone_shootout.rendering.media_info import Limits
from tone_shootout.shootouts.jobs_port import JobsPort
from tone_shootout.shootouts.library.controllers import item_response
from tone_shootout.shootouts.library.dtos import LibraryItemRead
from tone_shootout.shootouts.library.maintenance import sweep_content
from tone_shootout.shootouts.library.services import LibraryService
from tone_shootout.shootouts.tones.dtos import DeletedImportsRead, ModelRead, ToneRead
from tone_shootout.shootouts.tones.services import ToneService
from tone_shootout.tone3000.client import SEARCH_PAGE, Search, Tone3000
from tone_shootout.tone3000.download import Downloads
from tone_shootout.tone3000.types import Architecture, Format, Gear, Size, Tone, TonesSort

ToneId = Annotated[int, PathParameter(description="Id of the tone at TONE3000.", ge=1, le=2**53)]
ModelId = Annotated[int, PathParameter(description="Id of the model at TONE3000.", ge=1, le=2**53)]
OneGear = Annotated[Gear | None, QueryParameter(description="Only tones of this gear type.")]
Title = Annotated[
    str,
    QueryParameter(description="Only tones with this text in the title.", max_length=80, pattern=r"^[^\x00-\x1f]*$"),
]
_Name = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f,_]*$")]
Names = Annotated[
    list[_Name] | None,
    QueryParameter(description="Any of these names. Repeat the parameter for several.", max_items=10),
]

LIST_PROBLEMS = problems(400, 401, 403, 409, 502, 503)

SHARE: Final = 3
"""One user can use at most a third of the installation's request limit at TONE3000, so that others, and sign-in above
all, are not delayed."""


async def provide_tones(
    session_maker: NamedDependency[SkipValidation[SessionMaker]],
    principal: NamedDependency[Principal],
    throttle: NamedDependency[Throttle],
    settings: NamedDependency[Settings],
    connections: NamedDependency[ConnectionService],
    tone3000: NamedDependency[Tone3000],
    tone3000_downloads: NamedDependency[Downloads],
    limits: NamedDependency[Limits],
    upload_folder: NamedDependency[Path],
) -> ToneService:
    """Provide the service, within the user's rate limit."""
    await throttle.take(Rate("tones", max(1, settings.tone3000.requests_per_minute // SHARE)), str(principal.user_id))
    return ToneService(session_maker, connections, tone3000, tone3000_downloads, limits, upload_folder)


class ToneController(Controller):
    """TONE3000's library, through the user's own connection."""

    path = "/api/v1/tones"
    tags = ("tones",)
    dependencies = {"tones": Provide(provide_tones)}  # noqa: RUF012 - Litestar reads it

    @get(
        "/trending",
        operation_id="list_trending_tones",
        summary="List trending tones",
        responses=problems(400, 401, 409, 502, 503),
    )
    async def trending(
        self,
        principal: NamedDependency[Principal],
        tones: NamedDependency[ToneService],
        paging: NamedDependency[Paging],
        gear: OneGear = None,
    ) -> Page[ToneRead]:
        """List at most ten trending tones. Works without a connection to TONE3000."""
        return paging.part_of([ToneRead.of(tone) for tone in await tones.trending(principal.user_id, gear=gear)])

    @get("/latest", operation_id="list_latest_tones", summary="List the latest tones", responses=LIST_PROBLEMS)
    async def latest(
        self,
        principal: NamedDependency[Principal],
        tones: NamedDependency[ToneService],
        paging: NamedDependency[Paging],
    ) -> Page[ToneRead]:
        """List at most ten of the latest published tones."""
        return paging.part_of([ToneRead.of(tone) for tone in await tones.latest(principal.user_id)])

    @get("/created", operation_id="list_created_tones", summary="List your own tones", responses=LIST_PROBLEMS)
    async def created(
        self,
        principal: NamedDependency[Principal],
        tones: NamedDependency[ToneService],
        paging: NamedDependency[Paging],
        gear: OneGear = None,
        q: Title = "",
    ) -> Page[ToneRead]:
        """List the tones that you have created at TONE3000, including private ones."""
        return _page(paging, *await tones.list_own("created", principal.user_id, paging, gear=gear, q=q))

    @get("/favorited", operation_id="list_favorited_tones", summary="List your favorites", responses=LIST_PROBLEMS)
    async def favorited(
        self,
        principal: NamedDependency[Principal],
        tones: NamedDependency[ToneService],
        paging: NamedDependency[Paging],
        gear: OneGear = None,
        q: Title = "",
    ) -> Page[ToneRead]:
        """List your favorite tones at TONE3000."""
        return _page(paging, *await tones.list_own("favorited", principal.user_id, paging, gear=gear, q=q))

    @get("/downloaded", operation_id="list_downloaded_tones", summary="List downloaded tones", responses=LIST_PROBLEMS)
    async def downloaded(
        self,
        principal: NamedDependency[Principal],
        tones: NamedDependency[ToneService],
        paging: NamedDependency[Paging],
        gear: OneGear = None,
        q: Title = "",
    ) -> Page[ToneRead]:
        """List the tones whose files you have downloaded from TONE3000, here or elsewhere, each once."""
        return _page(paging, *await tones.list_own("downloaded", principal.user_id, paging, gear=gear, q=q))

    @get("/search", operation_id="search_tones", summary="Search all tones", responses=LIST_PROBLEMS)
    async def search(
        self,
        principal: NamedDependency[Principal],
        tones: NamedDependency[ToneService],
        q: Title = "",
        gear: Annotated[
            list[Gear] | None, QueryParameter(description="Any of these gear types. Repeat the parameter for several.")
        ] = None,
        format: Annotated[Format | None, QueryParameter(description="Only tones of this file format.")] = None,  # noqa: A002 - name of the query parameter
        architecture: Annotated[
            Architecture | None,
            QueryParameter(description="Only tones with a capture of this architecture. Default: A1, custom and IRs."),
        ] = None,
        size_class: Annotated[
            Size | None, QueryParameter(description="Only tones with a capture of this size class.")
        ] = None,
        tag: Names = None,
        make: Names = None,
        creator: Names = None,
        calibrated: Annotated[bool, QueryParameter(description="Only with a capture that states its levels.")] = False,
        verified: Annotated[bool, QueryParameter(description="Only tones of verified creators.")] = False,
        order_by: Annotated[TonesSort | None, QueryParameter(description="Order of the results.")] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=SEARCH_PAGE, description="Number of items to return.")] = 10,
        offset: Annotated[int, QueryParameter(ge=0, le=100_000, description="Number of items to skip.")] = 0,
    ) -> Page[ToneRead]:
        """Search the public library. Off by default, because TONE3000's terms restrict it.

        Results match all parameters, and any value of a repeated one.
        """
        search = Search(
            query=q,
            gears=tuple(gear or ()),
            format=format,
            size=size_class,
            tags=tuple(tag or ()),
            makes=tuple(make or ()),
            creators=tuple(creator or ()),
            architecture=architecture,
            calibrated=calibrated,
            verified=verified,
            sort=order_by,
        )
        paging = Paging(limit=limit, offset=offset)
        return _page(paging, *await tones.search(principal.user_id, paging, search))

    @get(
        "/{tone_id:int}",
        operation_id="get_tone",
        summary="Get a tone",
        responses=problems(400, 401, 404, 409, 502, 503),
    )
    async def get_tone(
        self, tone_id: ToneId, principal: NamedDependency[Principal], tones: NamedDependency[ToneService]
    ) -> ToneRead:
        """Return a tone that TONE3000 shows to you."""
        return ToneRead.of(await tones.tone(principal.user_id, tone_id))

    @get(
        "/{tone_id:int}/models",
        operation_id="list_models",
        summary="List a tone's files",
        dependencies={"paging": Provide(provide_parts_paging, sync_to_thread=False)},
        responses=problems(400, 401, 404, 409, 502, 503),
    )
    async def list_models(
        self,
        tone_id: ToneId,
        principal: NamedDependency[Principal],
        tones: NamedDependency[ToneService],
        paging: NamedDependency[Paging],
    ) -> Page[ModelRead]:
        """List all files of a tone, of every architecture, with the items imported from them."""
        return paging.part_of(ModelRead.list_of(*await tones.models(principal.user_id, tone_id)))

    @post(
        "/{tone_id:int}/models/{model_id:int}/import",
        operation_id="import_model",
        opt={MAKES_WORK: True},
        summary="Import a file",
        responses={
            200: ResponseSpec(
                LibraryItemRead, generate_examples=False, description="The library has this file already"
            ),
            **problems(400, 401, 403, 404, 409, 413, 422, 502, 503),
        },
    )
    async def import_model(
        self,
        tone_id: ToneId,
        model_id: ModelId,
        principal: NamedDependency[Principal],
        tones: NamedDependency[ToneService],
        library: NamedDependency[LibraryService],
        idempotent_transfer: NamedDependency[IdempotentTransfer],
    ) -> Response[LibraryItemRead]:
        """Import a capture or impulse response into your library, with its credit and license.

        A file imported earlier is not downloaded again. A file with the same bytes as an existing item returns that
        item.
        """

        async def add() -> Response[LibraryItemRead]:
            item, is_new = await tones.import_model(principal.user_id, tone_id, model_id, library)
            return item_response(item, is_new=is_new)

        return await idempotent_transfer(add)

    @delete(
        "/imports",
        operation_id="forget_imports",
        summary="Delete imported items",
        status_code=200,
        responses=problems(400, 401, 403),
    )
    async def delete_imports(
        self,
        principal: NamedDependency[Principal],
        library: NamedDependency[LibraryService],
        jobs_port: NamedDependency[SkipValidation[JobsPort]],
        storage: NamedDependency[Storage],
        session_maker: NamedDependency[SkipValidation[SessionMaker]],
    ) -> Response[DeletedImportsRead]:
        """Delete all items imported from TONE3000, except those that a shootout or an unfinished job uses."""
        contents, kept = await library.delete_imports(principal.user_id, jobs_port)
        sweeps = [
            BackgroundTask(sweep_content, session_maker, storage, principal.user_id, sha256) for sha256 in contents
        ]
        return Response(DeletedImportsRead(deleted=len(contents), kept=kept), background=BackgroundTasks(sweeps))


def _page(paging: Paging, tones: Sequence[Tone], total: int) -> Page[ToneRead]:
    return paging.page([ToneRead.of(tone) for tone in tones], total)
