"""The render cache: rendered audio of earlier attempts and jobs, in the object storage, separate for each owner."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import wait
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from obstore.exceptions import BaseError as StorageError
from sqlalchemy.exc import SQLAlchemyError

from tone_shootout.jobs.execution.availability import Availability
from tone_shootout.jobs.repositories import RenderCacheRepository
from tone_shootout.kit.db.session import SessionMaker, autocommit
from tone_shootout.kit.readiness import reason_of
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.rendering.executor.machine_store import machine_key, store_key
from tone_shootout.rendering.executor.store import seal, unseal

TICK_S = 0.1
"""Seconds between two checks for cancellation while waiting for the storage."""

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


async def find_cached(cache: RenderCacheRepository, owner_id: UUID, keys: Collection[str]) -> frozenset[str]:
    """Return those of the render keys `keys` that an owner's cache holds, as rendered by this machine's kind of CPU.

    A worker with another kind of CPU renders them again, so that a plan's cache hits are an estimate.
    """
    await asyncio.to_thread(machine_key)  # blocks at the first call, which loads libraries
    render_keys = {store_key(key): key for key in keys}
    return frozenset(render_keys[key] for key in await cache.find_keys(owner_id, render_keys))


class RenderCache:
    """The render cache of one owner (`rendering.produce.Store`).

    Each entry is an object in the storage and a row with its size and last use. A row is written before its object and
    deleted after it, so that an interruption leaves no object without a row. A row without an object is a miss, and is
    evicted like any other. A writer whose row was evicted before its object was there deletes the object.

    The methods are called from the rendering thread. An entry that can't be read or is damaged is a miss; a failed
    write is ignored. A slow storage does not delay cancellation, because `check` is called while waiting. During a
    known outage, the storage is not used.

    Args:
        sessions: opens sessions of the database.
        storage: the object storage.
        owner_id: whose cache.
        max_bytes: size at which the least recently used entries are evicted.
        loop: the event loop that runs the queries.
        check: raises an exception when the job is cancelled.
        availability: state of the worker's dependencies, if known.
    """

    def __init__(
        self,
        sessions: SessionMaker,
        storage: Storage,
        owner_id: UUID,
        *,
        max_bytes: int,
        loop: asyncio.AbstractEventLoop,
        check: Callable[[], None],
        availability: Availability | None = None,
    ) -> None:
        self._sessions = sessions
        self._storage = storage
        self._owner_id = owner_id
        self._max_bytes = max_bytes
        self._loop = loop
        self._check = check
        self._availability = availability
        self._used: set[str] = set()
        """Entries whose use is not recorded yet."""

    def get(self, key: str) -> bytes | None:
        """Return the entry with this key, None where there is none."""
        sealed = self._read_local(key) if self._storage.folder else self._run(partial(self._read, key), None)
        if sealed is None:
            return None
        content = unseal(key, sealed)
        if content is None:
            _log.warning("cache_entry_damaged", key=key)
            self._run(partial(self._remove, key), None)
        return content

    async def record_use(self) -> None:
        """Record the use of all entries read since the last call, in one statement.

        Called at the end of the job, and before an entry can be evicted.
        """
        used, self._used = self._used, set()
        if used:
            async with autocommit(self._sessions) as session:
                await RenderCacheRepository(session).touch(self._owner_id, used)

    def put(self, key: str, content: bytes) -> None:
        """Store an entry, and evict the least recently used ones beyond `max_bytes`."""
        sealed = seal(key, content)
        if len(sealed) <= self._max_bytes:
            self._run(partial(self._write, key, sealed), None)

    def _run(self, step: Callable[[], Coroutine[Any, Any, _T]], default: _T) -> _T:
        if self._availability is not None and self._availability.is_away("storage"):
            return default
        running = asyncio.run_coroutine_threadsafe(step(), self._loop)
        try:
            while not wait([running], TICK_S).done:
                self._check()
            return running.result()
        except (SQLAlchemyError, StorageError, OSError) as error:
            self._report(error)
            return default
        finally:
            running.cancel()

    def _report(self, error: Exception) -> None:
        _log.warning("cache_failed", reason=reason_of(error))
        if self._availability is not None:
            self._loop.call_soon_threadsafe(self._availability.report, error)

    def _read_local(self, key: str) -> bytes | None:
        """Read an entry from a folder, where an object is found as fast as a row, and every object has a row."""
        try:
            sealed = self._storage.read_blocking(self._object(key))
        except MissingObjectError:
            return None
        except (StorageError, OSError) as error:
            self._report(error)
            return None
        self._used.add(key)
        return sealed

    async def _read(self, key: str) -> bytes | None:
        async with autocommit(self._sessions) as session:
            known = await RenderCacheRepository(session).find_keys(self._owner_id, [key])
        if not known:
            return None
        self._used.add(key)
        try:
            return await self._storage.read(self._object(key))
        except MissingObjectError:
            return None

    async def _write(self, key: str, content: bytes) -> None:
        await self.record_use()
        async with autocommit(self._sessions) as session:
            await RenderCacheRepository(session).put(self._owner_id, key, len(content))
        await self._storage.put(self._object(key), content)
        async with autocommit(self._sessions) as session:
            total, is_there = await RenderCacheRepository(session).measure(self._owner_id, key)
        # Another worker may have evicted the row before there was an object to delete.
        if not is_there or total > self._max_bytes:
            await self._evict(key)

    async def _evict(self, written: str) -> None:
        async with self._sessions() as session:
            cache = RenderCacheRepository(session)
            unwanted = set(await cache.evict(self._owner_id, self._max_bytes))
            if not await cache.find_keys(self._owner_id, [written]):
                unwanted.add(written)
            await self._storage.delete([self._object(old) for old in unwanted])
            await session.commit()

    async def _remove(self, key: str) -> None:
        async with self._sessions() as session:
            await RenderCacheRepository(session).remove(self._owner_id, key)
            await self._storage.delete([self._object(key)])
            await session.commit()

    def _object(self, key: str) -> str:
        return f"users/{self._owner_id}/cache/{key}"
