"""The rules of looking around at TONE3000 and of bringing files home.

Nothing that TONE3000 shows is kept, but what is said of files that somebody has brought home: that is their credit.
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
from tone_shootout.tone3000.paging import window
from tone_shootout.tone3000.types import Gear, Model, Page, Tone, plain

T = TypeVar("T")

_EXTENSIONS: Final = {"capture": ".nam", "cab_ir": ".wav"}


class ToneService:
    """TONE3000 for those who are connected with it.

    Every method raises `NotConfiguredError` where the installation has no key, `NotConnectedError` or `ReconnectError`
    where the user is not connected (any more), and the other `Tone3000Error`s for what TONE3000 says or does.

    Args:
        sessions: for short units of work of its own: no connection to the database waits for TONE3000.
        connections: give out the tokens.
        tone3000: the client.
        downloads: fetch files.
        limits: how large those may be.
        incoming: folder in which they arrive.
    """

    def __init__(
        self,
        sessions: SessionMaker,
        connections: ConnectionService,
        tone3000: Tone3000,
        downloads: Downloads,
        limits: Limits,
        incoming: Path,
    ) -> None:
        self._sessions = sessions
        self._connections = connections
        self._tone3000 = tone3000
        self._downloads = downloads
        self._limits = limits
        self._incoming = incoming

    async def trending(self, user_id: UUID, *, gear: Gear | None) -> list[Tone]:
        """Return what many use now; nobody has to be connected for that."""
        try:
            return await self._using(user_id, lambda token: self._tone3000.trending(token, gear=gear))
        except (NotConnectedError, ReconnectError):
            return await self._tone3000.trending(gear=gear)

    async def latest(self, user_id: UUID) -> list[Tone]:
        """Return what was published last."""
        return await self._using(user_id, self._tone3000.latest)

    async def own(
        self, which: str, user_id: UUID, paging: Paging, *, gear: Gear | None, q: str
    ) -> tuple[list[Tone], int]:
        """Return a part of what the user has `created`, `favorited` or `downloaded`, and how many there are."""
        lists = {
            "created": self._tone3000.created,
            "favorited": self._tone3000.favorited,
            "downloaded": self._tone3000.downloaded,
        }

        async def page(number: int, size: int) -> Page[Tone]:
            ask = lists[which]
            return await self._using(user_id, lambda token: ask(token, gear=gear, query=q, page=number, page_size=size))

        return await window(page, limit=paging.limit, offset=paging.offset, most=LIST_PAGE)

    async def search(self, user_id: UUID, paging: Paging, search: Search) -> tuple[list[Tone], int]:
        """Return a part of what a search finds in the whole library, and how much it finds.

        Raises:
            SearchOffError: the installation does not offer it.
        """

        async def page(number: int, size: int) -> Page[Tone]:
            return await self._using(
                user_id, lambda token: self._tone3000.search(token, search, page=number, page_size=size)
            )

        self._tone3000.require_search()
        return await window(page, limit=paging.limit, offset=paging.offset, most=SEARCH_PAGE)

    async def tone(self, user_id: UUID, tone_id: int) -> Tone:
        """Return a tone.

        Raises:
            NotAvailableError: there is none, or the user can't see it (any more).
        """
        return await self._noticing(user_id, tone_id, lambda token: self._tone3000.tone(token, tone_id))

    async def models(self, user_id: UUID, tone_id: int) -> tuple[Tone, list[Model], dict[int, UUID]]:
        """Return a tone, all its files, and the library items that the user has made of some.

        Raises:
            NotAvailableError: there is none, or the user can't see it (any more).
        """

        async def ask(token: str) -> tuple[Tone, list[Model]]:
            tone = await self._tone3000.tone(token, tone_id)
            return tone, await self._tone3000.all_models(token, tone)

        tone, models = await self._noticing(user_id, tone_id, ask)
        async with self._sessions() as session, session.begin():
            items = LibraryRepository(session)
            await items.update_source_availability(user_id, tone_id, available={model.id for model in models})
            return tone, models, await items.item_ids_by_model(user_id, tone_id)

    async def import_model(
        self, user_id: UUID, tone_id: int, model_id: int, library: LibraryService
    ) -> tuple[LibraryItem, bool]:
        """Fetch a model into the user's library; return the item and whether it is new.

        What is there already is not fetched again, unless its object was lost: what is said of it is brought up to
        date. When TONE3000 does not show it any more, the item stays as it is, and says so.

        Raises:
            NotAvailableError: there is no such model, or the user can't see it, and has not brought it home before.
            UnsupportedFormatError: no block plays files of its kind.
            UnusableFileError: the file is not what it is meant to be.
            Tone3000Error: whatever else goes wrong with TONE3000.
        """
        known = await self._known(user_id, model_id)
        try:
            tone, model = await self._using(user_id, lambda token: self._look(token, tone_id, model_id))
        except NotAvailableError:
            if known is None:
                raise
            return await self._refreshed(known, None), False
        source = Provenance.of(tone, model)
        if known is not None and await library.has_object(known):
            return await self._refreshed(known, source), False
        kind = kind_of(tone)
        if kind is None:
            raise UnsupportedFormatError(plain(tone.format)[:40])
        with tempfile.TemporaryDirectory(prefix="shootout-import-", dir=self._incoming) as folder:
            path = Path(folder) / "file"
            max_bytes = self._limits.max_bytes(kind)
            size = await self._using(
                user_id, lambda token: self._downloads.fetch(token, model, path, max_bytes=max_bytes)
            )
            upload = Upload(
                form=UploadForm(kind=kind, name=source.name),
                path=path,
                size=size,
                filename=safe_filename(f"{source.name.replace('/', '-')}{_EXTENSIONS[kind]}"),
            )
            return await library.add(user_id, upload, source=source)

    async def _look(self, token: str, tone_id: int, model_id: int) -> tuple[Tone, Model]:
        tone, model = await asyncio.gather(self._tone3000.tone(token, tone_id), self._tone3000.model(token, model_id))
        if (tone.id, model.id, model.tone_id) != (tone_id, model_id, tone_id):
            raise NotAvailableError
        return tone, model

    async def _known(self, user_id: UUID, model_id: int) -> LibraryItem | None:
        async with self._sessions() as session:
            return await LibraryRepository(session).find_by_model(user_id, model_id)

    async def _refreshed(self, item: LibraryItem, source: Provenance | None) -> LibraryItem:
        """Bring up to date what is said of an item's source; None: it is not there any more."""
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

    async def _noticing(self, user_id: UUID, tone_id: int, ask: Callable[[str], Awaitable[T]]) -> T:
        """Ask about a tone, and mark what came from it when it is not there any more."""
        try:
            return await self._using(user_id, ask)
        except NotAvailableError:
            async with self._sessions() as session, session.begin():
                await LibraryRepository(session).update_source_availability(user_id, tone_id, available=())
            raise

    async def _using(self, user_id: UUID, ask: Callable[[str], Awaitable[T]]) -> T:
        self._tone3000.require_key()
        return await self._connections.using(user_id, ask)


def labelled(models: Sequence[Model]) -> list[str]:
    """Return a harmless name for each model that no other of them has."""
    seen: dict[str, int] = {}
    names = []
    for model in models:
        name = plain(model.name)[:200] or f"Model {model.id}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names
