"""A worker's part in the life of a job, performed by a test."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import func

from tests.support.sessions import Sessions
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.repositories import JobEventRepository, JobRepository
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher


class Hand:
    """Transitions of a job, as a worker performs them."""

    def __init__(self, sessions: Sessions, redis: Redis, job_id: str) -> None:
        self._sessions = sessions
        self._publisher = Publisher(redis)
        self._id = UUID(job_id)

    async def become(self, status: JobStatus, **values: Any) -> None:
        async with self._sessions() as session:
            jobs = JobRepository(session)
            if status is JobStatus.RUNNING:
                await jobs.transition(self._id, JobStatus.QUEUED, queued_at=func.now())
                values = {"attempt": Job.attempt + 1, "heartbeat_at": func.now() + timedelta(hours=1)}
            moved = await jobs.transition(self._id, status, **values)
            await session.commit()
        assert moved is not None
        await self._publisher.publish(moved[1])

    async def record(self, percent: float) -> None:
        async with self._sessions() as session:
            event = await JobRepository(session).record(self._id, 1, "progress", {"percent": percent})
            await session.commit()
        assert event is not None
        await self._publisher.publish([event])

    async def all_events(self) -> list[int]:
        async with self._sessions() as session:
            rows = await JobEventRepository(session).list_after(self._id, 0)
        return [row.seq for row in rows]
