"""All SQL about library items and shootouts. Every statement starts from what is one owner's own."""

from collections.abc import Collection, Sequence
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, exists, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.kit.db.pagination import Paging
from tone_shootout.shootouts.models import LibraryItem, Shootout, ShootoutAsset

Lock = Literal["change", "stay"]
"""What a row is kept for until the transaction ends: `change` keeps others from using, changing or deleting it, `stay`
only from deleting it."""

ITEM_ORDERS = {
    "created_at": LibraryItem.created_at.asc(),
    "-created_at": LibraryItem.created_at.desc(),
    "name": func.lower(LibraryItem.name).asc(),
    "-name": func.lower(LibraryItem.name).desc(),
    "size": LibraryItem.size.asc(),
    "-size": LibraryItem.size.desc(),
}
SHOOTOUT_ORDERS = {
    "created_at": Shootout.created_at.asc(),
    "-created_at": Shootout.created_at.desc(),
    "updated_at": Shootout.updated_at.asc(),
    "-updated_at": Shootout.updated_at.desc(),
    "title": func.lower(Shootout.title).asc(),
    "-title": func.lower(Shootout.title).desc(),
}


class LibraryRepository:
    """Library items, in one session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, owner_id: UUID, item_id: UUID, *, lock: Lock | None = None) -> LibraryItem | None:
        """Return the owner's item."""
        statement = _locked(_items(owner_id).where(LibraryItem.id == item_id), lock)
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def find(self, owner_id: UUID, kind: str, sha256: str) -> LibraryItem | None:
        """Return the owner's item of a kind with this content."""
        statement = _items(owner_id).where(LibraryItem.kind == kind, LibraryItem.sha256 == sha256)
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def hold_models(self, owner_id: UUID, model_ids: Collection[int]) -> dict[int, LibraryItem]:
        """Return the owner's items that hold models of TONE3000, by the models' ids, and keep them as `hold` does."""
        if not model_ids:
            return {}
        statement = _items(owner_id).where(LibraryItem.tone3000_model_id.in_(model_ids)).order_by(LibraryItem.id.desc())
        rows = await self._session.scalars(_locked(statement, "stay"))
        return {item.tone3000_model_id: item for item in rows if item.tone3000_model_id is not None}

    async def of_model(self, owner_id: UUID, model_id: int) -> LibraryItem | None:
        """Return the owner's item that holds a model of TONE3000, the first one if there are several."""
        statement = _items(owner_id).where(LibraryItem.tone3000_model_id == model_id).order_by(LibraryItem.id).limit(1)
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def of_tone(self, owner_id: UUID, tone_id: int) -> dict[int, UUID]:
        """Return the ids of the owner's items that hold models of a tone of TONE3000, by the models' ids."""
        statement = (
            _items(owner_id)
            .where(LibraryItem.tone3000_tone_id == tone_id)
            .with_only_columns(LibraryItem.tone3000_model_id, LibraryItem.id)
            .order_by(LibraryItem.id.desc())
        )
        return {row.tone3000_model_id: row.id for row in await self._session.execute(statement)}

    async def imported(self, owner_id: UUID) -> Sequence[UUID]:
        """Return the ids of the owner's items that hold models of TONE3000."""
        statement = _items(owner_id).where(LibraryItem.source.is_not(None)).order_by(LibraryItem.id)
        return (await self._session.scalars(statement.with_only_columns(LibraryItem.id))).all()

    async def mark_source(self, owner_id: UUID, tone_id: int, *, there: Collection[int]) -> None:
        """Note of the owner's items that hold models of a tone which of these models are there, and which are not."""
        own = (LibraryItem.owner_id == owner_id, LibraryItem.tone3000_tone_id == tone_id)
        is_there = LibraryItem.tone3000_model_id.in_(there)
        gone, back = LibraryItem.source_gone_at.is_(None), LibraryItem.source_gone_at.is_not(None)
        for condition, value in ((~is_there & gone, func.now()), (is_there & back, None)):
            statement = update(LibraryItem).where(*own, condition).values(source_gone_at=value)
            await self._session.execute(statement)

    async def hold(self, owner_id: UUID, item_ids: Collection[UUID]) -> dict[UUID, LibraryItem]:
        """Return those of the owner's items that exist, and keep them from being deleted until the transaction ends."""
        statement = _items(owner_id).where(LibraryItem.id.in_(item_ids)).order_by(LibraryItem.id)
        return {item.id: item for item in await self._session.scalars(_locked(statement, "stay"))}

    async def page(
        self, owner_id: UUID, paging: Paging, *, order_by: str, kind: str | None, q: str | None
    ) -> tuple[Sequence[LibraryItem], int]:
        """Return a part of the owner's items and how many there are."""
        statement = _items(owner_id)
        if kind is not None:
            statement = statement.where(LibraryItem.kind == kind)
        if q is not None:
            statement = statement.where(LibraryItem.name.icontains(q, autoescape=True))
        return await _page(self._session, statement, paging, ITEM_ORDERS[order_by], LibraryItem.id.desc())

    async def save(self, item: LibraryItem) -> None:
        """Write down an item, new or changed."""
        self._session.add(item)
        await self._session.flush()

    async def delete(self, item: LibraryItem) -> None:
        """Strike out an item."""
        await self._session.execute(delete(LibraryItem).where(LibraryItem.id == item.id))

    async def users_of(self, item: LibraryItem) -> Sequence[tuple[UUID, str]]:
        """Return ids and titles of the shootouts that use an item, the newest first."""
        statement = (
            select(Shootout.id, Shootout.title)
            .join(ShootoutAsset, ShootoutAsset.shootout_id == Shootout.id)
            .where(ShootoutAsset.library_item_id == item.id)
            .order_by(Shootout.created_at.desc(), Shootout.id.desc())
        )
        return [(row.id, row.title) for row in await self._session.execute(statement)]

    async def stored(self, owner_id: UUID) -> tuple[int, int]:
        """Return how many bytes the owner's files have, each content counted once, and how many items there are."""
        contents = select(LibraryItem.sha256, LibraryItem.size).where(LibraryItem.owner_id == owner_id).distinct()
        items = select(func.count()).select_from(LibraryItem).where(LibraryItem.owner_id == owner_id)
        total = func.coalesce(func.sum(contents.subquery().c.size), 0)
        row = (await self._session.execute(select(total, items.scalar_subquery()))).one()
        return int(row[0]), row[1]

    async def lock_quota(self, owner_id: UUID) -> None:
        """Let nobody else count what the owner has stored until the transaction ends."""
        key = func.hashtextextended(f"{owner_id}/quota", 0)
        await self._session.execute(select(func.pg_advisory_xact_lock(key)))

    async def lock_content(self, owner_id: UUID, sha256: str) -> None:
        """Let nobody else store or delete this content of the owner until the transaction ends."""
        key = func.hashtextextended(f"{owner_id}/{sha256}", 0)
        await self._session.execute(select(func.pg_advisory_xact_lock(key)))

    async def has_content(self, owner_id: UUID, sha256: str) -> bool:
        """Whether one of the owner's items has this content."""
        statement = select(exists().where(LibraryItem.owner_id == owner_id, LibraryItem.sha256 == sha256))
        return bool(await self._session.scalar(statement))

    async def newest_contents(self, limit: int) -> Sequence[tuple[UUID, str]]:
        """Return owner and hash of the newest items, whoever owns them: for workers, never for a request."""
        statement = select(LibraryItem.owner_id, LibraryItem.sha256).order_by(LibraryItem.id.desc()).limit(limit)
        return [(row.owner_id, row.sha256) for row in await self._session.execute(statement)]

    async def known_content(self, contents: Collection[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
        """Return those contents, each with its owner, that an item has."""
        statement = select(LibraryItem.owner_id, LibraryItem.sha256).where(
            tuple_(LibraryItem.owner_id, LibraryItem.sha256).in_(contents)
        )
        return {(row.owner_id, row.sha256) for row in await self._session.execute(statement)}


class ShootoutRepository:
    """Shootouts and the items that they use, in one session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, owner_id: UUID, shootout_id: UUID, *, lock: Lock | None = None) -> Shootout | None:
        """Return the owner's shootout."""
        statement = _locked(_shootouts(owner_id).where(Shootout.id == shootout_id), lock)
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def page(
        self, owner_id: UUID, paging: Paging, *, order_by: str, q: str | None
    ) -> tuple[Sequence[Shootout], int]:
        """Return a part of the owner's shootouts and how many there are."""
        statement = _shootouts(owner_id)
        if q is not None:
            statement = statement.where(Shootout.title.icontains(q, autoescape=True))
        return await _page(self._session, statement, paging, SHOOTOUT_ORDERS[order_by], Shootout.id.desc())

    async def public(self, paging: Paging, *, order_by: str) -> tuple[Sequence[Shootout], int]:
        """Return a part of what owners have made public, and how many there are."""
        statement = select(Shootout).where(Shootout.visibility == "public")
        return await _page(self._session, statement, paging, SHOOTOUT_ORDERS[order_by], Shootout.id.desc())

    async def save(self, shootout: Shootout, item_ids: Collection[UUID] | None = None) -> None:
        """Write down a shootout, new or changed, and the items that it uses where those are given."""
        self._session.add(shootout)
        await self._session.flush()
        if item_ids is not None:
            await self._session.execute(delete(ShootoutAsset).where(ShootoutAsset.shootout_id == shootout.id))
            await self._session.execute(
                insert(ShootoutAsset),
                [{"shootout_id": shootout.id, "library_item_id": item_id} for item_id in sorted(item_ids)],
            )

    async def delete(self, shootout: Shootout) -> None:
        """Strike out a shootout and all that hangs on it."""
        await self._session.execute(delete(Shootout).where(Shootout.id == shootout.id))


def _items(owner_id: UUID) -> Select[tuple[LibraryItem]]:
    return select(LibraryItem).where(LibraryItem.owner_id == owner_id)


def _shootouts(owner_id: UUID) -> Select[tuple[Shootout]]:
    return select(Shootout).where(Shootout.owner_id == owner_id)


def _locked(statement: Select[Any], lock: Lock | None) -> Select[Any]:
    if lock is None:
        return statement
    return statement.with_for_update() if lock == "change" else statement.with_for_update(read=True, key_share=True)


async def _page(
    session: AsyncSession, statement: Select[Any], paging: Paging, *order: ColumnElement[Any]
) -> tuple[Sequence[Any], int]:
    total = await session.scalar(select(func.count()).select_from(statement.subquery()))
    rows = await session.scalars(statement.order_by(*order).limit(paging.limit).offset(paging.offset))
    return rows.all(), total or 0
