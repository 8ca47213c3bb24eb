"""Deletion of job data that has no use any more, in units of work of its own.

Each step can run twice, on two workers at once, and be interrupted anywhere: the next run deletes the rest.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from tone_shootout.jobs.repositories import (
    JobArtifactRepository,
    JobEventRepository,
    JobRepository,
    RenderCacheRepository,
)
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.settings import RetentionSettings
from tone_shootout.kit.storage import Storage

THINNED_JOBS: Final = 200
"""Jobs whose events are thinned in one transaction."""
_RESULT: Final = re.compile(r"users/[0-9a-f-]{36}/jobs/([0-9a-f-]{36})/.+")
_CACHED: Final = re.compile(r"users/([0-9a-f-]{36})/cache/([^/]+)")


class JobMaintenance:
    """Deletes old job events, and objects of jobs and of the render cache that have lost their row.

    Args:
        session_maker: opens sessions of the database.
        storage: where objects are.
        retention: how long events of finished jobs are kept.
        grace: age up to which an object may still wait for its row.
    """

    def __init__(
        self, session_maker: SessionMaker, storage: Storage, retention: RetentionSettings, grace: timedelta
    ) -> None:
        self._session_maker = session_maker
        self._storage = storage
        self._events_kept = timedelta(days=retention.events_days)
        self._grace = grace

    async def thin_events(self) -> int:
        """Delete progress and segment events of jobs that finished before the retention time; return how many."""
        before = datetime.now(UTC) - self._events_kept
        total, jobs = 0, THINNED_JOBS
        while jobs == THINNED_JOBS:
            async with self._session_maker() as session:
                jobs, deleted = await JobEventRepository(session).thin(before, limit=THINNED_JOBS)
                await session.commit()
            total += deleted
        return total

    async def delete_orphaned_results(self) -> int:
        """Delete objects under `users/…/jobs/` that no artifact names, except those of running jobs."""
        total = 0
        async for keys in self._storage.older_than("users", datetime.now(UTC) - self._grace):
            found = {key: UUID(match[1]) for key in keys if (match := _RESULT.fullmatch(key))}
            if not found:
                continue
            async with self._session_maker() as session:
                held = await JobRepository(session).find_held(found.values())
                stored = await JobArtifactRepository(session).storage_keys(found.values())
            orphans = [key for key, job_id in found.items() if key not in stored and job_id not in held]
            await self._storage.delete(orphans)
            total += len(orphans)
        return total

    async def delete_orphaned_cache_objects(self) -> int:
        """Delete objects under `users/…/cache/` that no row of the render cache names."""
        total = 0
        async for keys in self._storage.older_than("users", datetime.now(UTC) - self._grace):
            found = {key: (UUID(match[1]), match[2]) for key in keys if (match := _CACHED.fullmatch(key))}
            if not found:
                continue
            async with self._session_maker() as session:
                known = await RenderCacheRepository(session).find_entries(set(found.values()))
            orphans = [key for key, entry in found.items() if entry not in known]
            await self._storage.delete(orphans)
            total += len(orphans)
        return total
