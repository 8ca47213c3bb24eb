"""SAQ's queues with a gate in front of their entries, and with fewer enqueues of scheduled tasks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from saq import Job, Queue
from saq.queue.redis import RedisQueue
from saq.types import WorkerInfo

from tone_shootout.kit.tasks import SCHEDULED_PREFIX

RECHECK_S: Final = 30.0
"""Seconds after which the next run of a scheduled task is enqueued again, in case the queue has lost its entry."""
CANCEL_AGAIN_S: Final = 0.1
"""Seconds after which a wait that has missed its cancellation is cancelled again."""


class GatedQueue(Queue):
    """Mixin for SAQ's queues.

    Attributes:
        gate: awaited before an entry is taken; None: entries are taken at once. SAQ's workers offer no hook before they
            take an entry, and an entry that was taken counts as an attempt.
        about: what a worker registers about itself, beside SAQ's own figures.
    """

    gate: Callable[[], Awaitable[None]] | None = None
    about: Mapping[str, str] = MappingProxyType({})

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._scheduled: dict[str, tuple[int, float]] = {}
        """Next run of each scheduled task, and when it was enqueued, in seconds of the monotonic clock."""

    async def dequeue(self, timeout: float = 0.0, poll_interval: float = 0.0) -> Job | None:  # noqa: ASYNC109 - SAQ's
        """Wait for the gate, then take an entry; None: the wait was cancelled.

        SAQ's own wait can miss a cancellation that comes together with a notification, because `asyncio.wait_for` does
        so before Python 3.12. A worker that stops would then wait for ever.
        """
        if self.gate is not None:
            await self.gate()
        taking = asyncio.ensure_future(super().dequeue(timeout, poll_interval))  # type: ignore[safe-super]  # a mixin
        try:
            await asyncio.wait({taking})
        except asyncio.CancelledError:
            while not taking.done():
                taking.cancel()
                await asyncio.wait({taking}, timeout=CANCEL_AGAIN_S)
        return taking.result()

    async def worker_info(
        self, worker_id: str, queue_key: str, metadata: dict[str, Any] | None = None, ttl: int = 60
    ) -> WorkerInfo:
        """Register a worker, with what it tells about itself."""
        return await super().worker_info(worker_id, queue_key, {**(metadata or {}), **self.about}, ttl)

    async def enqueue(self, job_or_func: str | Job, **kwargs: Any) -> Job | None:
        """Enqueue an entry; for a run of a scheduled task that was just enqueued, do nothing.

        SAQ's workers enqueue the next run of every scheduled task each second.
        """
        key, due = kwargs.get("key"), kwargs.get("scheduled")
        if not isinstance(key, str) or not isinstance(due, int) or not key.startswith(SCHEDULED_PREFIX):
            return await super().enqueue(job_or_func, **kwargs)
        now = time.monotonic()
        enqueued, enqueued_at = self._scheduled.get(key, (0, 0.0))
        if due == enqueued and now - enqueued_at < RECHECK_S:
            return None
        job = await super().enqueue(job_or_func, **kwargs)
        self._scheduled[key] = due, now
        return job


class GatedRedisQueue(GatedQueue, RedisQueue):
    """SAQ's queue on Redis, with a gate."""
