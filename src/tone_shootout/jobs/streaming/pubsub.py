"""Publish and subscribe to job events over Valkey or Redis.

Messages are a shortcut, not the truth: the event log is. A message that is lost delays an event until the next poll
(`event_hub`).
"""

import asyncio
from collections.abc import AsyncGenerator, Collection
from typing import cast

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tone_shootout.jobs.dtos import Event
from tone_shootout.jobs.models import JobEvent

PREFIX = "shootout:job:"
PUBLISH_TIMEOUT_S = 2.0
RECONNECT_DELAY_S = 0.25

HEARTBEAT_S = 10.0
"""Seconds without a message before a ping, and the timeout of its answer. Network equipment may drop a connection
without notice; without the ping, the subscription would be silent for ever."""

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class Publisher:
    """Publishes committed events. An unavailable broker delays them and loses none."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def publish(self, events: Collection[JobEvent]) -> None:
        """Publish committed events in their order. Failures are logged, not raised."""
        if not events:
            return
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S), self._redis.pipeline(transaction=False) as pipeline:
                for event in events:
                    pipeline.publish(f"{PREFIX}{event.job_id}", _encode(Event.of(event)))
                await pipeline.execute()
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            _log.warning("publish_failed", job_ids=sorted({str(event.job_id) for event in events}), error=str(error))


async def subscribe_to_events(redis: Redis, *, heartbeat_s: float = HEARTBEAT_S) -> AsyncGenerator[bytes | None, None]:
    """Yield the published events of all jobs, without end; None whenever messages may have been lost before.

    A process has one subscription for all jobs instead of one per job: nothing is subscribed while events arrive, and
    all jobs together have few events (`runner.WRITE_S`).

    Args:
        redis: a client of the broker.
        heartbeat_s: seconds without a message before a ping, and the timeout of its answer.
    """
    while True:
        try:
            async with redis.pubsub() as subscription:
                await subscription.psubscribe(f"{PREFIX}*")
                pinged = False
                while True:
                    message = await subscription.get_message(timeout=heartbeat_s)
                    if message is None and pinged:
                        raise TimeoutError("ping not answered")
                    pinged = message is None
                    if message is None:
                        await subscription.ping()
                    elif message["type"] == "pmessage":
                        yield cast("bytes", message["data"])
                    elif message["type"] == "psubscribe":  # initially, and after each reconnect
                        yield None
        except (RedisError, OSError) as error:
            _log.warning("redis_unavailable", error=str(error))
            await asyncio.sleep(RECONNECT_DELAY_S)
