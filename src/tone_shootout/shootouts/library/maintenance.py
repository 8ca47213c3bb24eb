"""Maintenance of the library's stored content."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.storage import Storage
from tone_shootout.shootouts.library.repositories import LibraryRepository
from tone_shootout.shootouts.library.services import storage_key

_CONTENT: Final = re.compile(r"users/([0-9a-f-]{36})/blobs/([0-9a-f]{64})")


async def newest_objects(session: AsyncSession, limit: int) -> list[str]:
    """Return the storage keys of the newest items of all owners, which a storage of this installation must hold."""
    return [storage_key(*content) for content in await LibraryRepository(session).list_newest_contents(limit)]


async def sweep_content(session_maker: SessionMaker, storage: Storage, owner_id: UUID, sha256: str) -> None:
    """Delete content from the storage unless an item refers to it, in a unit of work of its own."""
    async with session_maker() as session, session.begin():
        items = LibraryRepository(session)
        await items.lock_content(owner_id, sha256)
        if not await items.has_content(owner_id, sha256):
            await storage.delete([storage_key(owner_id, sha256)])


class LibraryMaintenance:
    """Deletes objects under `users/…/blobs/` without a library item: of a killed process, or of a deleted user.

    Args:
        session_maker: opens sessions of the database.
        storage: where objects are.
        grace: age up to which an object may still wait for its row.
    """

    def __init__(self, session_maker: SessionMaker, storage: Storage, grace: timedelta) -> None:
        self._session_maker = session_maker
        self._storage = storage
        self._grace = grace

    async def delete_orphaned_content(self) -> int:
        """Delete content that no item refers to; return the number of objects.

        Each object is checked again under the lock that an upload of it takes, so that a concurrent upload of the same
        content survives.
        """
        total = 0
        async for keys in self._storage.older_than("users", datetime.now(UTC) - self._grace):
            stored = {(UUID(match[1]), match[2]) for key in keys if (match := _CONTENT.fullmatch(key))}
            if not stored:
                continue
            async with self._session_maker() as session:
                orphans = stored - await LibraryRepository(session).find_referenced(stored)
            for owner_id, sha256 in orphans:
                await sweep_content(self._session_maker, self._storage, owner_id, sha256)
            total += len(orphans)
        return total
