"""SAQ's queue on PostgreSQL, as workers wait for it."""

import asyncio

from saq.queue.postgres import ENQUEUE

from tests.support.uploads import eventually
from tone_shootout.jobs.scheduling.postgres_queue import SharedPostgresQueue
from tone_shootout.jobs.scheduling.queue import build_queue
from tone_shootout.kit.settings import Settings


async def test_a_wait_ends_when_it_is_cancelled_together_with_a_notification(settings: Settings, clean: None) -> None:
    queue = build_queue(settings)
    assert isinstance(queue, SharedPostgresQueue)
    await queue.connect()
    try:
        waiting = asyncio.create_task(queue.dequeue())
        await eventually(lambda: queue._listener._queues)
        await asyncio.sleep(0)
        queue._listener.publish(ENQUEUE, ENQUEUE)
        waiting.cancel()
        _, pending = await asyncio.wait({waiting}, timeout=20)
        assert not pending
    finally:
        waiting.cancel()
        await queue.disconnect()
