"""The pages that make and change a shootout."""

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter, SkipValidation
from litestar.response import Template

from tone_shootout.accounts.principal import Principal
from tone_shootout.jobs.dtos import JobRead
from tone_shootout.jobs.services import JobService
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.http.preconditions import etag
from tone_shootout.pages.responses import page
from tone_shootout.shootouts.config import AssetCabIr, AssetCapture, Config
from tone_shootout.shootouts.dtos import ShootoutRead
from tone_shootout.shootouts.library.services import LibraryService
from tone_shootout.shootouts.services import ShootoutService

MOST_ITEMS: Final = 1000
BLOCKS: Final = {
    "capture": "Capture",
    "cab_ir": "Cab IR",
    "gain": "Gain",
    "eq": "Equalizer",
    "compressor": "Compressor",
    "noise_gate": "Noise gate",
    "delay": "Delay",
    "reverb": "Reverb",
}
"""The blocks that the page makes, and their names."""


class BuilderController(Controller):
    """`/shootouts/new` and `/shootouts/{id}`."""

    path = "/shootouts"
    include_in_schema = False

    @get("/new")
    async def new(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        library: NamedDependency[SkipValidation[LibraryService]],
    ) -> Template:
        """Return the form of a new shootout."""
        items = await _items(library, principal.user_id)
        return page(request, "builder.html", items=items, blocks=BLOCKS, shootout=None, state={"shootout": None})

    @get("/{shootout_id:uuid}")
    async def show(
        self,
        shootout_id: Annotated[UUID, PathParameter()],
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        library: NamedDependency[SkipValidation[LibraryService]],
        shootout_service: NamedDependency[SkipValidation[ShootoutService]],
        jobs: NamedDependency[SkipValidation[JobService]],
        job: Annotated[UUID | None, QueryParameter()] = None,
    ) -> Template:
        """Return a shootout, for reading and for changing it, with the error of one of its jobs."""
        shootout = ShootoutRead.of(await shootout_service.get(principal.user_id, shootout_id))
        items = await _items(library, principal.user_id)
        error = None if job is None else JobRead.of(await jobs.get(principal.user_id, job)).error
        return page(
            request,
            "builder.html",
            items=items,
            blocks=BLOCKS,
            shootout=shootout,
            error=error,
            parts=_parts(shootout.config, {item["id"]: item["name"] for item in items}),
            state={
                "shootout": {"id": shootout.id, "config": shootout.config, "etag": etag(shootout)},
                "errors": [error] if error else [],
            },
        )


async def _items(library: LibraryService, owner_id: UUID) -> list[dict[str, str]]:
    rows, _ = await library.list(owner_id, Paging(limit=MOST_ITEMS, offset=0), order_by="name")
    return [{"id": str(row.id), "kind": row.kind, "name": row.name} for row in rows]


def _parts(config: Config, names: dict[str, str]) -> dict[str, list[str]]:
    """Return the parts of a config in words."""

    def name(asset: object) -> str:
        return names.get(str(getattr(asset, "asset", asset)), "TONE3000")

    chains = []
    for chain in config.chains:
        blocks = [
            name(block) if isinstance(block, AssetCapture | AssetCabIr) else str(block.__struct_config__.tag)
            for block in chain.blocks
        ]
        chains.append(f"{chain.name}: {' → '.join(blocks)}")
    grid = config.grid
    return {
        "DI tracks": [f"{track.name}: {name(track)}" for track in config.di_tracks],
        "Chains": chains,
        "Captures of the grid": [name(each) for each in (*grid.pedals, *grid.captures)] if grid else [],
        "Cab IRs of the grid": [name(each) for each in grid.cab_irs] if grid else [],
    }
