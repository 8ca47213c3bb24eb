"""The live channel: what is added to a log is told at once to every process that has somebody watching.

The broker only carries copies of what the database holds, and may lose them: who listens is told when that may have
happened, and reads the log.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import AbstractAsyncContextManager

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.jobs.dtos import Event
from tone_shootout.jobs.models import JobEvent

PREFIX = "shootout:job:"
PUBLISH_S = 2.0
"""Longest that a writer waits for a broker that does not answer."""
RECONNECT_S = 0.25
"""Pause between two tries to reach a broker that is away."""

SILENCE_S = 10.0
"""Silence after which the broker is asked if it is still there, and as long as it gets to answer. What lies between may
forget a connection without a word: nothing would ever be heard again."""

SessionMaker = Callable[[], AbstractAsyncContextManager[AsyncSession]]

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class Publisher:
    """Sends copies of new events to those who watch. A broker that is away delays them; it loses nothing."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def publish(self, events: Collection[JobEvent]) -> None:
        """Send events that have been committed, in their order."""
        if not events:
            return
        try:
            async with asyncio.timeout(PUBLISH_S), self._redis.pipeline(transaction=False) as pipeline:
                for event in events:
                    pipeline.publish(f"{PREFIX}{event.job_id}", _encode(Event.of(event)))
                await pipeline.execute()
        except (RedisError, OSError) as error:  # a timeout is an OSError, too
            _log.warning("not published", jobs=sorted({str(event.job_id) for event in events}), error=str(error))


async def listen(redis: Redis, *, silence_s: float = SILENCE_S) -> AsyncGenerator[bytes | None, None]:
    """Yield what is published about any job, for ever; None whenever something may have been missed before.

    One subscription of a process to all jobs, instead of one per job: nothing has to be subscribed anew while events
    come, and the events of all jobs are few (`runner.WRITE_S`).
    """
    while True:
        try:
            async with redis.pubsub() as subscription:
                await subscription.psubscribe(f"{PREFIX}*")
                asked = False
                while True:
                    message = await subscription.get_message(timeout=silence_s)
                    if message is None and asked:
                        raise TimeoutError("no answer")
                    asked = message is None
                    if message is None:
                        await subscription.ping()
                    elif message["type"] == "pmessage":
                        yield message["data"]
                    elif message["type"] == "psubscribe":  # now, or again after the connection was lost
                        yield None
        except (RedisError, OSError) as error:
            _log.warning("broker away", error=str(error))
            await asyncio.sleep(RECONNECT_S)
