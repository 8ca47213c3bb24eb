"""The queue between the service and its workers: SAQ, on PostgreSQL or on Redis, as its address says."""

from typing import Any
from urllib.parse import quote

import psycopg
from saq import Queue

from tone_shootout.kit.database import plain_url
from tone_shootout.kit.settings import Settings, SettingsError

SCHEMA = "saq"
RUN_JOB = "run_job"


def build_queue(settings: Settings, *, connections: int = 4) -> Queue:
    """Return the queue that the settings name, not yet connected.

    Raises:
        SettingsError: its address is neither PostgreSQL's nor Redis's.
    """
    url, name = settings.queue_url, settings.queue.name
    if url.startswith("postgresql"):
        from psycopg_pool import AsyncConnectionPool
        from saq.queue.postgres import PostgresQueue

        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            _in_schema(url),
            check=AsyncConnectionPool.check_connection,
            open=False,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=connections,
        )
        return PostgresQueue(pool=pool, name=name, min_size=1, max_size=connections, manage_pool_lifecycle=True)
    if url.startswith(("redis://", "rediss://", "unix://")):
        from redis.asyncio import Redis
        from saq.queue.redis import RedisQueue

        return RedisQueue(Redis.from_url(url), name=name)
    raise SettingsError("SHOOTOUT_QUEUE_URL: expected postgresql://…, redis://… or unix://…")


async def prepare_queue(settings: Settings) -> None:
    """Create the queue's own tables, in a schema of their own. Part of the migrations."""
    if not settings.queue_url.startswith("postgresql"):
        return
    async with await psycopg.AsyncConnection.connect(plain_url(settings.queue_url), autocommit=True) as connection:
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    queue = build_queue(settings)
    await queue.connect()
    await queue.disconnect()


async def check_queue(queue: Queue) -> None:
    """Ask the queue for something, and for its tables where it has some; raise what goes wrong."""
    await queue.connect()
    await queue.count("queued")


def _in_schema(url: str) -> str:
    plain = plain_url(url)
    return f"{plain}{'&' if '?' in plain else '?'}options={quote(f'-c search_path={SCHEMA}')}"
