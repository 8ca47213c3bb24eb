"""What time leaves behind, and when it goes.

Every chore may be done twice, by two workers at once, and be broken off anywhere: what it has not done, the next one
does. One that fails keeps no other from being done.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.maintenance import AccountMaintenance
from tone_shootout.jobs.repositories import (
    JobArtifactRepository,
    JobEventRepository,
    JobRepository,
    RenderCacheRepository,
)
from tone_shootout.jobs.webhooks.repositories import DeliveryRepository
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.shootouts.library.maintenance import sweep_orphans

BATCH: Final = 5_000
"""Rows that are struck out in one transaction."""
SCRATCH_EVERY_S: Final = 600.0
STOP_S: Final = 3.0

_RESULT: Final = re.compile(r"users/[0-9a-f-]{36}/jobs/([0-9a-f-]{36})/.+")
_CACHED: Final = re.compile(r"users/([0-9a-f-]{36})/cache/([^/]+)")

_log = structlog.get_logger(__name__)


class MaintenanceService:
    """Does the chores.

    Args:
        sessions: opens sessions of the database.
        storage: where objects are.
        settings: how long what is kept.
    """

    def __init__(self, sessions: SessionMaker, storage: Storage, settings: Settings) -> None:
        self._sessions = sessions
        self._storage = storage
        self._retention = settings.retention
        # What an attempt has stored may wait for its row as long as the attempt lasts.
        self._grace = max(
            timedelta(hours=settings.retention.orphans_hours), timedelta(seconds=2 * settings.worker.timeout_s)
        )
        self.steps: dict[str, Callable[[], Coroutine[Any, Any, int]]] = {
            "sessions": self._sessions_that_ended,
            "tokens": self._tokens_that_ended,
            "answers": self._answers,
            "events": self._events,
            "deliveries": self._deliveries,
            "objects": self._objects,
        }

    async def keep(self) -> dict[str, int | None]:
        """Do every chore; return how much each has cleared away, None for one that failed."""
        done: dict[str, int | None] = {}
        for name, chore in self.steps.items():
            try:
                done[name] = await chore()
            except Exception:  # noqa: BLE001 - the others are to be done
                _log.exception("chore failed", chore=name)
                done[name] = None
        _log.info("house kept", **done)
        return done

    async def _sessions_that_ended(self) -> int:
        return await self._accounts(lambda accounts: accounts.forget_sessions())

    async def _tokens_that_ended(self) -> int:
        kept = timedelta(days=self._retention.tokens_days)
        return await self._accounts(lambda accounts: accounts.forget_tokens(kept))

    async def _answers(self) -> int:
        return await self._accounts(lambda accounts: accounts.forget_answers())

    async def _accounts(self, step: Callable[[AccountMaintenance], Awaitable[int]]) -> int:
        async with self._sessions() as session:
            gone = await step(AccountMaintenance(session))
            await session.commit()
        return gone

    async def _events(self) -> int:
        before = datetime.now(UTC) - timedelta(days=self._retention.events_days)
        return await self._in_batches(lambda session: JobEventRepository(session).prune(before, limit=BATCH))

    async def _deliveries(self) -> int:
        before = datetime.now(UTC) - timedelta(days=self._retention.deliveries_days)
        return await self._in_batches(lambda session: DeliveryRepository(session).delete_before(before, limit=BATCH))

    async def _in_batches(self, step: Callable[[AsyncSession], Awaitable[int]]) -> int:
        total = 0
        while True:
            async with self._sessions() as session:
                gone = await step(session)
                await session.commit()
            total += gone
            if gone < BATCH:
                return total

    async def _objects(self) -> int:
        """Delete objects that no row names: of a process that died between the two, or of a user who is gone."""
        total = 0
        async for keys in self._storage.older_than("users", datetime.now(UTC) - self._grace):
            total += await sweep_orphans(self._sessions, self._storage, keys)
            for orphans in (await self._results(keys), await self._cached(keys)):
                await self._storage.delete(orphans)
                total += len(orphans)
        return total

    async def _results(self, keys: Collection[str]) -> Collection[str]:
        """Return those of `keys` that are results of jobs and no artifact's, except of jobs that are being done."""
        found = {key: UUID(match[1]) for key in keys if (match := _RESULT.fullmatch(key))}
        async with self._sessions() as session:
            held = await JobRepository(session).find_held(found.values())
            stored = await JobArtifactRepository(session).storage_keys(found.values())
        return [key for key, job_id in found.items() if key not in stored and job_id not in held]

    async def _cached(self, keys: Collection[str]) -> Collection[str]:
        """Return those of `keys` that are kept for the next job and of which no row speaks."""
        found = {key: (UUID(match[1]), match[2]) for key in keys if (match := _CACHED.fullmatch(key))}
        async with self._sessions() as session:
            known = await RenderCacheRepository(session).find_entries(set(found.values()))
        return [key for key, entry in found.items() if entry not in known]


class Scratch:
    """The folder in which the workers of this machine render, a folder in it for each attempt.

    Args:
        folder: made where there is none.
        sessions: opens sessions of the database.
    """

    def __init__(self, folder: Path, sessions: SessionMaker) -> None:
        self._folder = folder
        self._sessions = sessions
        folder.mkdir(parents=True, exist_ok=True)

    async def clear(self) -> int:
        """Delete what dead workers have left: folders of jobs that no worker holds. Return how many."""
        found = {path: job_id for path in self._folder.iterdir() if (job_id := _job_of(path))}
        async with self._sessions() as session:
            held = await JobRepository(session).find_held(found.values())
        left = [path for path, job_id in found.items() if job_id not in held]
        for path in left:
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        return len(left)

    @asynccontextmanager
    async def kept_clear(self) -> AsyncGenerator[None, None]:
        """Clear it at once and now and then, as long as the context lasts."""
        stopping = asyncio.Event()
        clearing = asyncio.create_task(self._clear_until(stopping))
        try:
            yield
        finally:
            stopping.set()
            await asyncio.wait({clearing}, timeout=STOP_S)
            clearing.cancel()
            await asyncio.wait({clearing})

    async def _clear_until(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self.clear()
            except Exception:  # noqa: BLE001 - the next time may be better
                _log.warning("scratch not cleared", exc_info=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), SCRATCH_EVERY_S)


def _job_of(path: Path) -> UUID | None:
    """Return the job whose folder it is: its name is the job's id and something random."""
    try:
        return UUID(path.name[:36])
    except ValueError:
        return None
