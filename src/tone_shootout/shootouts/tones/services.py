"""The rules of browsing TONE3000 and of importing from it.

Nothing from TONE3000 is stored except imported files and their provenance.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

from tone_shootout.accounts.connections import ConnectionService
from tone_shootout.accounts.errors import NotConnectedError, ReconnectError
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.rendering.media_info import Limits
from tone_shootout.shootouts.library.models import LibraryItem
from tone_shootout.shootouts.library.provenance import Provenance, kind_of
from tone_shootout.shootouts.library.repositories import LibraryRepository
from tone_shootout.shootouts.library.services import LibraryService
from tone_shootout.shootouts.library.uploads import Upload, UploadForm, safe_filename
from tone_shootout.shootouts.tones.errors import UnsupportedFormatError
from tone_shootout.tone3000.client import LIST_PAGE, SEARCH_PAGE, Search, Tone3000
from tone_shootout.tone3000.download import Downloads
from tone_shootout.tone3000.errors import NotAvailableError
from tone_shootout.tone3000.paging import fetch_rows
from tone_shootout.tone3000.types import Gear, Model, Page, Tone, plain

T = TypeVar("T")

_EXTENSIONS: Final = {"capture": ".nam", "cab_ir": ".wav"}


class ToneService:
    """TONE3000's library as one connected user sees it.

    Every method raises `NotConfiguredError` if the installation has no key, `NotConnectedError` or `ReconnectError` if
    the user is not connected, and other `Tone3000Error`s if a request to TONE3000 fails.

    Args:
        sessions: opens short units of work, so that no database connection is held during a request to TONE3000.
        connections: provides the users' tokens.
        tone3000: client of the API.
        downloads: client for files.
        limits: maximum file sizes.
        upload_folder: folder of temporary files.
    """

    def __init__(
        self,
        sessions: SessionMaker,
        connections: ConnectionService,
        tone3000: Tone3000,
        downloads: Downloads,
        limits: Limits,
        upload_folder: Path,
    ) -> None:
        self._sessions = sessions
        self._connections = connections
        self._tone3000 = tone3000
        self._downloads = downloads
        self._limits = limits
        self._upload_folder = upload_folder

    async def trending(self, user_id: UUID, *, gear: Gear | None) -> list[Tone]:
        """Return the trending tones. The user need not be connected."""
        try:
            return await self._call(user_id, lambda token: self._tone3000.trending(token, gear=gear))
        except (NotConnectedError, ReconnectError):
            return await self._tone3000.trending(gear=gear)

    async def latest(self, user_id: UUID) -> list[Tone]:
        """Return the latest published tones."""
        return await self._call(user_id, self._tone3000.latest)

    async def list_own(
        self, which: str, user_id: UUID, paging: Paging, *, gear: Gear | None, q: str
    ) -> tuple[list[Tone], int]:
        """Return a page of the tones that the user has `created`, `favorited` or `downloaded`, and their number."""
        lists = {
            "created": self._tone3000.created,
            "favorited": self._tone3000.favorited,
            "downloaded": self._tone3000.downloaded,
        }

        async def page(number: int, size: int) -> Page[Tone]:
            fetch = lists[which]
            return await self._call(
                user_id, lambda token: fetch(token, gear=gear, query=q, page=number, page_size=size)
            )

        return await fetch_rows(page, limit=paging.limit, offset=paging.offset, max_page_size=LIST_PAGE)

    async def search(self, user_id: UUID, paging: Paging, search: Search) -> tuple[list[Tone], int]:
        """Return a page of the tones that a search finds in the public library, and how many it finds.

        Raises:
            SearchOffError: search is turned off in this installation.
        """

        async def page(number: int, size: int) -> Page[Tone]:
            return await self._call(
                user_id, lambda token: self._tone3000.search(token, search, page=number, page_size=size)
            )

        self._tone3000.require_search()
        return await fetch_rows(page, limit=paging.limit, offset=paging.offset, max_page_size=SEARCH_PAGE)

    async def tone(self, user_id: UUID, tone_id: int) -> Tone:
        """Return a tone.

        Raises:
            NotAvailableError: the tone does not exist, or TONE3000 does not show it to the user.
        """
        return await self._tracking_availability(user_id, tone_id, lambda token: self._tone3000.tone(token, tone_id))

    async def models(self, user_id: UUID, tone_id: int) -> tuple[Tone, list[Model], dict[int, UUID]]:
        """Return a tone, all its models, and the ids of the user's items imported from them, by model id.

        Raises:
            NotAvailableError: the tone does not exist, or TONE3000 does not show it to the user.
        """

        async def request(token: str) -> tuple[Tone, list[Model]]:
            tone = await self._tone3000.tone(token, tone_id)
            return tone, await self._tone3000.all_models(token, tone)

        tone, models = await self._tracking_availability(user_id, tone_id, request)
        async with self._sessions() as session, session.begin():
            items = LibraryRepository(session)
            await items.update_source_availability(user_id, tone_id, available={model.id for model in models})
            return tone, models, await items.item_ids_by_model(user_id, tone_id)

    async def import_model(
        self, user_id: UUID, tone_id: int, model_id: int, library: LibraryService
    ) -> tuple[LibraryItem, bool]:
        """Import a model into the user's library; return the item and whether it is new.

        A model imported earlier is not downloaded again unless its object is missing or damaged; only its provenance
        is updated. If TONE3000 does not show it any more, the item stays and is marked.

        Raises:
            NotAvailableError: the model does not exist or is not shown to the user, and was not imported earlier.
            UnsupportedFormatError: no block supports files of its format.
            UnusableFileError: the file is not a usable capture or impulse response.
            Tone3000Error: a request to TONE3000 failed.
        """
        known = await self._find(user_id, model_id)
        try:
            tone, model = await self._call(user_id, lambda token: self._fetch_model(token, tone_id, model_id))
        except NotAvailableError:
            if known is None:
                raise
            return await self._update_source(known, None), False
        source = Provenance.of(tone, model)
        if known is not None and await library.has_object(known):
            return await self._update_source(known, source), False
        kind = kind_of(tone)
        if kind is None:
            raise UnsupportedFormatError(plain(tone.format)[:40])
        with tempfile.TemporaryDirectory(prefix="shootout-import-", dir=self._upload_folder) as folder:
            path = Path(folder) / "file"
            max_bytes = self._limits.max_bytes(kind)
            size = await self._call(
                user_id, lambda token: self._downloads.fetch(token, model, path, max_bytes=max_bytes)
            )
            upload = Upload(
                form=UploadForm(kind=kind, name=source.name),
                path=path,
                size=size,
                filename=safe_filename(f"{source.name.replace('/', '-')}{_EXTENSIONS[kind]}"),
            )
            return await library.add(user_id, upload, source=source)

    async def _fetch_model(self, token: str, tone_id: int, model_id: int) -> tuple[Tone, Model]:
        tone, model = await asyncio.gather(self._tone3000.tone(token, tone_id), self._tone3000.model(token, model_id))
        if (tone.id, model.id, model.tone_id) != (tone_id, model_id, tone_id):
            raise NotAvailableError
        return tone, model

    async def _find(self, user_id: UUID, model_id: int) -> LibraryItem | None:
        async with self._sessions() as session:
            return await LibraryRepository(session).find_by_model(user_id, model_id)

    async def _update_source(self, item: LibraryItem, source: Provenance | None) -> LibraryItem:
        """Update the provenance of an item; None: its source is gone."""
        async with self._sessions() as session, session.begin():
            items = LibraryRepository(session)
            found = await items.get_owned(item.owner_id, item.id, lock="update")
            if found is None:
                raise NotAvailableError
            if source is None:
                found.mark_source_gone()
            else:
                found.set_source(source)
            await session.flush()
            return found

    async def _tracking_availability(self, user_id: UUID, tone_id: int, request: Callable[[str], Awaitable[T]]) -> T:
        """Request a tone; if it is not available any more, mark the items imported from it."""
        try:
            return await self._call(user_id, request)
        except NotAvailableError:
            async with self._sessions() as session, session.begin():
                await LibraryRepository(session).update_source_availability(user_id, tone_id, available=())
            raise

    async def _call(self, user_id: UUID, request: Callable[[str], Awaitable[T]]) -> T:
        self._tone3000.require_key()
        return await self._connections.call(user_id, request)


def unique_labels(models: Sequence[Model]) -> list[str]:
    """Return a sanitized name for each model, unique among them."""
    seen: dict[str, int] = {}
    names = []
    for model in models:
        name = plain(model.name)[:200] or f"Model {model.id}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names
