"""The broker: Valkey or Redis."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tone_shootout.kit.settings import Settings, broker_url

CONNECT_S = 2.0
"""Longest wait for a connection."""


def connect_broker(settings: Settings) -> Redis:
    """Return a client of the broker, not yet connected.

    A command on a connection that a restart has cut is tried again once, on a new one. The client's own policy would
    wait for seconds instead, inside whatever has no need of the broker.
    """
    return Redis.from_url(broker_url(settings.redis.url), retry=Retry(NoBackoff(), 1), socket_connect_timeout=CONNECT_S)


def connect_queue(settings: Settings) -> Redis:
    """Return a client of the queue's own broker, not yet connected."""
    return Redis.from_url(broker_url(settings.queue.url, "SHOOTOUT_QUEUE_URL"))
