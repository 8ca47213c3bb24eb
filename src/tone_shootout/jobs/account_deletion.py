"""Cancels the jobs of users who delete their account or are disabled (`accounts.account_deletion`)."""

import asyncio
import time
from typing import Final
from uuid import UUID

import structlog

from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.db.session import SessionMaker

TIMEOUT_S: Final = 10.0
"""Longest wait for workers to release a user's jobs. Living workers do so within two seconds."""
POLL_INTERVAL_S: Final = 0.1

_log = structlog.get_logger(__name__)


class UserJobCanceller:
    """Cancels all jobs of a user, in units of work of its own.

    Args:
        sessions: opens sessions of the database.
        publisher: publishes the events; None leaves subscribers to read them from the database.
    """

    def __init__(self, sessions: SessionMaker, publisher: Publisher | None) -> None:
        self._sessions = sessions
        self._publisher = publisher

    async def cancel_and_wait(self, owner_id: UUID) -> bool:
        """Cancel a user's unfinished jobs and wait until workers release them; return False after `TIMEOUT_S`."""
        deadline = time.monotonic() + TIMEOUT_S
        while await self.cancel_all(owner_id):
            if time.monotonic() > deadline:
                _log.warning("jobs_not_released", user_id=str(owner_id))
                return False
            await asyncio.sleep(POLL_INTERVAL_S)
        return True

    async def cancel_all(self, owner_id: UUID) -> bool:
        """Request cancellation of a user's unfinished jobs; return whether there are any."""
        events = []
        async with self._sessions() as session:
            jobs = JobRepository(session)
            unfinished = await jobs.list_unfinished(owner_id)
            for job in unfinished:
                moved = await jobs.request_cancel(job.id)
                events += moved[1] if moved else []
            await session.commit()
        if self._publisher is not None:
            await self._publisher.publish(events)
        return bool(unfinished)
