"""The library page: DI tracks, captures and cab IRs."""

from typing import Annotated, Any, Final, Literal, get_args

from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation
from litestar.response import Template

from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.settings import Settings
from tone_shootout.pages.responses import page
from tone_shootout.rendering.media_info import Kind, MediaInfo
from tone_shootout.rendering.spec.schema import GearType
from tone_shootout.shootouts.library.dtos import LibraryItemRead, UsageRead
from tone_shootout.shootouts.library.filters import ItemFilter
from tone_shootout.shootouts.library.services import LibraryService

PAGE_SIZE: Final = 50
PLAYABLE: Final = frozenset({"audio/wav", "audio/flac", "audio/mpeg", "audio/ogg", "audio/mp4"})
"""Media types that browsers play."""
_HIDDEN: Final = frozenset({"kind", "sha256", "size_bytes", "notices", "parts", "sizes", "samples", "catalog_gear"})
_LABELS: Final = {
    "sample_rate_hz": ("Sample rate", "Hz"),
    "sample_rate_stated": ("Rate stated in the file", ""),
    "duration_s": ("Duration", "s"),
    "channels": ("Channels", ""),
    "peak_dbfs": ("Peak", "dBFS"),
    "architecture": ("Architecture", ""),
    "size_class": ("Size class", ""),
    "parameters": ("Weights", ""),
    "receptive_field_samples": ("Receptive field", "samples"),
    "slimmable": ("Several sizes", ""),
    "name": ("Name in the file", ""),
    "gear": ("Gear in the file", ""),
    "input_level_dbu": ("Input level", "dBu"),
    "stereo": ("Sides differ", ""),
    "cancels": ("Sides cancel", ""),
    "padded": ("Padded samples", ""),
}


class LibraryPageController(Controller):
    """`/library`."""

    path = "/library"
    include_in_schema = False

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        library: NamedDependency[SkipValidation[LibraryService]],
        settings: NamedDependency[Settings],
        kind: Annotated[Kind | Literal[""], QueryParameter()] = "",
        q: Annotated[str, QueryParameter(max_length=80)] = "",
        offset: Annotated[int, QueryParameter(ge=0, le=1_000_000)] = 0,
    ) -> Template:
        """Return the user's items, each with what is known of its file."""
        text = q.replace("\x00", "").strip() or None
        rows, total = await library.list(
            principal.user_id,
            Paging(limit=PAGE_SIZE, offset=offset),
            order_by="-created_at",
            only=ItemFilter(kind=kind or None, q=text),
        )
        items = [LibraryItemRead.of(row) for row in rows]
        return page(
            request,
            "library.html",
            items=[(item, facts_of(item.facts)) for item in items],
            usage=UsageRead.of(await library.usage(principal.user_id), await library.bounds(principal.user_id)),
            is_empty=not total and not offset and text is None and not kind,
            kind=kind,
            q=q,
            total=total,
            offset=offset,
            size=PAGE_SIZE,
            tone3000=bool(settings.tone3000.client_id),
            max_bytes=settings.limits.upload_bytes,
            playable=PLAYABLE,
            gears=get_args(GearType),
        )


def facts_of(info: MediaInfo) -> list[tuple[str, str]]:
    """Return what is known of a file as labels and values."""
    found = []
    for name in info.__struct_fields__:
        value = getattr(info, name)
        if name in _HIDDEN or value is None or value is False:
            continue
        label, unit = _LABELS.get(name, (name.replace("_", " ").capitalize(), ""))
        text = "yes" if value is True else f"{value:,.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else ""
        text = text or (f"{value:,}" if isinstance(value, int) else str(value))
        found.append((label, f"{text} {unit}".strip()))
    return found
