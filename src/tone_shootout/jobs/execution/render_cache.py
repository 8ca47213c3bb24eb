"""What was made before, in the object store and per owner: for the next attempt and for the next job."""

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
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.readiness import reason_of
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.rendering.executor.machine_store import machine_key, store_key
from tone_shootout.rendering.executor.store import seal, unseal

TICK_S = 0.1
"""How often it is asked, while the store is waited for, whether to go on."""

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


async def kept_sound(cache: RenderCacheRepository, owner_id: UUID, keys: Collection[str]) -> frozenset[str]:
    """Return those of `keys` whose sound is kept for an owner, as made by machines of this one's kind.

    A worker of another kind makes it again: what a plan says then is an estimate.
    """
    await asyncio.to_thread(machine_key)  # the first time it loads libraries, which takes a moment
    kept = {store_key(key): key for key in keys}
    return frozenset(kept[key] for key in await cache.find_keys(owner_id, kept))


class RenderCache:
    """What was rendered for one owner (`rendering.produce.Store`).

    The entries are objects; a table knows their sizes and when they were used last. A row is written before its object
    and deleted after it, so that nothing lies in the store that no row speaks of. A row without an object is a miss,
    and grows old like any other.

    Called from the thread that renders. What can't be read, or is not what was written, counts as not there; what can't
    be written is made again: neither is a reason to fail. A store that takes its time holds up no cancellation: what
    `check` raises meanwhile is raised. One that is known to be away is not asked.
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

    def get(self, key: str) -> bytes | None:
        """Return what is kept under `key`, None where there is nothing."""
        sealed = self._run(partial(self._read, key), None)
        if sealed is None:
            return None
        content = unseal(key, sealed)
        if content is None:
            _log.warning("cache entry damaged", key=key)
            self._run(partial(self._forget, key), None)
        return content

    def put(self, key: str, content: bytes) -> None:
        """Keep something; what was used longest ago goes when it gets too much."""
        sealed = seal(key, content)
        if len(sealed) <= self._max_bytes:
            self._run(partial(self._write, key, sealed), None)

    def _run(self, step: Callable[[], Coroutine[Any, Any, _T]], otherwise: _T) -> _T:
        if self._availability is not None and self._availability.is_away("storage"):
            return otherwise
        running = asyncio.run_coroutine_threadsafe(step(), self._loop)
        try:
            while not wait([running], TICK_S).done:
                self._check()
            return running.result()
        except (SQLAlchemyError, StorageError, OSError) as error:
            _log.warning("cache_failed", reason=reason_of(error))
            if self._availability is not None:
                self._loop.call_soon_threadsafe(self._availability.report, error)
            return otherwise
        finally:
            running.cancel()

    async def _read(self, key: str) -> bytes | None:
        async with self._sessions() as session:
            known = await RenderCacheRepository(session).touch(self._owner_id, key)
            await session.commit()
        if not known:
            return None
        try:
            return await self._storage.read(self._object(key))
        except MissingObjectError:
            return None

    async def _write(self, key: str, content: bytes) -> None:
        async with self._sessions() as session:
            await RenderCacheRepository(session).put(self._owner_id, key, len(content))
            await session.commit()
        await self._storage.put(self._object(key), content)
        async with self._sessions() as session:
            gone = await RenderCacheRepository(session).evict(self._owner_id, self._max_bytes)
            await self._storage.delete([self._object(old) for old in gone])
            await session.commit()

    async def _forget(self, key: str) -> None:
        async with self._sessions() as session:
            await RenderCacheRepository(session).remove(self._owner_id, key)
            await self._storage.delete([self._object(key)])
            await session.commit()

    def _object(self, key: str) -> str:
        return f"users/{self._owner_id}/cache/{key}"
