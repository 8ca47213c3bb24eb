"""TONE3000's library: tones, their files and their creators.

Everything but `trending` needs the token of the person for whom it is asked; nothing is kept here.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from msgspec import Struct

from tone_shootout.tone3000.errors import (
    NotAvailableError,
    NotConfiguredError,
    NotPermittedError,
    SearchOffError,
)
from tone_shootout.tone3000.http_client import HttpClient, Parameters, decoded
from tone_shootout.tone3000.types import (
    ARCHITECTURES,
    Architecture,
    Favorite,
    Format,
    Gear,
    Model,
    Named,
    NamesSort,
    Page,
    PublicUser,
    Size,
    Tone,
    ToneDownload,
    TonesSort,
    User,
    UsersSort,
)

T = TypeVar("T")

API: Final = "/api/v1"
LIST_PAGE: Final = 100
MODELS_PAGE: Final = 300
SEARCH_PAGE: Final = 25
USERS_PAGE: Final = 10
MAX_PAGES: Final = 100
"""Pages after which a list is not read on."""


class _Tones(Struct):
    data: list[Tone] = []


class Search(Struct, kw_only=True, frozen=True):
    """What a search looks for; all of it has to hold, one value of a list suffices.

    A tag or make with an underscore in its name can't be asked for: it would be taken for two.
    """

    query: str = ""
    gears: tuple[Gear, ...] = ()
    format: Format | None = None
    size: Size | None = None
    tags: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()
    creators: tuple[str, ...] = ()
    architecture: Architecture | None = None
    calibrated: bool = False
    verified: bool = False
    sort: TonesSort | None = None


class Tone3000:
    """TONE3000's API, method by method.

    Every method raises a `Tone3000Error`; those that name a tone or a model raise `NotAvailableError` where it is not
    there or not for this person.
    """

    def __init__(self, calls: HttpClient) -> None:
        self._calls = calls

    async def user(self, token: str) -> User:
        """Return whose token it is."""
        return await self._get(User, "/user", token)

    async def users(
        self, token: str, *, query: str = "", sort: UsersSort = "tones", page: int = 1, page_size: int = USERS_PAGE
    ) -> Page[PublicUser]:
        """Return a page of creators."""
        return await self._get(
            Page[PublicUser], "/users", token, _stated(query=query, sort=sort, page=page, page_size=page_size)
        )

    async def tone(self, token: str, tone_id: int) -> Tone:
        """Return a tone."""
        return await self._of_tone(Tone, f"/tones/{tone_id}", token)

    async def trending(self, token: str | None = None, *, gear: Gear | None = None) -> list[Tone]:
        """Return at most ten tones that many people use now."""
        return (await self._get(_Tones, "/tones/trending", token, _stated(gear=gear))).data

    async def latest(self, token: str) -> list[Tone]:
        """Return at most ten tones that were published last."""
        return (await self._get(_Tones, "/tones/latest", token)).data

    async def created(
        self, token: str, *, gear: Gear | None = None, query: str = "", page: int = 1, page_size: int = LIST_PAGE
    ) -> Page[Tone]:
        """Return a page of what the person has made."""
        return await self._list("created", token, gear, query, page, page_size)

    async def favorited(
        self, token: str, *, gear: Gear | None = None, query: str = "", page: int = 1, page_size: int = LIST_PAGE
    ) -> Page[Tone]:
        """Return a page of what the person keeps."""
        return await self._list("favorited", token, gear, query, page, page_size)

    async def downloaded(
        self, token: str, *, gear: Gear | None = None, query: str = "", page: int = 1, page_size: int = LIST_PAGE
    ) -> Page[Tone]:
        """Return a page of what the person has fetched before, each tone once."""
        return await self._list("downloaded", token, gear, query, page, page_size)

    async def search(self, token: str, search: Search, *, page: int = 1, page_size: int = SEARCH_PAGE) -> Page[Tone]:
        """Return a page of the whole library.

        Raises:
            SearchOffError: the installation does not offer it.
        """
        self.require_search()
        parameters = _stated(
            query=search.query,
            page=page,
            page_size=page_size,
            sort=search.sort,
            gears="_".join(search.gears),
            format=search.format,
            sizes=search.size,
            tags="_".join(name for name in search.tags if "_" not in name),
            makes="_".join(name for name in search.makes if "_" not in name),
            creators=",".join(search.creators),
            architecture=search.architecture,
            calibrated="true" if search.calibrated else None,
            verified="true" if search.verified else None,
        )
        return await self._calls.get(Page[Tone], f"{API}/tones/search", token, parameters, search=True)

    def require_key(self) -> None:
        """Refuse where the operator has not set TONE3000 up, before anything is asked.

        Raises:
            NotConfiguredError: there is no key.
        """
        if not self._calls.settings.client_id:
            raise NotConfiguredError

    def require_search(self) -> None:
        """Refuse where the search is off, before anything is asked.

        Raises:
            SearchOffError: the installation does not offer it.
        """
        if not self._calls.settings.search:
            raise SearchOffError

    async def favorite(self, token: str, tone_id: int) -> Favorite:
        """Keep a tone; doing it again changes nothing."""
        path = f"{API}/tones/{tone_id}/favorite"
        return decoded(await _of_one(self._calls.change("PUT", path, token)), Favorite)

    async def unfavorite(self, token: str, tone_id: int) -> None:
        """Keep it no more; doing it again changes nothing."""
        await _of_one(self._calls.change("DELETE", f"{API}/tones/{tone_id}/favorite", token))

    async def tone_download(self, token: str, tone_id: int, *, by_id: bool = False) -> ToneDownload:
        """Return the address of an archive of all files of a tone.

        Raises:
            NotPermittedError: for partners of TONE3000 only.
        """
        names = "id" if by_id else "name"
        return await self._get(ToneDownload, f"/tones/{tone_id}/download", token, {"filenames": names})

    async def models(
        self,
        token: str,
        tone_id: int,
        *,
        architecture: Architecture | None = None,
        page: int = 1,
        page_size: int = MODELS_PAGE,
    ) -> Page[Model]:
        """Return a page of a tone's files; without an architecture those of A2 are not among them."""
        parameters = _stated(tone_id=tone_id, architecture=architecture, page=page, page_size=page_size)
        return await self._of_tone(Page[Model], "/models", token, parameters)

    async def all_models(self, token: str, tone: Tone) -> list[Model]:
        """Return all files of a tone: A1, A2, custom ones and impulse responses, each once.

        There is no word for "all": each architecture whose counter says that there are some is asked for by itself.
        """
        counted = zip(
            ARCHITECTURES, (tone.a1_models_count, tone.a2_models_count, tone.custom_models_count), strict=True
        )
        wanted: list[Architecture | None] = [architecture for architecture, count in counted if count > 0]
        if tone.irs_count > 0 or tone.format != "nam" or not wanted:
            wanted.append(None)
        found: dict[int, Model] = {}
        for architecture in wanted:

            async def page(number: int, architecture: Architecture | None = architecture) -> Page[Model]:
                return await self.models(token, tone.id, architecture=architecture, page=number)

            async for model in everything(page):
                found.setdefault(model.id, model)
        return list(found.values())

    async def model(self, token: str, model_id: int) -> Model:
        """Return one file's description."""
        return await self._of_tone(Model, f"/models/{model_id}", token)

    async def makes(
        self, token: str, *, query: str = "", sort: NamesSort = "tones", page: int = 1, page_size: int = SEARCH_PAGE
    ) -> Page[Named]:
        """Return a page of the makes of gear that there are."""
        return await self._get(
            Page[Named], "/makes", token, _stated(query=query, sort=sort, page=page, page_size=page_size)
        )

    async def tags(
        self, token: str, *, query: str = "", sort: NamesSort = "tones", page: int = 1, page_size: int = SEARCH_PAGE
    ) -> Page[Named]:
        """Return a page of the tags that there are."""
        return await self._get(
            Page[Named], "/tags", token, _stated(query=query, sort=sort, page=page, page_size=page_size)
        )

    async def _list(
        self, which: str, token: str, gear: Gear | None, query: str, page: int, page_size: int
    ) -> Page[Tone]:
        parameters = _stated(gear=gear, query=query, page=page, page_size=page_size)
        return await self._get(Page[Tone], f"/tones/{which}", token, parameters)

    async def _get(self, kind: type[T], path: str, token: str | None, parameters: Parameters | None = None) -> T:
        return await self._calls.get(kind, f"{API}{path}", token, parameters)

    async def _of_tone(self, kind: type[T], path: str, token: str, parameters: Parameters | None = None) -> T:
        return await _of_one(self._get(kind, path, token, parameters))


async def everything(page: Callable[[int], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    """Yield what is on all pages of a list, up to `MAX_PAGES`."""
    for number in range(1, MAX_PAGES + 1):
        found = await page(number)
        for item in found.data:
            yield item
        if number >= found.total_pages or not found.data:
            return


async def _of_one(call: Awaitable[T]) -> T:
    """TONE3000 says 403 or 404 of a tone that a person may not see: which of the two is not told on."""
    try:
        return await call
    except NotPermittedError:
        raise NotAvailableError from None


def _stated(**fields: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in fields.items() if value not in (None, "")}
