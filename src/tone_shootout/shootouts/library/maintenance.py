"""Deletion of stored content that no library item names."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.storage import Storage
from tone_shootout.shootouts.repositories import LibraryRepository
from tone_shootout.shootouts.services import sweep_content

_CONTENT: Final = re.compile(r"users/([0-9a-f-]{36})/blobs/([0-9a-f]{64})")


class LibraryMaintenance:
    """Deletes objects under `users/…/blobs/` that have lost their row: of a dead process, or of a deleted user.

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
        """Delete content that no item names; return how many objects.

        Each object is checked again under the lock that an upload of it takes, so that a concurrent upload of the same
        content survives.
        """
        total = 0
        async for keys in self._storage.older_than("users", datetime.now(UTC) - self._grace):
            found = {(UUID(match[1]), match[2]) for key in keys if (match := _CONTENT.fullmatch(key))}
            if not found:
                continue
            async with self._session_maker() as session:
                orphans = found - await LibraryRepository(session).known_content(found)
            for owner_id, sha256 in orphans:
                await sweep_content(self._session_maker, self._storage, owner_id, sha256)
            total += len(orphans)
        return total
