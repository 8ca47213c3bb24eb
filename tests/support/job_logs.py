"""Jobs whose logs a test writes itself: no worker, and no event that the test did not ask for."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, update

from tests.support.factories import JobFactory, ShootoutFactory
from tests.support.sessions import Sessions
from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.status import EventType, JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher


class Written:
    """A queued job with a log of one line, to which a test adds more."""

    def __init__(self, job_id: UUID, sessions: Sessions, publisher: Publisher) -> None:
        self.id = job_id
        self.last = 1
        """Number of the newest event."""
        self._sessions = sessions
        self._publisher = publisher

    async def write(
        self, count: int = 1, *, kind: EventType = "progress", published: bool = True, **data: Any
    ) -> list[JobEvent]:
        """Add lines in one step, as a worker does, and publish them unless the broker is to lose them."""
        async with self._sessions.begin() as session:
            await session.execute(update(Job).where(Job.id == self.id).values(event_seq=self.last + count))
            numbers = range(self.last + 1, self.last + count + 1)
            at = datetime.now(UTC)
            rows = [
                JobEvent(job_id=self.id, seq=seq, type=kind, at=at, data=data or {"number": seq}) for seq in numbers
            ]
            session.add_all(rows)
        self.last += count
        if published:
            await self._publisher.publish(rows)
        return rows

    async def move(self, status: JobStatus, *, published: bool = True) -> None:
        """Bring the job to another status, by the law: an end is followed by `done`."""
        async with self._sessions.begin() as session:
            moved = await JobRepository(session).transition(self.id, status)
        assert moved is not None
        self.last = moved[0].event_seq
        if published:
            await self._publisher.publish(moved[1])


async def written_job(sessions: Sessions, publisher: Publisher, owner_id: UUID) -> Written:
    """A job of somebody's, waiting."""
    return (await written_jobs(sessions, publisher, owner_id, 1))[0]


async def written_jobs(sessions: Sessions, publisher: Publisher, owner_id: UUID, count: int) -> list[Written]:
    """Many of them."""
    shootout = ShootoutFactory.build(owner_id=owner_id)
    async with sessions.begin() as session:
        session.add(shootout)
        await session.flush()
        jobs = [JobFactory.build(owner_id=owner_id, shootout_id=shootout.id) for _ in range(count)]
        session.add_all(jobs)
        await session.flush()
        session.add_all(
            JobEvent(job_id=job.id, seq=1, type="status", at=func.now(), data={"status": "queued", "attempt": 0})
            for job in jobs
        )
    return [Written(job.id, sessions, publisher) for job in jobs]
