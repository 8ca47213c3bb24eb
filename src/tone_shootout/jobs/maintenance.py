"""Deletion of expired rows, orphaned objects and abandoned folders.

Every step is safe to repeat, to run in two workers at once and to interrupt: the next run does the rest. A step that
fails does not prevent the others.
"""

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import AbstractAsyncContextManager
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
from tone_shootout.kit.periodic import running_periodically
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.shootouts.library.maintenance import sweep_orphans

BATCH: Final = 5_000
"""Most rows deleted in one transaction."""
SCRATCH_INTERVAL_S: Final = 600.0
"""Seconds between two cleanings of the scratch folder."""

_RESULT: Final = re.compile(r"users/[0-9a-f-]{36}/jobs/([0-9a-f-]{36})/.+")
_CACHED: Final = re.compile(r"users/([0-9a-f-]{36})/cache/([^/]+)")

_log = structlog.get_logger(__name__)


class MaintenanceService:
    """Runs the maintenance steps.

    Args:
        sessions: opens sessions of the database.
        storage: the object storage.
        settings: retention periods.
    """

    def __init__(self, sessions: SessionMaker, storage: Storage, settings: Settings) -> None:
        self._sessions = sessions
        self._storage = storage
        self._retention = settings.retention
        # Objects that an attempt has stored get their rows only when it completes.
        self._grace = max(
            timedelta(hours=settings.retention.orphans_hours), timedelta(seconds=2 * settings.worker.timeout_s)
        )
        self.steps: dict[str, Callable[[], Coroutine[Any, Any, int]]] = {
            "sessions": self._delete_sessions,
            "tokens": self._delete_tokens,
            "answers": self._delete_answers,
            "events": self._prune_events,
            "deliveries": self._delete_deliveries,
            "objects": self._delete_orphans,
        }

    async def run(self) -> dict[str, int | None]:
        """Run every step; return the number of rows or objects that each has deleted, None for one that failed."""
        deleted: dict[str, int | None] = {}
        for name, step in self.steps.items():
            try:
                deleted[name] = await step()
            except Exception:  # noqa: BLE001 - the other steps still run
                _log.exception("maintenance_step_failed", step=name)
                deleted[name] = None
        _log.info("maintenance_completed", **deleted)
        return deleted

    async def _delete_sessions(self) -> int:
        return await self._in_accounts(lambda accounts: accounts.forget_sessions())

    async def _delete_tokens(self) -> int:
        kept = timedelta(days=self._retention.tokens_days)
        return await self._in_accounts(lambda accounts: accounts.forget_tokens(kept))

    async def _delete_answers(self) -> int:
        return await self._in_accounts(lambda accounts: accounts.forget_answers())

    async def _in_accounts(self, step: Callable[[AccountMaintenance], Awaitable[int]]) -> int:
        async with self._sessions() as session:
            deleted = await step(AccountMaintenance(session))
            await session.commit()
        return deleted

    async def _prune_events(self) -> int:
        before = datetime.now(UTC) - timedelta(days=self._retention.events_days)
        return await self._in_batches(lambda session: JobEventRepository(session).prune(before, limit=BATCH))

    async def _delete_deliveries(self) -> int:
        before = datetime.now(UTC) - timedelta(days=self._retention.deliveries_days)
        return await self._in_batches(lambda session: DeliveryRepository(session).delete_before(before, limit=BATCH))

    async def _in_batches(self, step: Callable[[AsyncSession], Awaitable[int]]) -> int:
        total = 0
        while True:
            async with self._sessions() as session:
                deleted = await step(session)
                await session.commit()
            total += deleted
            if deleted < BATCH:
                return total

    async def _delete_orphans(self) -> int:
        """Delete objects that no row refers to: after a crash between the two writes, or the deletion of a user."""
        total = 0
        async for keys in self._storage.older_than("users", datetime.now(UTC) - self._grace):
            total += await sweep_orphans(self._sessions, self._storage, keys)
            for orphans in (await self._orphaned_results(keys), await self._orphaned_cache(keys)):
                await self._storage.delete(orphans)
                total += len(orphans)
        return total

    async def _orphaned_results(self, keys: Collection[str]) -> Collection[str]:
        """Return those of `keys` that are results without an artifact's row, of jobs that no worker holds."""
        found = {key: UUID(match[1]) for key in keys if (match := _RESULT.fullmatch(key))}
        async with self._sessions() as session:
            held = await JobRepository(session).find_held(found.values())
            stored = await JobArtifactRepository(session).storage_keys(found.values())
        return [key for key, job_id in found.items() if key not in stored and job_id not in held]

    async def _orphaned_cache(self, keys: Collection[str]) -> Collection[str]:
        """Return those of `keys` that belong to the render cache and have no entry."""
        found = {key: (UUID(match[1]), match[2]) for key in keys if (match := _CACHED.fullmatch(key))}
        async with self._sessions() as session:
            known = await RenderCacheRepository(session).find_entries(set(found.values()))
        return [key for key, entry in found.items() if entry not in known]


class Scratch:
    """The folder in which the workers of this machine render: one subfolder for each attempt.

    Args:
        folder: created if it does not exist.
        sessions: opens sessions of the database.
    """

    def __init__(self, folder: Path, sessions: SessionMaker) -> None:
        self._folder = folder
        self._sessions = sessions
        folder.mkdir(parents=True, exist_ok=True)

    async def clean(self) -> int:
        """Delete the folders of jobs that no worker holds, left by workers that died; return their number."""
        found = {path: job_id for path in self._folder.iterdir() if (job_id := _parse_job_id(path))}
        async with self._sessions() as session:
            held = await JobRepository(session).find_held(found.values())
        abandoned = [path for path, job_id in found.items() if job_id not in held]
        for path in abandoned:
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        return len(abandoned)

    def cleaning(self) -> AbstractAsyncContextManager[None]:
        """Clean the folder at once and every `SCRATCH_INTERVAL_S` seconds, as long as the context lasts."""
        return running_periodically(self.clean, interval_s=SCRATCH_INTERVAL_S, on_error=_report_failed_cleaning)


def _report_failed_cleaning(error: Exception, _failures: int) -> None:
    _log.warning("scratch_not_cleaned", exc_info=error)


def _parse_job_id(path: Path) -> UUID | None:
    """Return the id of the job that a folder belongs to: its name is the id and a random part."""
    try:
        return UUID(path.name[:36])
    except ValueError:
        return None
