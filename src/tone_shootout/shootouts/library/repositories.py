"""Queries for library items."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, any_, bindparam, func, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute

from tone_shootout.kit.db import locks
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.pictures import PictureRepository
from tone_shootout.kit.db.reads import execute
from tone_shootout.kit.db.repository import OwnedRepository
from tone_shootout.kit.db.samples import estimate_sum
from tone_shootout.shootouts.library.filters import ItemFilter
from tone_shootout.shootouts.library.models import ItemRow, LibraryItem, LibraryPicture
from tone_shootout.shootouts.models import Shootout, ShootoutAsset

ORDERS = {
    "created_at": LibraryItem.created_at.asc(),
    "-created_at": LibraryItem.created_at.desc(),
    "name": func.lower(LibraryItem.name).asc(),
    "-name": func.lower(LibraryItem.name).desc(),
    "size_bytes": LibraryItem.size.asc(),
    "-size_bytes": LibraryItem.size.desc(),
}
"""Values of `order_by` in lists of items."""


class LibraryRepository(OwnedRepository[LibraryItem]):
    """Library items, scoped to their owners."""

    model_type = LibraryItem
    read_columns = tuple(name.removesuffix("_json") for name in ItemRow._fields)

    async def read(self, owner_id: UUID, item_id: UUID) -> ItemRow | None:
        """Return one of the owner's items, None if there is none."""
        row = await self.read_owned(owner_id, item_id)
        return None if row is None else ItemRow._make(row)

    async def list_matching(
        self,
        owner_id: UUID,
        *,
        paging: Paging,
        order_by: str,
        only: ItemFilter,
    ) -> tuple[list[ItemRow], int]:
        """Return a page of the owner's items, and how many match.

        Args:
            owner_id: the owner.
            paging: the page.
            order_by: a key of `ORDERS`.
            only: which items.
        """
        rows, total = await self.read_page(
            owner_id, *only.conditions(), paging=paging, order_by=order_by, orders=ORDERS
        )
        return [ItemRow._make(row) for row in rows], total

    async def find_by_content(self, owner_id: UUID, kind: str, sha256: str) -> LibraryItem | None:
        """Return the owner's item of a kind with this content."""
        return await self.find_one(self.is_owned(owner_id), LibraryItem.kind == kind, LibraryItem.sha256 == sha256)

    async def find_by_model(self, owner_id: UUID, model_id: int) -> LibraryItem | None:
        """Return the owner's item imported from a model of TONE3000, the oldest if there are several."""
        statement = self.select_owned(owner_id).where(LibraryItem.tone3000_model_id == model_id)
        return (await self.session.execute(statement.order_by(LibraryItem.id).limit(1))).scalar_one_or_none()

    async def lock_by_id(self, owner_id: UUID, item_ids: Collection[UUID]) -> dict[UUID, ItemRow]:
        """Return those of the items that the owner has, locked against deletion until the transaction ends."""
        if not item_ids:
            return {}
        query = self._query("lock_by_id", lambda: self._select_locked(LibraryItem.id).order_by(LibraryItem.id))
        rows = map(ItemRow._make, await execute(self.session, query, owner_id=owner_id, values=list(item_ids)))
        return {item.id: item for item in rows}

    async def list_named(self, owner_id: UUID, names: Collection[str]) -> Sequence[LibraryItem]:
        """Return the owner's items whose file name or name is one of these, in lower case, the newest first."""
        is_named = func.lower(LibraryItem.filename).in_(names) | func.lower(LibraryItem.name).in_(names)
        statement = self.select_owned(owner_id).where(is_named).order_by(LibraryItem.id.desc())
        return (await self.session.scalars(statement)).all()

    async def lock_by_model(self, owner_id: UUID, model_ids: Collection[int]) -> dict[int, ItemRow]:
        """Return the owner's items imported from models of TONE3000, by model id, locked as by `lock_by_id`."""
        if not model_ids:
            return {}
        query = self._query(
            "lock_by_model",
            lambda: self._select_locked(LibraryItem.tone3000_model_id).order_by(LibraryItem.id.desc()),
        )
        rows = map(ItemRow._make, await execute(self.session, query, owner_id=owner_id, values=list(model_ids)))
        return {item.tone3000_model_id: item for item in rows if item.tone3000_model_id is not None}

    def _select_locked(self, column: InstrumentedAttribute[Any]) -> Select[Any]:
        values = bindparam("values", type_=ARRAY(column.type))
        return self._select_columns().where(column == any_(values)).with_for_update(read=True, key_share=True)

    async def item_ids_by_model(self, owner_id: UUID, tone_id: int) -> dict[int, UUID]:
        """Return the ids of the owner's items imported from a tone of TONE3000, by model id."""
        statement = (
            self.select_owned(owner_id)
            .where(LibraryItem.tone3000_tone_id == tone_id)
            .with_only_columns(LibraryItem.tone3000_model_id, LibraryItem.id)
            .order_by(LibraryItem.id.desc())
        )
        return {row.tone3000_model_id: row.id for row in await self.session.execute(statement)}

    async def list_imported_ids(self, owner_id: UUID) -> Sequence[UUID]:
        """Return the ids of the owner's items imported from TONE3000, the oldest first."""
        statement = self.select_owned(owner_id).where(LibraryItem.source.is_not(None)).order_by(LibraryItem.id)
        return (await self.session.scalars(statement.with_only_columns(LibraryItem.id))).all()

    async def update_source_availability(self, owner_id: UUID, tone_id: int, *, available: Collection[int]) -> None:
        """Record which sources of the owner's items from one tone are available, and which are not any more.

        Args:
            owner_id: the owner.
            tone_id: the tone's id at TONE3000.
            available: ids of the tone's models that TONE3000 shows to the owner.
        """
        of_tone = (self.is_owned(owner_id), LibraryItem.tone3000_tone_id == tone_id)
        is_available = LibraryItem.tone3000_model_id.in_(available)
        is_marked_gone = LibraryItem.source_gone_at.is_not(None)
        for condition, value in ((~is_available & ~is_marked_gone, func.now()), (is_available & is_marked_gone, None)):
            await self.session.execute(update(LibraryItem).where(*of_tone, condition).values(source_gone_at=value))

    async def list_shootouts_using(self, item: LibraryItem) -> Sequence[tuple[UUID, str]]:
        """Return ids and titles of the shootouts that use an item, the newest first."""
        statement = (
            select(Shootout.id, Shootout.title)
            .join(ShootoutAsset, ShootoutAsset.shootout_id == Shootout.id)
            .where(ShootoutAsset.library_item_id == item.id)
            .order_by(Shootout.created_at.desc(), Shootout.id.desc())
        )
        return [(row.id, row.title) for row in await self.session.execute(statement)]

    async def storage_usage(self, owner_id: UUID) -> tuple[int, int]:
        """Return the bytes of the owner's files, each content counted once, and the number of items."""
        contents = select(LibraryItem.sha256, LibraryItem.size).where(self.is_owned(owner_id)).distinct()
        items = select(func.count()).select_from(LibraryItem).where(self.is_owned(owner_id))
        total = func.coalesce(func.sum(contents.subquery().c.size), 0)
        row = (await self.session.execute(select(total, items.scalar_subquery()))).one()
        return int(row[0]), row[1]

    async def all_bytes(self) -> int:
        """Estimate the bytes of all users' files, each content of a user counted once. For metrics only."""
        return await estimate_sum(self.session, LibraryItem.size, distinct=[LibraryItem.owner_id, LibraryItem.sha256])

    async def lock_quota(self, owner_id: UUID) -> None:
        """Make other additions to the owner's storage wait until the transaction ends."""
        await locks.acquire(self.session, locks.owned(owner_id, "quota"))

    async def lock_content(self, owner_id: UUID, sha256: str) -> None:
        """Make others wait who store or delete this content of the owner, until the transaction ends."""
        await locks.acquire(self.session, locks.owned(owner_id, "content", sha256))

    async def has_content(self, owner_id: UUID, sha256: str) -> bool:
        """Return whether one of the owner's items has this content."""
        return await self.exists_owned(owner_id, LibraryItem.sha256 == sha256)

    async def list_newest_contents(self, limit: int) -> Sequence[tuple[UUID, str]]:
        """Return owner and SHA-256 of the newest items of all owners. Background tasks only, never a request."""
        statement = select(LibraryItem.owner_id, LibraryItem.sha256).order_by(LibraryItem.id.desc()).limit(limit)
        return [(row.owner_id, row.sha256) for row in await self.session.execute(statement)]

    async def find_referenced(self, contents: Collection[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
        """Return those pairs of owner and SHA-256 that an item refers to. Background tasks only, never a request."""
        statement = select(LibraryItem.owner_id, LibraryItem.sha256).where(
            tuple_(LibraryItem.owner_id, LibraryItem.sha256).in_(contents)
        )
        return {(row.owner_id, row.sha256) for row in await self.session.execute(statement)}


def stored_contents() -> Select[tuple[str, int, str]]:
    """Return the statement for the objects of all libraries: `key`, `size` in bytes, `sha256`. For backups."""
    key = func.concat("users/", LibraryItem.owner_id, "/blobs/", LibraryItem.sha256).label("key")
    return select(key, LibraryItem.size, LibraryItem.sha256).distinct()


class LibraryPictureRepository(PictureRepository[LibraryPicture]):
    """Pictures of library items."""

    model_type = LibraryPicture

    async def read_all(self, owner_id: UUID, hashes: Collection[str]) -> dict[str, bytes]:
        """Return pictures of an owner's items by their SHA-256."""
        statement = (
            select(LibraryItem.picture_sha256, LibraryPicture.content)
            .join(LibraryPicture, LibraryPicture.item_id == LibraryItem.id)
            .where(LibraryItem.owner_id == owner_id, LibraryItem.picture_sha256.in_(hashes))
        )
        return {sha256: content for sha256, content in await self.session.execute(statement) if sha256 is not None}
