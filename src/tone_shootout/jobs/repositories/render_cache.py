"""Queries for the render cache."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import String, any_, delete, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from tone_shootout.jobs.models import RenderCacheEntry
from tone_shootout.kit.db import locks
from tone_shootout.kit.db.repository import OwnedRepository
from tone_shootout.kit.db.samples import estimate_sum


class RenderCacheRepository(OwnedRepository[RenderCacheEntry]):
    """Entries of the render cache, each of one owner. The audio itself is in the object storage."""

    model_type = RenderCacheEntry

    async def find_keys(self, owner_id: UUID, keys: Collection[str]) -> frozenset[str]:
        """Return those of `keys` that the owner has entries for."""
        statement = select(RenderCacheEntry.key).where(self.is_owned(owner_id), RenderCacheEntry.key.in_(keys))
        return frozenset(await self.session.scalars(statement))

    async def touch(self, owner_id: UUID, keys: Collection[str]) -> None:
        """Set the time of the last use of entries to now."""
        await self.session.execute(
            update(RenderCacheEntry)
            .where(self.is_owned(owner_id), RenderCacheEntry.key == any_(literal(list(keys), ARRAY(String))))
            .values(last_used_at=func.clock_timestamp())
        )

    async def put(self, owner_id: UUID, key: str, size: int) -> None:
        """Insert or replace an entry of `size` bytes, last used now."""
        values = {"size": size, "last_used_at": func.clock_timestamp()}
        statement = insert(RenderCacheEntry).values(owner_id=owner_id, key=key, **values)
        await self.session.execute(
            statement.on_conflict_do_update(index_elements=["owner_id", "key"], set_=dict(values))
        )

    async def measure(self, owner_id: UUID, key: str) -> tuple[int, bool]:
        """Return the size of all of the owner's entries in bytes, and whether there is one under `key`."""
        statement = select(
            func.coalesce(func.sum(RenderCacheEntry.size), 0),
            func.coalesce(func.bool_or(RenderCacheEntry.key == key), False),
        ).where(self.is_owned(owner_id))
        total, is_there = (await self.session.execute(statement)).one()
        return int(total), is_there

    async def all_bytes(self) -> int:
        """Estimate the size of the entries of all users, in bytes. For metrics, never for a request of a user."""
        return await estimate_sum(self.session, RenderCacheEntry.size)

    async def find_entries(self, entries: Collection[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
        """Return those pairs of owner and key that have entries. For maintenance, not for requests."""
        statement = select(RenderCacheEntry.owner_id, RenderCacheEntry.key).where(
            tuple_(RenderCacheEntry.owner_id, RenderCacheEntry.key).in_(entries)
        )
        return {(row.owner_id, row.key) for row in await self.session.execute(statement)}

    async def evict(self, owner_id: UUID, max_bytes: int) -> Sequence[str]:
        """Delete the owner's least recently used entries until the rest fits into `max_bytes`; return their keys.

        The owner's lock lasts until the commit, so that the caller can delete the objects before it.
        """
        await locks.acquire(self.session, locks.owned(owner_id, "cache"))
        newest_first = RenderCacheEntry.last_used_at.desc(), RenderCacheEntry.key
        counted = (
            select(RenderCacheEntry.key, func.sum(RenderCacheEntry.size).over(order_by=newest_first).label("total"))
            .where(self.is_owned(owner_id))
            .subquery()
        )
        statement = (
            delete(RenderCacheEntry)
            .where(
                self.is_owned(owner_id),
                RenderCacheEntry.key.in_(select(counted.c.key).where(counted.c.total > max_bytes)),
            )
            .returning(RenderCacheEntry.key)
        )
        return (await self.session.scalars(statement)).all()

    async def remove(self, owner_id: UUID, key: str) -> None:
        """Delete an entry, if there is one."""
        await self.session.execute(delete(RenderCacheEntry).where(self.is_owned(owner_id), RenderCacheEntry.key == key))
