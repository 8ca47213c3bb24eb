"""A queue that a worker takes nothing from while its gate is closed."""

from collections.abc import Awaitable, Callable

from saq import Job, Queue
from saq.queue.redis import RedisQueue


class GatedQueue(Queue):
    """Mixin for SAQ's queues.

    Attributes:
        gate: awaited before an entry is taken; None: entries are taken at once. SAQ's workers offer no hook before they
            take an entry, and an entry that was taken counts as an attempt.
    """

    gate: Callable[[], Awaitable[None]] | None = None

    async def dequeue(self, timeout: float = 0.0, poll_interval: float = 0.0) -> Job | None:  # noqa: ASYNC109 - SAQ's
        """Wait for the gate, then take an entry."""
        if self.gate is not None:
            await self.gate()
        return await super().dequeue(timeout, poll_interval)  # type: ignore[safe-super]  # a mixin


class GatedRedisQueue(GatedQueue, RedisQueue):
    """SAQ's queue on Redis, with a gate."""
