"""A worker's lease on a job: heartbeats, the writing of events, and the end of the attempt."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from tone_shootout.jobs.execution.attempt import PROGRESS_S, Attempt
from tone_shootout.jobs.execution.availability import Availability
from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.db.session import SessionMaker, autocommit

HEARTBEAT_INTERVAL_S = 0.5
"""Seconds between two heartbeats, and the longest that a running job does not notice its cancellation."""
WRITE_INTERVAL_S = 0.05
"""Shortest time between two writes of events, in seconds: a commit costs more than the events in it."""
RETRY_DELAY_S = 0.5
"""Seconds between two tries to write."""

_log = structlog.get_logger(__name__)
T = TypeVar("T")


class Lease:
    """Writes to the database what happens in an attempt, as long as the attempt holds its job.

    Args:
        attempt: the attempt.
        sessions: opens sessions of the database.
        publisher: publishes events after their commit.
        availability: receives failures that are outages.
        retry_s: seconds for which a failed write is retried when its cause is not an outage.
    """

    def __init__(
        self,
        attempt: Attempt,
        *,
        sessions: SessionMaker,
        publisher: Publisher,
        availability: Availability,
        retry_s: float,
    ) -> None:
        self._attempt = attempt
        self._sessions = sessions
        self._publisher = publisher
        self._availability = availability
        self._retry_s = retry_s
        self._log = _log.bind(job_id=str(attempt.job.id))

    async def send_heartbeats(self, work: asyncio.Task[None]) -> None:
        """Record heartbeats; cancel `work` and return when the job is cancelled or the lease is lost."""
        attempt, job = self._attempt, self._attempt.job
        while True:
            await asyncio.sleep(HEARTBEAT_INTERVAL_S)
            try:
                async with autocommit(self._sessions) as session:
                    status = await JobRepository(session).renew_lease(job.id, job.attempt)
            except Exception as error:  # noqa: BLE001 - the next heartbeat may succeed; without any the job is lost
                if not self._availability.report(error):
                    self._log.warning("heartbeat_failed", exc_info=True)
                continue
            attempt.lost_lease = status is None
            if status is not JobStatus.RUNNING:
                attempt.cancel_requested = True
                attempt.stop.set()
                work.cancel()
                return

    async def write_events(self) -> None:
        """Write pending events as they come, and progress every `PROGRESS_S` seconds, until cancelled.

        Events that come within `WRITE_INTERVAL_S` after others are written together.
        """
        written_at = -WRITE_INTERVAL_S
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._attempt.pending_events.wait(), PROGRESS_S)
            await asyncio.sleep(max(0.0, written_at + WRITE_INTERVAL_S - time.monotonic()))
            self._attempt.pending_events.clear()
            written_at = time.monotonic()
            try:
                await self.flush()
            except (SQLAlchemyError, OSError) as error:
                if not self._availability.report(error):
                    self._log.warning("events_not_written", exc_info=True)
                await asyncio.sleep(PROGRESS_S)

    async def flush(self) -> None:
        """Write and publish all pending events. Calls wait for each other, so that events keep their order."""
        attempt, job = self._attempt, self._attempt.job
        async with attempt.writing:
            pending = attempt.take_events()
            if not pending:
                return
            try:
                # Committed separately: a statement that is cancelled must not have written events that are put back.
                async with self._sessions() as session:
                    # Of several values of a column, the newest remains.
                    values = {name: value for *_, columns in pending for name, value in columns.items()}
                    contents = [(event_type, data) for event_type, data, _ in pending]
                    events = await JobRepository(session).record_all(job.id, job.attempt, contents, **values)
                    await session.commit()
            except BaseException:
                attempt.release(pending)
                raise
            await self._publisher.publish(events or [])

    async def release(self, status: JobStatus, **values: Any) -> Job | None:
        """End the attempt: set the job to `status`, or to `cancelled` if that was requested meanwhile.

        Returns:
            The job, or None when nothing was changed: the lease is lost, or the database fails.
        """
        if self._attempt.lost_lease:
            return None
        job = self._attempt.job

        async def write() -> tuple[Job, list[JobEvent]] | None:
            await self.flush()
            async with self._sessions() as session:
                jobs = JobRepository(session)
                moved = await jobs.transition(job.id, status, held_by=job.attempt, **values) or (
                    await jobs.transition(job.id, JobStatus.CANCELLED, held_by=job.attempt)
                )
                await session.commit()
            return moved

        try:
            moved = await self.retry_db_write(write)
        except (SQLAlchemyError, OSError):
            self._log.warning("release_failed", exc_info=True)
            return None
        if moved is None:
            return None
        self._attempt.trace.ended(moved[0].status)
        await self._publisher.publish(moved[1])
        return moved[0]

    async def retry_db_write(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write; retry during an outage until it ends or the lease is lost, after other errors for `retry_s`."""
        until = time.monotonic() + self._retry_s
        while True:
            began = time.monotonic()
            try:
                return await write()
            except (SQLAlchemyError, OSError) as error:
                is_outage = self._availability.report(error)
                if self._attempt.lost_lease or (not is_outage and began > until):
                    raise
            await asyncio.sleep(RETRY_DELAY_S)
            self._attempt.extend(time.monotonic() - began)
