"""Ends the work of users who leave (`accounts.leaving.Leaving`), or are shut out."""

import asyncio
import time
from typing import Final
from uuid import UUID

import structlog

from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.db.session import SessionMaker

PATIENCE_S: Final = 10.0
"""Longest that a leaving user waits for workers. They let go within two seconds, unless they are dead."""
LOOK_AGAIN_S: Final = 0.1

_log = structlog.get_logger(__name__)


class UserJobCanceller:
    """Cancels jobs, in units of work of its own; without a publisher, watchers read of it in the database."""

    def __init__(self, sessions: SessionMaker, publisher: Publisher | None) -> None:
        self._sessions = sessions
        self._publisher = publisher

    async def end_work(self, owner_id: UUID) -> bool:
        """Cancel all of a user's jobs that are not finished, and wait for their workers; False: one has not let go."""
        deadline = time.monotonic() + PATIENCE_S
        while await self.cancel_all(owner_id):
            if time.monotonic() > deadline:
                _log.warning("work_not_ended", user_id=str(owner_id))
                return False
            await asyncio.sleep(LOOK_AGAIN_S)
        return True

    async def cancel_all(self, owner_id: UUID) -> bool:
        """Ask all of a user's jobs that are not finished to stop; tell whether there was one."""
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
