"""Queues for the dashboard of SAQ: jobs and scheduled tasks.

The pages of SAQ show queues and their entries. The queue of the service contains only wake-ups, so the pages get the
jobs of the database instead, with actions that follow the rules of jobs, and the scheduled tasks as a second queue.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from saq import CronJob, Queue, Status
from saq import Job as SaqJob
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.services import AccountService
from tone_shootout.jobs.all_jobs import AllJobs
from tone_shootout.jobs.dtos import JobRead
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.scheduling.task_log import TaskLog, TaskRun
from tone_shootout.jobs.status import CANCELLABLE, RETRYABLE
from tone_shootout.kit.tasks import SCHEDULED_PREFIX

SHOWN = 200
"""Number of jobs on the page: unfinished ones first, then the newest."""

_log = structlog.get_logger(__name__)


class DashboardQueue:
    """The jobs of the database, with the interface of a queue.

    Args:
        queue: queue of the service, for its workers.
        sessions: creates database sessions.
        all_jobs: cancels and retries jobs of all users.
    """

    def __init__(
        self,
        queue: Queue,
        sessions: Callable[[], AbstractAsyncContextManager[AsyncSession]],
        all_jobs: AllJobs,
    ) -> None:
        self._queue = queue
        self._sessions = sessions
        self._all_jobs = all_jobs

    @property
    def name(self) -> str:
        """Name of the queue."""
        return self._queue.name

    async def connect(self) -> None:
        """Connect the queue of the service."""
        await self._queue.connect()

    async def info(self, jobs: bool = False) -> dict[str, Any]:
        """Return workers, counts and, if `jobs`, the newest jobs."""
        workers = (await self._queue.info())["workers"]
        async with self._sessions() as session:
            repository = JobRepository(session)
            counts = await repository.count_by_state()
            rows = await repository.list_newest(SHOWN) if jobs else []
            names = await AccountService(session).get_display_names({job.owner_id for job in rows})
        entries = [DashboardJob(self, job, names.get(job.owner_id, "")).to_dict() for job in rows]
        return {"name": self.name, "workers": workers, **counts, "jobs": entries}

    async def job(self, key: str) -> "DashboardJob | None":
        """Return a job by its id, None if there is none."""
        try:
            job_id = UUID(key)
        except ValueError:
            return None
        async with self._sessions() as session:
            job = await JobRepository(session).find(job_id)
            if job is None:
                return None
            names = await AccountService(session).get_display_names({job.owner_id})
        return DashboardJob(self, job, names.get(job.owner_id, ""))

    async def cancel(self, job: Job) -> None:
        """Cancel a job for an administrator.

        Raises:
            JobNotFoundError: the job was deleted meanwhile.
            JobFinishedError: the job has completed or failed.
        """
        await self._all_jobs.cancel(job.owner_id, job.id)
        _log.info("job_cancelled_by_administrator", job=str(job.id))

    async def retry(self, job: Job) -> None:
        """Retry a job for an administrator.

        Raises:
            JobNotFoundError: the job was deleted meanwhile.
            NothingToRetryError: the job is unfinished or has completed.
            TooManyJobsError: its owner has too many unfinished jobs.
            QuotaExceededError: the storage quota of its owner is exceeded.
        """
        await self._all_jobs.retry(job.owner_id, job.id)
        _log.info("job_retried_by_administrator", job=str(job.id))


class DashboardJob(NamedTuple):
    """A job of the database, with the interface of an entry in a queue."""

    queue: DashboardQueue
    job: Job
    owner: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that the pages show."""
        read = JobRead.of(self.job)
        return {
            "queue": "",  # the pages would link to a page of the queue, which does not exist
            "key": str(self.job.id),
            "function": self.job.title,
            "owner": self.owner,
            "status": f"{self.job.status} ({self.job.phase})" if self.job.phase else self.job.status,
            "queued": _ms(self.job.queued_at or self.job.created_at),
            "started": _ms(self.job.started_at),
            "completed": _ms(self.job.finished_at),
            "progress": read.progress.percent / 100.0,
            "attempts": self.job.attempt,
            "can_retry": self.job.status in RETRYABLE,
            "can_abort": self.job.status in CANCELLABLE,
            "error": None if read.error is None else f"{read.error.code}: {read.error.detail}",
        }

    async def abort(self, _reason: str) -> None:
        """Cancel the job."""
        await self.queue.cancel(self.job)

    async def retry(self, _reason: str) -> None:
        """Retry the job."""
        await self.queue.retry(self.job)


class ScheduleQueue:
    """The scheduled tasks, with the interface of a queue.

    Args:
        queue: queue of the service, with the next run of each task.
        schedules: schedules of all modules.
        task_log: last run of each task.
    """

    name = "scheduled-tasks"

    def __init__(self, queue: Queue, schedules: Sequence[CronJob[Any]], task_log: TaskLog) -> None:
        self._queue = queue
        self._schedules = schedules
        self._task_log = task_log

    async def connect(self) -> None:
        """Connect the queue of the service."""
        await self._queue.connect()

    async def info(self, jobs: bool = False) -> dict[str, Any]:
        """Return workers, counts and, if `jobs`, the tasks."""
        names = [schedule.function.__qualname__ for schedule in self._schedules]
        found = await self._queue.jobs(f"{SCHEDULED_PREFIX}{name}" for name in names)
        entries = dict(zip(names, found, strict=True))
        active = sum(entry is not None and entry.status is Status.ACTIVE for entry in found)
        scheduled = sum(entry is not None and entry.status in (Status.NEW, Status.QUEUED) for entry in found)
        rows: list[dict[str, Any]] = []
        if jobs:
            last_runs = await self._task_log.last_runs()
            rows = [self._row(schedule, entries, last_runs) for schedule in self._schedules]
        workers = (await self._queue.info())["workers"]
        return {
            "name": self.name,
            "workers": workers,
            "active": active,
            "queued": 0,
            "scheduled": scheduled,
            "jobs": rows,
        }

    async def job(self, _key: str) -> None:
        """Return None: scheduled tasks have no page and no actions."""
        return

    def _row(
        self, schedule: CronJob[Any], entries: Mapping[str, SaqJob | None], last_runs: Mapping[str, TaskRun]
    ) -> dict[str, Any]:
        name = schedule.function.__qualname__
        entry, last = entries[name], last_runs.get(name)
        is_active = entry is not None and entry.status is Status.ACTIVE
        return {
            "queue": "",
            "key": name,
            "function": (schedule.function.__doc__ or "").partition("\n")[0],
            "owner": schedule.cron,
            "queued": entry.scheduled * 1000 if entry is not None else None,
            "started": entry.started if entry is not None and is_active else last.started if last else None,
            "completed": None if is_active or last is None else last.completed,
            "status": "active" if is_active else f"last run: {last.status}" if last else "no run yet",
            "can_retry": False,
            "can_abort": False,
        }


def _ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)
