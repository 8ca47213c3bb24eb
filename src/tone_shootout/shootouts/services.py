"""The rules of the library and of shootouts. Nothing here commits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec
import structlog
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.services import AccountService
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.settings import LimitSettings
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.media_info import Kind, Limits, MediaInfo
from tone_shootout.rendering.notices import Notice
from tone_shootout.rendering.output.credits import Credit, notices
from tone_shootout.rendering.plan.planner import InvalidSpec, Plan, plan
from tone_shootout.rendering.spec.schema import Spec
from tone_shootout.shootouts.assets import Materials, WantedModel, facts_of, gather
from tone_shootout.shootouts.config import Config, check_sources, spec_of
from tone_shootout.shootouts.errors import (
    InvalidConfigError,
    ItemInUseError,
    ItemNotFoundError,
    ShootoutNotFoundError,
    UnusableFileError,
)
from tone_shootout.shootouts.jobs_port import JobsPort
from tone_shootout.shootouts.library.media_probe import MediaProbe, Refused
from tone_shootout.shootouts.library.provenance import Provenance
from tone_shootout.shootouts.library.quota import StorageQuota, Usage
from tone_shootout.shootouts.library.uploads import Upload
from tone_shootout.shootouts.models import LibraryItem, Shootout
from tone_shootout.shootouts.repositories import LibraryRepository, Lock, ShootoutRepository

_log = structlog.get_logger(__name__)

Visibility = Literal["private", "public"]


class AssetRef(Struct, frozen=True, kw_only=True):
    """A library item that a spec names.

    Attributes:
        file: what the spec calls it.
        storage_key: where its content is stored.
        sha256: what its content must be.
        kind: what it is.
        facts: what is known of it.
        name: what its owner calls it.
        credit: whose work it is, and on which terms, where that is known.
    """

    file: str
    storage_key: str
    sha256: str
    kind: Kind
    facts: MediaInfo
    name: str
    credit: Credit | None


class Snapshot(Struct, frozen=True, kw_only=True):
    """A shootout as it is now, with all that rendering it takes.

    While models are `wanted`, the plan is made of what is expected of them: its render keys are not those of the
    segments that will come out.
    """

    title: str
    config: dict[str, Any]
    spec: Spec
    plan: Plan
    assets: tuple[AssetRef, ...]
    wanted: tuple[WantedModel, ...]

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What its author should know of its files and their terms."""
        credited = {asset.file: asset.credit for asset in self.assets if asset.credit}
        return (*self.plan.notices, *notices(self.spec, credited))


def rendering_limits(settings: LimitSettings) -> Limits:
    """Return the operator's limits as the renderer wants them."""
    return Limits(
        max_upload_bytes=settings.upload_bytes,
        max_capture_bytes=settings.capture_bytes,
        max_di_seconds=settings.di_seconds,
        max_ir_seconds=settings.ir_seconds,
        di_tracks=settings.di_tracks,
        chains=settings.chains,
        segments=settings.segments,
    )


def storage_key(owner_id: UUID, sha256: str) -> str:
    """Return where content of an owner's library is stored."""
    return f"users/{owner_id}/blobs/{sha256}"


class LibraryService:
    """The libraries of all owners, in one unit of work."""

    def __init__(self, session: AsyncSession, storage: Storage, media_probe: MediaProbe, quota: StorageQuota) -> None:
        self._session = session
        self._items = LibraryRepository(session)
        self._quota = quota
        self._storage = storage
        self._media_probe = media_probe

    async def add(
        self, owner_id: UUID, upload: Upload, *, source: Provenance | None = None
    ) -> tuple[LibraryItem, bool]:
        """Examine an upload and keep it; return the item and whether it is new.

        The same content of the same kind is the same item: sending it again returns what is there, unchanged, but for
        where it comes from, which is noted when nothing was known of that, and what decoding a recording shows. Its
        object is stored again, so that one that was lost or damaged is whole from then on.

        Raises:
            UnusableFileError: it is not what it is meant to be, or not fit for it.
            QuotaExceededError: there is no room for it.
        """
        form = upload.form
        examined = await self._media_probe.examine(upload.path, form.kind)
        if isinstance(examined, Refused):
            raise UnusableFileError(examined.code, examined.detail, pointer="/file" if source is None else "")
        sha256 = examined.facts.sha256
        facts = msgspec.json.decode(msgspec.json.encode(examined.facts))
        await self._items.lock_content(owner_id, sha256)
        present = await self._items.find(owner_id, form.kind, sha256)
        if present is not None:
            await self._put(present, upload.path, is_expected=True)
            if present.facts != facts and form.kind != "capture":  # an earlier version read the file differently
                present.facts = facts
                await self._items.save(present)
            if source is not None and present.source is None:
                present.note_source(source)
                await self._items.save(present)
            return present, False
        item = LibraryItem(
            owner_id=owner_id,
            kind=form.kind,
            name=form.name or _name_of(upload.filename),
            notes=form.notes,
            filename=upload.filename,
            sha256=sha256,
            size=upload.size,
            media_type=examined.media_type,
            facts=facts,
        )
        if source is not None:
            item.note_source(source)
        await self._store(item, upload.path)
        return item, True

    async def get(self, owner_id: UUID, item_id: UUID) -> LibraryItem:
        """Return an item.

        Raises:
            ItemNotFoundError: the owner has no such item.
        """
        return await self._get(owner_id, item_id)

    async def page(
        self, owner_id: UUID, paging: Paging, *, order_by: str, kind: Kind | None = None, q: str | None = None
    ) -> tuple[Sequence[LibraryItem], int]:
        """Return a part of the owner's items, and how many there are."""
        return await self._items.page(owner_id, paging, order_by=order_by, kind=kind, q=q)

    async def usage(self, owner_id: UUID) -> Usage:
        """Return how much is there of an owner."""
        return await self._quota.usage(self._session, owner_id)

    async def change(
        self, owner_id: UUID, item_id: UUID, *, name: str | UnsetType = UNSET, notes: str | UnsetType = UNSET
    ) -> LibraryItem:
        """Give an item another name or other notes.

        Raises:
            ItemNotFoundError: the owner has no such item.
        """
        item = await self._get(owner_id, item_id, lock="change")
        if name is not UNSET:
            item.name = name
        if notes is not UNSET:
            item.notes = notes
        await self._items.save(item)
        return item

    async def delete(self, owner_id: UUID, item_id: UUID, jobs_port: JobsPort) -> str:
        """Delete an item; return the SHA-256 of content that `sweep_content` may be called for after the commit.

        Raises:
            ItemNotFoundError: the owner has no such item.
            ItemInUseError: a shootout, or a job that is not finished, needs it.
        """
        item = await self._get(owner_id, item_id, lock="change")
        users = await self._items.users_of(item)
        if users or await jobs_port.needs(owner_id, storage_key(owner_id, item.sha256)):
            raise ItemInUseError(users)
        await self._items.delete(item)
        return item.sha256

    async def forget_imports(self, owner_id: UUID, jobs_port: JobsPort) -> tuple[list[str], int]:
        """Delete what came from TONE3000 and nothing needs; return what `delete` does for each, and how many stay."""
        contents, kept = [], 0
        for item_id in await self._items.imported(owner_id):
            try:
                contents.append(await self.delete(owner_id, item_id, jobs_port))
            except ItemInUseError:
                kept += 1
        return contents, kept

    async def _get(self, owner_id: UUID, item_id: UUID, *, lock: Lock | None = None) -> LibraryItem:
        item = await self._items.get(owner_id, item_id, lock=lock)
        if item is None:
            raise ItemNotFoundError(item_id)
        return item

    async def holds(self, item: LibraryItem) -> bool:
        """Tell whether the storage has an item's object, in its whole size; one that it has not is logged."""
        key = storage_key(item.owner_id, item.sha256)
        found = await self._storage.size_of(key)
        if found != item.size:
            _log.error("object_missing" if found is None else "object_damaged", key=key)
        return found == item.size

    async def _store(self, item: LibraryItem, path: Path) -> None:
        shared = await self._items.has_content(item.owner_id, item.sha256)
        await self._quota.claim(self._session, item.owner_id, 0 if shared else item.size)
        try:
            await self._put(item, path, is_expected=shared)
            await self._items.save(item)
        except BaseException:
            if not shared:
                await self._storage.delete([storage_key(item.owner_id, item.sha256)])
            raise

    async def _put(self, item: LibraryItem, path: Path, *, is_expected: bool) -> None:
        """Store an item's content, in place of what should be there already if it `is_expected`."""
        if is_expected:
            await self.holds(item)
        await self._storage.put(storage_key(item.owner_id, item.sha256), path)


async def newest_objects(session: AsyncSession, limit: int) -> list[str]:
    """Return where the newest items of all libraries are stored: what any storage of this installation must hold."""
    return [storage_key(*row) for row in await LibraryRepository(session).newest_contents(limit)]


async def sweep_content(sessions: SessionMaker, storage: Storage, owner_id: UUID, sha256: str) -> None:
    """Delete content that no item has any more, in a unit of work of its own."""
    async with sessions() as session, session.begin():
        items = LibraryRepository(session)
        await items.lock_content(owner_id, sha256)
        if not await items.has_content(owner_id, sha256):
            await storage.delete([storage_key(owner_id, sha256)])


class ShootoutService:
    """The shootouts of all owners, in one unit of work."""

    def __init__(self, session: AsyncSession, limits: Limits) -> None:
        self._accounts = AccountService(session)
        self._shootouts = ShootoutRepository(session)
        self._items = LibraryRepository(session)
        self._limits = limits

    async def create(self, owner_id: UUID, config: Config, *, visibility: Visibility = "private") -> Shootout:
        """Write down a shootout.

        Raises:
            InvalidConfigError: with everything that is wrong with the config.
        """
        materials = await gather(self._items, owner_id, config)
        self._plan(config, materials)
        shootout = Shootout(owner_id=owner_id, visibility=visibility)
        _configure(shootout, config)
        await self._shootouts.save(shootout, materials.named)
        return shootout

    async def get(self, owner_id: UUID, shootout_id: UUID) -> Shootout:
        """Return a shootout.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
        """
        return await self._get(owner_id, shootout_id)

    async def page(
        self, owner_id: UUID, paging: Paging, *, order_by: str, q: str | None = None
    ) -> tuple[Sequence[Shootout], int]:
        """Return a part of the owner's shootouts, and how many there are."""
        return await self._shootouts.page(owner_id, paging, order_by=order_by, q=q)

    async def public(self, paging: Paging, *, order_by: str) -> tuple[Sequence[tuple[Shootout, str]], int]:
        """Return a part of what owners have made public with the owners' names, and how many there are."""
        rows, total = await self._shootouts.public(paging, order_by=order_by)
        names = await self._accounts.names({row.owner_id for row in rows})
        return [(row, names.get(row.owner_id, "")) for row in rows], total

    async def change(
        self,
        owner_id: UUID,
        shootout_id: UUID,
        *,
        config: Config | UnsetType = UNSET,
        visibility: Visibility | UnsetType = UNSET,
    ) -> Shootout:
        """Give a shootout another config or visibility. Jobs that were submitted before keep the config they had.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
            InvalidConfigError: with everything that is wrong with the config.
        """
        shootout = await self._get(owner_id, shootout_id, lock="change")
        named: Sequence[UUID] | None = None
        if config is not UNSET:
            materials = await gather(self._items, owner_id, config)
            self._plan(config, materials)
            named = materials.named
            _configure(shootout, config)
        if visibility is not UNSET:
            shootout.visibility = visibility
        await self._shootouts.save(shootout, named)
        return shootout

    async def delete(self, owner_id: UUID, shootout_id: UUID, jobs_port: JobsPort) -> Sequence[str]:
        """Delete a shootout with its jobs; return the prefixes of what they have stored, for after the commit.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
            ConflictError: one of its jobs is not finished.
        """
        shootout = await self._get(owner_id, shootout_id, lock="change")
        prefixes = await jobs_port.release(owner_id, shootout_id)
        await self._shootouts.delete(shootout)
        return prefixes

    async def snapshot(self, owner_id: UUID, shootout_id: UUID) -> Snapshot:
        """Return a shootout as it is now, and keep it and its library items from being deleted meanwhile.

        Raises:
            ShootoutNotFoundError: the owner has no such shootout.
            InvalidConfigError: it can't be rendered any more, because the limits have changed.
        """
        shootout = await self._get(owner_id, shootout_id, lock="stay")
        config = msgspec.convert(shootout.config, Config)
        materials = await gather(self._items, owner_id, config)
        planned = self._plan(config, materials)
        return Snapshot(
            title=shootout.title,
            config=shootout.config,
            spec=planned.spec,
            plan=planned,
            assets=tuple(asset_of(file, item) for file, item in materials.items.items()),
            wanted=materials.wanted,
        )

    async def _get(self, owner_id: UUID, shootout_id: UUID, *, lock: Lock | None = None) -> Shootout:
        shootout = await self._shootouts.get(owner_id, shootout_id, lock=lock)
        if shootout is None:
            raise ShootoutNotFoundError(shootout_id)
        return shootout

    def _plan(self, config: Config, materials: Materials) -> Plan:
        if errors := list(check_sources(config)):
            raise InvalidConfigError(errors, config)
        try:
            return plan(spec_of(config), materials.facts, limits=self._limits)
        except InvalidSpec as error:
            raise InvalidConfigError(error.errors, config) from None


def asset_of(file: str, item: LibraryItem) -> AssetRef:
    """Return an item as what a spec calls `file`."""
    return AssetRef(
        file=file,
        storage_key=storage_key(item.owner_id, item.sha256),
        sha256=item.sha256,
        kind=msgspec.convert(item.kind, Kind),
        facts=facts_of(item),
        name=item.name,
        credit=item.provenance.credit if item.provenance else None,
    )


def _configure(shootout: Shootout, config: Config) -> None:
    shootout.title = config.title
    shootout.schema_version = config.schema
    shootout.config = msgspec.to_builtins(config)


def _name_of(filename: str) -> str:
    return Path(filename).stem.strip()[:80].strip() or "Unnamed"
