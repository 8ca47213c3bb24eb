"""Availability of a worker's dependencies. During an outage, the worker claims no jobs."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
from redis.asyncio import Redis
from saq import Queue
from sqlalchemy.ext.asyncio import AsyncEngine

from tone_shootout.jobs.scheduling.queue import check_queue
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.outages import outage_of
from tone_shootout.kit.readiness import Readiness, check_broker, check_database, check_disks, reason_of
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.shootouts.library.maintenance import newest_objects

OUTAGE_CHECK_INTERVAL_S: Final = 1.0
"""Seconds between two checks during an outage."""
CHECK_INTERVAL_S: Final = 10.0
"""Seconds between two checks while everything is available."""
CHEAP: Final = ("database", "queue", "disk")
"""Dependencies that are checked regularly. The storage, whose check costs requests, is checked after a report."""
NEEDED: Final = ("database", "queue", "storage", "disk")
"""Dependencies without which a worker claims no job. The broker only carries copies of events."""
SAMPLE: Final = 20
"""Number of newest library files, of which the right storage holds at least one."""

_log = structlog.get_logger(__name__)


class ForeignStorageError(OSError):
    """The storage holds none of the files in the database, so it belongs to another installation."""


class Availability:
    """Which of a worker's dependencies are available.

    Before the first check nothing is, and the worker claims no jobs.

    Args:
        readiness: checks the dependencies.
    """

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness
        self._away: set[str] = set()
        self._opened = asyncio.Event()
        self._reported = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether jobs may be claimed."""
        return self._opened.is_set()

    def is_away(self, part: str) -> bool:
        """Return whether a dependency is known or reported to be unavailable."""
        return part in self._away

    async def wait(self) -> None:
        """Wait until jobs may be claimed."""
        await self._opened.wait()

    def report(self, error: BaseException) -> bool:
        """Report an error; if it is an outage, claim no jobs until a check succeeds.

        Args:
            error: any exception.

        Returns:
            Whether the error is an outage.
        """
        part = outage_of(error)
        if part is None:
            return False
        if part in NEEDED:
            self._away.add(part)
            self._opened.clear()
            self._reported.set()
        return True

    @asynccontextmanager
    async def watched(self, resumed: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
        """Check the dependencies at once and regularly, as long as the context lasts.

        Args:
            resumed: called when an outage has ended.
        """
        watching = asyncio.create_task(self._watch(resumed))
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _watch(self, resumed: Callable[[], Awaitable[None]]) -> None:
        is_first, is_paused = True, False
        while True:
            self._reported.clear()
            parts = CHEAP if self.is_open else NEEDED
            found = await self._readiness.check(parts)
            away = {part for part, result in found.items() if result != "ok"}
            if away and not is_paused:
                is_paused = True
                _log.warning("worker_paused", waiting_for=sorted(away))
            # A report during the check may be newer than the check's result.
            if away or self._reported.is_set():
                self._opened.clear()
                self._away |= away
                await asyncio.sleep(OUTAGE_CHECK_INTERVAL_S)
                continue
            self._away.clear()
            if is_first or is_paused:
                _log.info("worker_resumed" if is_paused else "worker_ready")
            was_open = self.is_open
            self._opened.set()
            if not was_open and not is_first:
                await self._call(resumed)
            is_first = is_paused = False
            with suppress(TimeoutError):
                await asyncio.wait_for(self._reported.wait(), CHECK_INTERVAL_S)

    async def _call(self, resumed: Callable[[], Awaitable[None]]) -> None:
        try:
            await resumed()
        except Exception as error:  # noqa: BLE001 - the sweep wakes workers too
            _log.warning("wake_failed", reason=reason_of(error))


def worker_readiness(
    settings: Settings,
    *,
    name: str,
    engine: AsyncEngine,
    sessions: SessionMaker,
    queue: Queue,
    broker: Redis,
    storage: Storage,
) -> Readiness:
    """Return the checks of a worker.

    Args:
        settings: data folder and required free space.
        name: the worker's name.
        engine: the database.
        sessions: opens sessions of the database.
        queue: the queue.
        broker: carries copies of events.
        storage: the object storage.
    """
    disks = [folder for folder in (settings.data, settings.data / "scratch", storage.folder) if folder is not None]

    async def check_storage() -> None:
        await storage.probe(f"worker-{name}")
        await _check_contents(sessions, storage)

    return Readiness(
        {
            "database": lambda: check_database(engine),
            "queue": lambda: check_queue(queue),
            "broker": lambda: check_broker(broker),
            "storage": check_storage,
            "disk": lambda: check_disks(disks, settings.storage.free_bytes),
        }
    )


async def _check_contents(sessions: SessionMaker, storage: Storage) -> None:
    """Check that the storage is the one of this installation."""
    try:
        async with sessions() as session:
            keys = await newest_objects(session, SAMPLE)
    except Exception as error:
        if outage_of(error) is None:
            raise
        return  # the check of the database reports it
    for key in keys:
        if await storage.exists(key):
            return
    if keys:
        raise ForeignStorageError(
            f"the storage holds none of the {len(keys)} newest library files, for instance {keys[0]}; "
            "set SHOOTOUT_STORAGE_URL (or SHOOTOUT_DATA) to the storage of the web process"
        )
