"""Compares the rows of the database with the objects of the storage: `shootout storage reconcile`."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from msgspec import Struct

from tone_shootout.backup.database import connected, objects_statement
from tone_shootout.kit.storage import Storage

_BATCH: Final = 1000
_CACHED: Final = "SELECT 'users/' || owner_id || '/cache/' || key FROM render_cache"


class Difference(Struct, frozen=True, kw_only=True):
    """A row without its object, or an object without a row.

    Attributes:
        kind: `missing`: a row names an object that is not there. `size`: the object has another size than its row says.
            `orphan`: an object that no row names; housekeeping deletes it. `recent`: the same, so young that its row
            may still come.
        key: key in the storage.
        size_bytes: size of the object; of a missing one, the size that its row says.
    """

    kind: Literal["missing", "size", "orphan", "recent"]
    key: str
    size_bytes: int


async def reconcile(url: str, storage: Storage, *, grace: timedelta) -> AsyncIterator[Difference]:
    """Yield the differences between rows and objects. Nothing is changed.

    The storage is listed before the rows are read, so an object that seems to be missing is looked for again: it may
    have been written meanwhile.

    Args:
        url: of the database.
        storage: the object storage.
        grace: age up to which an object may still wait for its row.
    """
    before = datetime.now(UTC) - grace
    stored: dict[str, tuple[int, bool]] = {}
    async for key, size, written_at in storage.entries("users"):
        stored[key] = size, written_at >= before
    async with connected(url) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("SET LOCAL statement_timeout = 0")
        async for key, size, _ in connection.cursor(objects_statement(), prefetch=_BATCH):
            found = stored.pop(key, None)
            there = await storage.size_of(key) if found is None else found[0]
            if there is None:
                yield Difference(kind="missing", key=key, size_bytes=size)
            elif there != size:
                yield Difference(kind="size", key=key, size_bytes=there)
        await _forget_cached(connection, stored)
    for key, (size, is_recent) in sorted(stored.items()):
        yield Difference(kind="recent" if is_recent else "orphan", key=key, size_bytes=size)


async def _forget_cached(connection: Any, stored: dict[str, tuple[int, bool]]) -> None:
    """Remove the objects of render caches; a row without an object is a miss there, and no difference."""
    async for (key,) in connection.cursor(_CACHED, prefetch=_BATCH):
        stored.pop(key, None)
