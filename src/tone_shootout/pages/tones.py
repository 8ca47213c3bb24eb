"""The pages of TONE3000's library: lists of tones, and the files of one."""

from typing import Annotated, Any, Final, Literal

from litestar import Controller, Request, get
from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, QueryParameter
from litestar.response import Template

from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.settings import Settings
from tone_shootout.pages.responses import page
from tone_shootout.shootouts.tones.controllers import provide_tones
from tone_shootout.shootouts.tones.dtos import ModelRead, PoweredByRead, ToneRead
from tone_shootout.shootouts.tones.services import ToneService
from tone_shootout.tone3000.client import Search
from tone_shootout.tone3000.types import Gear, Tone

PAGE_SIZE: Final = 20
ToneList = Literal["trending", "latest", "favorited", "created", "downloaded", "search"]
_LISTS: Final = {
    "trending": "Trending",
    "latest": "Latest",
    "favorited": "My favorites",
    "created": "My own",
    "downloaded": "Downloaded",
    "search": "All tones",
}
_GEAR: Final = ("amp", "amp_cab", "pedal", "outboard", "cab", "space", "experimental")


class TonesPageController(Controller):
    """`/library/tones` and `/library/tones/{id}`."""

    path = "/library/tones"
    include_in_schema = False
    dependencies = {"tones": Provide(provide_tones)}  # noqa: RUF012 - Litestar reads it

    @get()
    async def browse(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        tones: NamedDependency[ToneService],
        settings: NamedDependency[Settings],
        which: Annotated[ToneList, QueryParameter(name="list")] = "trending",
        gear: Annotated[Gear | Literal[""], QueryParameter()] = "",
        q: Annotated[str, QueryParameter(max_length=80)] = "",
        offset: Annotated[int, QueryParameter(ge=0, le=100_000)] = 0,
    ) -> Template:
        """Return a page of one of TONE3000's lists."""
        text = "".join(char for char in q if char.isprintable()).strip()
        paging = Paging(limit=PAGE_SIZE, offset=offset)
        found, total = await _list(tones, principal, which, paging, gear=gear or None, text=text)
        return page(
            request,
            "tones.html",
            tones=[ToneRead.of(tone) for tone in found],
            lists=[each for each in _LISTS.items() if each[0] != "search" or settings.tone3000.search],
            gears=_GEAR,
            which=which,
            gear=gear,
            q=text,
            total=total,
            offset=offset,
            size=PAGE_SIZE,
            powered_by=PoweredByRead(),
        )

    @get("/{tone_id:int}")
    async def show(
        self,
        request: Request[Any, Any, Any],
        tone_id: Annotated[int, PathParameter(ge=1, le=2**53)],
        principal: NamedDependency[Principal],
        tones: NamedDependency[ToneService],
    ) -> Template:
        """Return a tone with its files."""
        tone, models, items = await tones.models(principal.user_id, tone_id)
        return page(request, "tone.html", tone=ToneRead.of(tone), models=ModelRead.list_of(tone, models, items))


async def _list(
    tones: ToneService, principal: Principal, which: ToneList, paging: Paging, *, gear: Gear | None, text: str
) -> tuple[list[Tone], int]:
    """Return a page of a list, and how many tones match. TONE3000 gives ten trending and ten latest tones at most."""
    user_id = principal.user_id
    if which == "search":
        return await tones.search(user_id, paging, Search(query=text, gears=() if gear is None else (gear,)))
    if which not in ("trending", "latest"):
        return await tones.list_own(which, user_id, paging, gear=gear, q=text)
    found = await (tones.trending(user_id, gear=gear) if which == "trending" else tones.latest(user_id))
    matching = [tone for tone in found if text.lower() in tone.title.lower() and (gear is None or _is_gear(tone, gear))]
    return matching[paging.offset : paging.offset + paging.limit], len(matching)


def _is_gear(tone: Tone, gear: Gear) -> bool:
    return ToneRead.of(tone).gear == gear
