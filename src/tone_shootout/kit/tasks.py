"""Tasks of the worker: typed access to services, a heartbeat, schedules.

A task is a thin function `async def name(context: Context) -> int`. It opens no connection of its own: it takes a
service from the context, and the service opens its units of work. It must be safe to run twice, and twice at once.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, cast

import structlog
from saq import CronJob, Job
from saq.types import Context

__all__ = ["Context", "Task", "heartbeat", "schedule", "service", "task_context"]

Task = Callable[[Context], Awaitable[int]]
"""A scheduled task. Returns the number of rows or objects that it deleted."""

SERVICES: Final = "services"
"""Key of the context that holds the services by type."""
TIMEOUT_S: Final = 3600
RETRIES: Final = 3
HEARTBEAT_S: Final = 60
"""A scheduled task that sent no heartbeat for this long runs again on another worker."""
RESULT_TTL_S: Final = 60
SCHEDULED_PREFIX: Final = "cron:"
"""Prefix of the keys that SAQ gives the entries of scheduled tasks."""

T = TypeVar("T")
_log = structlog.get_logger(__name__)


def task_context(*services: object) -> Context:
    """Return a context that holds `services`, each under its own type."""
    return cast("Context", {SERVICES: {type(service): service for service in services}})


def service(context: Context, kind: type[T]) -> T:
    """Return the service of a type.

    Raises:
        LookupError: the context holds none; the composition root has to add it.
    """
    services: Mapping[type, object] = cast("Mapping[str, Any]", context).get(SERVICES, {})
    found = services.get(kind)
    if not isinstance(found, kind):
        raise LookupError(f"no {kind.__name__} in the context of the task: add it in composition.py")
    return found


@asynccontextmanager
async def heartbeat(context: Context) -> AsyncGenerator[None, None]:
    """Send the queue a heartbeat of the running task for the duration of the context; outside a worker, do nothing."""
    job = context.get("job")
    if job is None:
        yield
        return
    sender = asyncio.create_task(_send_heartbeats(job))
    try:
        yield
    finally:
        sender.cancel()
        await asyncio.wait({sender})


async def _send_heartbeats(job: Job) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_S / 4)
        try:
            await job.update()
        except Exception:  # noqa: BLE001 - a later heartbeat may arrive in time
            _log.warning("queue_heartbeat_failed", task=job.function, exc_info=True)


def schedule(task: Task, cron: str) -> CronJob[Any]:
    """Return the schedule of a task: one run for the whole installation, whatever the number of workers.

    Args:
        task: the function; its name is the name of the task.
        cron: minute, hour, day, month and weekday in UTC, as crontab(5) takes them.
    """
    return CronJob(
        task, cron=cron, timeout=TIMEOUT_S, retries=RETRIES, heartbeat=HEARTBEAT_S, ttl=RESULT_TTL_S, unique=True
    )
