"""What the dashboard shows and does.

SAQ's pages read a queue and the entries in it. Ours holds nothing but wake-ups, so they are shown the jobs themselves,
as the table has them, and their buttons act by the jobs' own laws.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from saq import Queue
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.services import AccountService
from tone_shootout.jobs.dtos import JobRead
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.jobs.services import JobService
from tone_shootout.jobs.status import WAITING, JobStatus, sources
from tone_shootout.kit.settings import LimitSettings
from tone_shootout.shootouts.services import ShootoutService, rendering_limits

SHOWN = 200
"""Jobs on the page: those that are not finished first, then the newest."""

_log = structlog.get_logger(__name__)


class DashboardQueue:
    """The jobs, in the form of the queue that the pages read.

    Args:
        queue: the real one, which knows the workers.
        sessions: opens sessions of the database.
        dispatcher: queues what is retried, and tells of what is cancelled.
        limits: what one user may ask for.
    """

    def __init__(
        self,
        queue: Queue,
        sessions: Callable[[], AbstractAsyncContextManager[AsyncSession]],
        dispatcher: Dispatcher,
        limits: LimitSettings,
    ) -> None:
        self._queue = queue
        self._sessions = sessions
        self._dispatcher = dispatcher
        self._limits = limits

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._queue.name

    async def connect(self) -> None:
        """Connect the real queue."""
        await self._queue.connect()

    async def info(self, jobs: bool = False) -> dict[str, Any]:
        """Return workers, counts and, if asked for, jobs."""
        workers = (await self._queue.info())["workers"]
        async with self._sessions() as session:
            repository = JobRepository(session)
            counts = await repository.count_by_state()
            rows = await repository.list_newest(SHOWN) if jobs else []
            names = await AccountService(session).names({job.owner_id for job in rows})
        shown = [Entry(self, job, names.get(job.owner_id, "")).to_dict() for job in rows]
        return {"name": self.name, "workers": workers, **counts, "jobs": shown}

    async def job(self, key: str) -> "Entry | None":
        """Return a job by its id."""
        try:
            job_id = UUID(key)
        except ValueError:
            return None
        async with self._sessions() as session:
            job = await JobRepository(session).find(job_id)
            if job is None:
                return None
            names = await AccountService(session).names({job.owner_id})
        return Entry(self, job, names.get(job.owner_id, ""))

    async def cancel(self, job: Job) -> None:
        """Cancel a job on an administrator's wish.

        Raises:
            JobNotFoundError: it was deleted meanwhile.
            JobFinishedError: it has completed or failed.
        """
        async with self._sessions() as session:
            _, events = await self._service(session).cancel(job.owner_id, job.id)
            await session.commit()
        _log.info("cancelled by an administrator", job=str(job.id))
        await self._dispatcher.announce(events)

    async def retry(self, job: Job) -> None:
        """Let a job begin again on an administrator's wish.

        Raises:
            JobNotFoundError: it was deleted meanwhile.
            NothingToRetryError: it is not finished, or completed.
            TooManyJobsError: its owner has too many that are not finished.
            QuotaExceededError: its owner has no room for results.
        """
        async with self._sessions() as session:
            _, events = await self._service(session).retry(job.owner_id, job.id)
            await session.commit()
        _log.info("retried by an administrator", job=str(job.id))
        await self._dispatcher.dispatch(job.id, events)

    def _service(self, session: AsyncSession) -> JobService:
        return JobService(session, ShootoutService(session, rendering_limits(self._limits)), self._limits)


class Entry(NamedTuple):
    """A job, in the form of the queue's entry that the pages read."""

    board: DashboardQueue
    job: Job
    owner: str

    def to_dict(self) -> dict[str, Any]:
        """Return what the pages show."""
        shown = JobRead.of(self.job)
        return {
            "queue": "",  # the pages make of it a link that leads nowhere
            "key": str(self.job.id),
            "function": self.job.title,
            "owner": self.owner,
            "status": f"{self.job.status} ({self.job.phase})" if self.job.phase else self.job.status,
            "queued": _ms(self.job.queued_at or self.job.created_at),
            "started": _ms(self.job.started_at),
            "completed": _ms(self.job.finished_at),
            "progress": shown.progress.percent / 100.0,
            "attempts": self.job.attempt,
            "can_retry": self.job.status in sources(JobStatus.PENDING),
            "can_abort": self.job.status in WAITING or self.job.status == JobStatus.RUNNING,
            "error": None if shown.error is None else f"{shown.error.code}: {shown.error.detail}",
        }

    async def abort(self, _reason: str) -> None:
        """Cancel the job."""
        await self.board.cancel(self.job)

    async def retry(self, _reason: str) -> None:
        """Let the job begin again."""
        await self.board.retry(self.job)


def _ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)
