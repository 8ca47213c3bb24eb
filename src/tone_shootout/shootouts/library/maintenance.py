"""Content that no library item has."""

import re
from collections.abc import Collection
from typing import Final
from uuid import UUID

from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.storage import Storage
from tone_shootout.shootouts.repositories import LibraryRepository
from tone_shootout.shootouts.services import sweep_content

_CONTENT: Final = re.compile(r"users/([0-9a-f-]{36})/blobs/([0-9a-f]{64})")


async def sweep_orphans(sessions: SessionMaker, storage: Storage, keys: Collection[str]) -> int:
    """Delete those of `keys` that are content which no item has; return how many.

    Each is looked at again under the lock that storing it takes, so that content which is being sent again stays.
    """
    found = {(UUID(match[1]), match[2]) for key in keys if (match := _CONTENT.fullmatch(key))}
    async with sessions() as session:
        known = await LibraryRepository(session).known_content(found)
    orphans = found - known
    for owner_id, sha256 in orphans:
        await sweep_content(sessions, storage, owner_id, sha256)
    return len(orphans)
