"""Clients of Valkey or Redis."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tone_shootout.kit.settings import Settings, broker_url

CONNECT_S = 2.0
"""Timeout of a connection."""


def connect_broker(settings: Settings) -> Redis:
    """Return a client for live events, tickets and rate limits, not yet connected.

    A command on a dropped connection is retried once, on a new one. The default retry policy of redis-py would block
    for seconds instead, in callers that can do without Redis.
    """
    return Redis.from_url(broker_url(settings.redis.url), retry=Retry(NoBackoff(), 1), socket_connect_timeout=CONNECT_S)


def connect_queue(settings: Settings) -> Redis:
    """Return a client for the queue, not yet connected."""
    return Redis.from_url(broker_url(settings.queue.url, "SHOOTOUT_QUEUE_URL"))
