"""The rules of the library. Nothing here commits."""

import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from uuid import UUID

import msgspec
import structlog
from msgspec import UNSET, UnsetType
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import RowLock
from tone_shootout.kit.http.pictures import Picture, PictureNotFoundError
from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.rendering.media_info import Kind
from tone_shootout.rendering.spec.schema import GearType
from tone_shootout.shootouts.jobs_port import JobsPort
from tone_shootout.shootouts.library.errors import (
    ItemInUseError,
    ItemNotFoundError,
    KindTakenError,
    NoGearError,
    UnusableFileError,
)
from tone_shootout.shootouts.library.filters import ItemFilter
from tone_shootout.shootouts.library.media_probe import MediaProbe, RejectedFile
from tone_shootout.shootouts.library.models import ItemRow, LibraryItem
from tone_shootout.shootouts.library.provenance import Provenance
from tone_shootout.shootouts.library.quota import Bounds, StorageQuota, Usage
from tone_shootout.shootouts.library.repositories import LibraryPictureRepository, LibraryRepository
from tone_shootout.shootouts.library.tags import normalized_tags, split_tags
from tone_shootout.shootouts.library.uploads import Upload
from tone_shootout.shootouts.models import Shootout
from tone_shootout.shootouts.repositories import ShootoutRepository

_log = structlog.get_logger(__name__)


def storage_key(owner_id: UUID, sha256: str) -> str:
    """Return the storage key of content in an owner's library."""
    return f"users/{owner_id}/blobs/{sha256}"


class LibraryService:
    """Library items, in one unit of work."""

    def __init__(self, session: AsyncSession, storage: Storage, media_probe: MediaProbe, quota: StorageQuota) -> None:
        self._session = session
        self._items = LibraryRepository(session)
        self._pictures = LibraryPictureRepository(session)
        self._quota = quota
        self._storage = storage
        self._media_probe = media_probe

    async def add(
        self, owner_id: UUID, upload: Upload, *, source: Provenance | None = None
    ) -> tuple[LibraryItem, bool]:
        """Probe an upload and add it to the library; return the item and whether it is new.

        An upload with the content and kind of an existing item returns that item. Only three things change then: a
        missing source is filled in, the media info of a recording is updated, and the object is stored again, which
        repairs a lost or damaged one.

        Raises:
            UnusableFileError: the file is not of the stated kind, or can't be used as one.
            QuotaExceededError: the owner's storage quota is used up.
        """
        form = upload.form
        probed = await self._media_probe.probe(upload.path, None if upload.is_recognized else form.kind)
        if isinstance(probed, RejectedFile):
            raise UnusableFileError(probed.code, probed.detail, pointer="/file" if source is None else "")
        sha256 = probed.media_info.sha256
        facts = msgspec.json.decode(msgspec.json.encode(probed.media_info))
        await self._items.lock_content(owner_id, sha256)
        existing = await self._items.find_by_content(owner_id, probed.kind, sha256)
        if existing is not None:
            await self._put(existing, upload.path, is_expected=True)
            if existing.facts != facts and probed.kind != "capture":  # an earlier version decoded the file differently
                existing.facts = facts
            if source is not None and existing.source is None:
                existing.set_source(source)
            await self._session.flush()
            return existing, False
        item = LibraryItem(
            owner_id=owner_id,
            kind=probed.kind,
            name=form.name or _name_of(upload.filename),
            notes=form.notes,
            tags=normalized_tags(split_tags(form.tags)),
            filename=upload.filename,
            sha256=sha256,
            size=upload.size,
            media_type=probed.media_type,
            facts=facts,
        )
        if source is not None:
            item.set_source(source)
        await self._store(item, upload.path)
        return item, True

    async def get(self, owner_id: UUID, item_id: UUID, *, lock: RowLock | None = None) -> LibraryItem:
        """Return an item.

        Raises:
            ItemNotFoundError: the owner has no such item.
        """
        item = await self._items.get_owned(owner_id, item_id, lock=lock)
        if item is None:
            raise ItemNotFoundError(item_id)
        return item

    async def read(self, owner_id: UUID, item_id: UUID) -> ItemRow:
        """Return what a response shows of an item.

        Raises:
            ItemNotFoundError: the owner has no such item.
        """
        item = await self._items.read(owner_id, item_id)
        if item is None:
            raise ItemNotFoundError(item_id)
        return item

    async def list(
        self,
        owner_id: UUID,
        paging: Paging,
        *,
        order_by: str,
        only: ItemFilter = ItemFilter(),  # noqa: B008 - immutable
    ) -> tuple[Sequence[ItemRow], int]:
        """Return a page of the owner's items, and how many match."""
        return await self._items.list_matching(owner_id, paging=paging, order_by=order_by, only=only)

    async def list_uses(self, owner_id: UUID, item_id: UUID, paging: Paging) -> tuple[Sequence[Shootout], int]:
        """Return a page of the shootouts that use an item, and how many there are.

        Raises:
            ItemNotFoundError: the owner has no such item.
        """
        item = await self.get(owner_id, item_id)
        return await ShootoutRepository(self._session).list_using(owner_id, item.id, paging=paging)

    async def usage(self, owner_id: UUID) -> Usage:
        """Return how much an owner stores."""
        return await self._quota.usage(self._session, owner_id)

    async def bounds(self, owner_id: UUID) -> Bounds:
        """Return how much an owner may store."""
        return await self._quota.bounds(self._session, owner_id)

    async def update(
        self,
        owner_id: UUID,
        item_id: UUID,
        folder: Path,
        *,
        kind: Kind | UnsetType = UNSET,
        name: str | UnsetType = UNSET,
        notes: str | UnsetType = UNSET,
        tags: Sequence[str] | UnsetType = UNSET,
        gear: GearType | UnsetType | None = UNSET,
        condition: Callable[[LibraryItem], None] | None = None,
    ) -> LibraryItem:
        """Change an item's kind, name, notes or tags, or a capture's gear type (None: that of its catalog or file).

        `condition` raises an error if the locked item must not be changed. A file of another kind is decoded again, in
        `folder`.

        Raises:
            ItemNotFoundError: the owner has no such item.
            ItemInUseError: a shootout uses it as what it was.
            KindTakenError: the library has the file as this kind already.
            UnusableFileError: the file can't be used as this kind.
            StorageFaultError: the file is missing.
            NoGearError: it is not a capture.
        """
        item = await self.get(owner_id, item_id, lock="update")
        if condition is not None:
            condition(item)
        if kind is not UNSET and kind != item.kind:
            await self._change_kind(item, kind, folder)
        if name is not UNSET:
            item.name = name
        if notes is not UNSET:
            item.notes = notes
        if tags is not UNSET:
            item.tags = normalized_tags(tags)
        if gear is not UNSET:
            if gear is not None and item.kind != "capture":
                raise NoGearError(item.kind)
            item.gear = gear
        await self._session.flush()
        return item

    async def delete(
        self,
        owner_id: UUID,
        item_id: UUID,
        jobs_port: JobsPort,
        *,
        condition: Callable[[LibraryItem], None] | None = None,
    ) -> str:
        """Delete an item; return its content's SHA-256, for `sweep_content` after the commit.

        `condition` raises an error if the locked item must not be deleted.

        Raises:
            ItemNotFoundError: the owner has no such item.
            ItemInUseError: a shootout or an unfinished job uses it.
        """
        item = await self.get(owner_id, item_id, lock="update")
        if condition is not None:
            condition(item)
        shootouts = await self._items.list_shootouts_using(item)
        if shootouts or await jobs_port.needs(owner_id, storage_key(owner_id, item.sha256)):
            raise ItemInUseError(shootouts)
        await self._items.delete_owned(owner_id, item_id)
        return item.sha256

    async def delete_imports(self, owner_id: UUID, jobs_port: JobsPort) -> tuple[Sequence[str], int]:
        """Delete the unused items imported from TONE3000.

        Returns:
            The results of `delete`, and the number of items left because they are in use.
        """
        contents, kept = [], 0
        for item_id in await self._items.list_imported_ids(owner_id):
            try:
                contents.append(await self.delete(owner_id, item_id, jobs_port))
            except ItemInUseError:
                kept += 1
        return contents, kept

    async def set_picture(self, owner_id: UUID, item_id: UUID, picture: Picture) -> LibraryItem:
        """Set or replace the picture of an item.

        Raises:
            ItemNotFoundError: the owner has no such item.
        """
        item = await self.get(owner_id, item_id, lock="no_key_update")
        await self._pictures.set(item, picture.content, picture.sha256)
        return item

    async def remove_picture(self, owner_id: UUID, item_id: UUID) -> None:
        """Delete the picture of an item.

        Raises:
            ItemNotFoundError: the owner has no such item.
            PictureNotFoundError: it has no picture.
        """
        item = await self.get(owner_id, item_id, lock="no_key_update")
        if not await self._pictures.remove(item):
            raise PictureNotFoundError("library item")

    async def picture(self, owner_id: UUID, item_id: UUID) -> Picture:
        """Return the picture of an item.

        Raises:
            ItemNotFoundError: the owner has no such item.
            PictureNotFoundError: it has no picture.
        """
        item = await self.get(owner_id, item_id)
        if (found := await self._pictures.read(item)) is None:
            raise PictureNotFoundError("library item")
        return Picture(*found)

    async def has_object(self, item: LibraryItem) -> bool:
        """Return whether the storage has an item's object in full size. Log an object that is missing or damaged."""
        key = storage_key(item.owner_id, item.sha256)
        size = await self._storage.size_of(key)
        if size != item.size:
            _log.error("object_missing" if size is None else "object_damaged", key=key)
        return size == item.size

    async def _change_kind(self, item: LibraryItem, kind: Kind, folder: Path) -> None:
        await self._items.lock_content(item.owner_id, item.sha256)
        if shootouts := await self._items.list_shootouts_using(item):
            raise ItemInUseError(shootouts)
        if (taken := await self._items.find_by_content(item.owner_id, kind, item.sha256)) is not None:
            raise KindTakenError(taken.name)
        key = storage_key(item.owner_id, item.sha256)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            try:
                await self._storage.fetch(key, Path(file.name))
            except MissingObjectError:
                raise StorageFaultError(key, is_missing=True) from None
            probed = await self._media_probe.probe(Path(file.name), kind)
        if isinstance(probed, RejectedFile):
            raise UnusableFileError(probed.code, probed.detail, pointer="/kind")
        item.kind, item.media_type = probed.kind, probed.media_type
        item.facts = msgspec.json.decode(msgspec.json.encode(probed.media_info))

    async def _store(self, item: LibraryItem, path: Path) -> None:
        is_shared = await self._items.has_content(item.owner_id, item.sha256)
        await self._quota.check(self._session, item.owner_id, 0 if is_shared else item.size)
        try:
            await self._put(item, path, is_expected=is_shared)
            await self._items.add(item)
        except BaseException:
            if not is_shared:
                await self._storage.delete([storage_key(item.owner_id, item.sha256)])
            raise

    async def _put(self, item: LibraryItem, path: Path, *, is_expected: bool) -> None:
        """Store an item's content; where it `is_expected` to be stored already, log it if it is not."""
        if is_expected:
            await self.has_object(item)
        await self._storage.put(storage_key(item.owner_id, item.sha256), path)


async def read_pictures(session: AsyncSession, owner_id: UUID, hashes: Collection[str]) -> dict[str, bytes]:
    """Return pictures of an owner's items by their SHA-256, for a job that draws them."""
    return await LibraryPictureRepository(session).read_all(owner_id, hashes) if hashes else {}


async def library_bytes(session: AsyncSession) -> int:
    """Return the bytes of all users' files, for metrics."""
    return await LibraryRepository(session).all_bytes()


def _name_of(filename: str) -> str:
    return Path(filename).stem.strip()[:80].strip() or "Unnamed"
