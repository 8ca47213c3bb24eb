"""Client of TONE3000's API: users, tones and models.

All methods except `trending` require a user's access token. Nothing is cached.
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
from tone_shootout.tone3000.http_client import HttpClient, Parameters, decode_response
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
    hyphenated,
)

T = TypeVar("T")

API: Final = "/api/v1"
LIST_PAGE: Final = 100
MODELS_PAGE: Final = 300
SEARCH_PAGE: Final = 25
USERS_PAGE: Final = 10
MAX_PAGES: Final = 100
"""Maximum number of pages read of a list."""


class _Tones(Struct):
    data: list[Tone] = []


class Search(Struct, kw_only=True, frozen=True):
    """Criteria of a search. Results match all criteria, and any value of a tuple.

    TONE3000 separates tags and makes by underscores, so names that contain one are ignored.
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
    """Client of TONE3000's API.

    Every method raises a `Tone3000Error` if the request fails; methods of a single tone or model raise
    `NotAvailableError` if it does not exist or is not visible to the user.
    """

    def __init__(self, http_client: HttpClient) -> None:
        self._http_client = http_client

    async def user(self, token: str) -> User:
        """Return the user of the token."""
        return await self._get(User, "/user", token)

    async def users(
        self, token: str, *, query: str = "", sort: UsersSort = "tones", page: int = 1, page_size: int = USERS_PAGE
    ) -> Page[PublicUser]:
        """Return a page of users."""
        return await self._get(
            Page[PublicUser], "/users", token, _drop_empty(query=query, sort=sort, page=page, page_size=page_size)
        )

    async def tone(self, token: str, tone_id: int) -> Tone:
        """Return a tone."""
        return await self._get_visible(Tone, f"/tones/{tone_id}", token)

    async def trending(self, token: str | None = None, *, gear: Gear | None = None) -> list[Tone]:
        """Return at most ten trending tones."""
        return (await self._get(_Tones, "/tones/trending", token, _drop_empty(gear=hyphenated(gear)))).data

    async def latest(self, token: str) -> list[Tone]:
        """Return at most ten of the latest published tones."""
        return (await self._get(_Tones, "/tones/latest", token)).data

    async def created(
        self, token: str, *, gear: Gear | None = None, query: str = "", page: int = 1, page_size: int = LIST_PAGE
    ) -> Page[Tone]:
        """Return a page of the tones that the user has created."""
        return await self._list("created", token, gear, query, page, page_size)

    async def favorited(
        self, token: str, *, gear: Gear | None = None, query: str = "", page: int = 1, page_size: int = LIST_PAGE
    ) -> Page[Tone]:
        """Return a page of the user's favorite tones."""
        return await self._list("favorited", token, gear, query, page, page_size)

    async def downloaded(
        self, token: str, *, gear: Gear | None = None, query: str = "", page: int = 1, page_size: int = LIST_PAGE
    ) -> Page[Tone]:
        """Return a page of the tones whose files the user has downloaded, each once."""
        return await self._list("downloaded", token, gear, query, page, page_size)

    async def search(self, token: str, search: Search, *, page: int = 1, page_size: int = SEARCH_PAGE) -> Page[Tone]:
        """Return a page of the public tones that match a search.

        Raises:
            SearchOffError: search is disabled.
        """
        self.require_search()
        parameters = _drop_empty(
            query=search.query,
            page=page,
            page_size=page_size,
            sort=hyphenated(search.sort),
            gears="_".join(map(hyphenated, search.gears)),
            format=hyphenated(search.format),
            sizes=search.size,
            tags="_".join(name for name in search.tags if "_" not in name),
            makes="_".join(name for name in search.makes if "_" not in name),
            creators=",".join(search.creators),
            architecture=search.architecture,
            calibrated="true" if search.calibrated else None,
            verified="true" if search.verified else None,
        )
        return await self._http_client.get(Page[Tone], f"{API}/tones/search", token, parameters, search=True)

    def require_key(self) -> None:
        """Raise an error if no API key is configured.

        Raises:
            NotConfiguredError: no API key is configured.
        """
        if not self._http_client.settings.client_id:
            raise NotConfiguredError

    def require_search(self) -> None:
        """Raise an error if search is disabled.

        Raises:
            SearchOffError: search is disabled.
        """
        if not self._http_client.settings.search:
            raise SearchOffError

    async def favorite(self, token: str, tone_id: int) -> Favorite:
        """Add a tone to the user's favorites; idempotent."""
        path = f"{API}/tones/{tone_id}/favorite"
        return decode_response(await _hide_forbidden(self._http_client.send("PUT", path, token)), Favorite)

    async def unfavorite(self, token: str, tone_id: int) -> None:
        """Remove a tone from the user's favorites; idempotent."""
        await _hide_forbidden(self._http_client.send("DELETE", f"{API}/tones/{tone_id}/favorite", token))

    async def tone_download(self, token: str, tone_id: int, *, by_id: bool = False) -> ToneDownload:
        """Return the URL of an archive of all files of a tone.

        Raises:
            NotPermittedError: TONE3000 reserves archives for partners.
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
        """Return a page of a tone's models. Without an architecture, TONE3000 omits those of A2."""
        parameters = _drop_empty(tone_id=tone_id, architecture=architecture, page=page, page_size=page_size)
        return await self._get_visible(Page[Model], "/models", token, parameters)

    async def all_models(self, token: str, tone: Tone) -> list[Model]:
        """Return all models of a tone: captures of every architecture and impulse responses, each once.

        TONE3000 has no query for all architectures, so each one with a nonzero counter is requested separately.
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

            async for model in iter_pages(page):
                found.setdefault(model.id, model)
        return list(found.values())

    async def model(self, token: str, model_id: int) -> Model:
        """Return the metadata of a model."""
        return await self._get_visible(Model, f"/models/{model_id}", token)

    async def makes(
        self, token: str, *, query: str = "", sort: NamesSort = "tones", page: int = 1, page_size: int = SEARCH_PAGE
    ) -> Page[Named]:
        """Return a page of the makes of gear."""
        return await self._get(
            Page[Named], "/makes", token, _drop_empty(query=query, sort=sort, page=page, page_size=page_size)
        )

    async def tags(
        self, token: str, *, query: str = "", sort: NamesSort = "tones", page: int = 1, page_size: int = SEARCH_PAGE
    ) -> Page[Named]:
        """Return a page of the tags."""
        return await self._get(
            Page[Named], "/tags", token, _drop_empty(query=query, sort=sort, page=page, page_size=page_size)
        )

    async def _list(
        self, which: str, token: str, gear: Gear | None, query: str, page: int, page_size: int
    ) -> Page[Tone]:
        parameters = _drop_empty(gear=hyphenated(gear), query=query, page=page, page_size=page_size)
        return await self._get(Page[Tone], f"/tones/{which}", token, parameters)

    async def _get(self, kind: type[T], path: str, token: str | None, parameters: Parameters | None = None) -> T:
        return await self._http_client.get(kind, f"{API}{path}", token, parameters)

    async def _get_visible(self, kind: type[T], path: str, token: str, parameters: Parameters | None = None) -> T:
        return await _hide_forbidden(self._get(kind, path, token, parameters))


async def iter_pages(page: Callable[[int], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    """Yield the items of all pages of a list, of at most `MAX_PAGES`."""
    for number in range(1, MAX_PAGES + 1):
        found = await page(number)
        for item in found.data:
            yield item
        if number >= found.total_pages or not found.data:
            return


async def _hide_forbidden(request: Awaitable[T]) -> T:
    """Await a request, with `NotAvailableError` in place of `NotPermittedError`.

    TONE3000 sends either 403 or 404 for a tone that the user may not access.
    """
    try:
        return await request
    except NotPermittedError:
        raise NotAvailableError from None


def _drop_empty(**fields: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in fields.items() if value not in (None, "")}
