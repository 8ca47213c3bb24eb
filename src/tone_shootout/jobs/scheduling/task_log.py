"""The last run of each scheduled task, for the dashboard.

The entry of a scheduled task is soon replaced by that of its next run.
"""

from collections.abc import Awaitable
from typing import Final, cast

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from saq import Job

from tone_shootout.kit.tasks import SCHEDULED_PREFIX, Context

_KEY: Final = "scheduled-tasks"
_log = structlog.get_logger(__name__)


class TaskRun(msgspec.Struct, frozen=True):
    """A run of a scheduled task; times in milliseconds since 1970."""

    status: str
    started: int
    completed: int


class TaskLog:
    """Keeps the last run of each scheduled task in the broker."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def record(self, context: Context) -> None:
        """Store how the task of the context ended, if it is a scheduled one. SAQ calls this after each task."""
        job: Job = context["job"]
        if not job.key.startswith(SCHEDULED_PREFIX):
            return
        run = TaskRun(job.status.value, job.started, job.completed)
        try:
            await cast("Awaitable[int]", self._redis.hset(_KEY, job.function, msgspec.json.encode(run).decode()))
        except (RedisError, OSError):
            _log.warning("task_run_not_recorded", task=job.function, exc_info=True)

    async def last_runs(self) -> dict[str, TaskRun]:
        """Return the last run of each task, by the task's name; none while the broker is unavailable."""
        try:
            found = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(_KEY))
        except (RedisError, OSError):
            return {}
        return {name.decode(): msgspec.json.decode(run, type=TaskRun) for name, run in found.items()}
