"""The queue between the service and its workers: SAQ on PostgreSQL or Redis."""

import select
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from saq import Queue

from tone_shootout.jobs.scheduling.gated_queue import GatedQueue, GatedRedisQueue
from tone_shootout.kit.db.session import connect_psycopg, is_pooled
from tone_shootout.kit.redis import connect_queue
from tone_shootout.kit.settings import PostgresAddress, Settings, check_queue_url, parse_postgres

SCHEMA = "saq"
RUN_JOB = "run_job"
POLL_S = 1.0
"""Polling interval of a queue without notifications, in seconds."""


def build_queue(settings: Settings, *, connections: int = 4) -> GatedQueue:
    """Return the queue of the settings, not yet connected.

    Raises:
        SettingsError: the URL is neither PostgreSQL's nor Redis's.
    """
    name = settings.queue.name
    if not _is_postgres(settings):
        return GatedRedisQueue(connect_queue(settings), name=name)

    from psycopg_pool import AsyncConnectionPool

    from tone_shootout.jobs.scheduling.postgres_queue import SharedPostgresQueue

    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        "",
        check=_check_if_readable,
        configure=None if _pooled(settings) else _commit_later,
        open=False,
        kwargs=_arguments(settings),
        min_size=1,
        max_size=connections,
    )
    return SharedPostgresQueue(
        pool=pool, schema=SCHEMA, name=name, min_size=1, max_size=connections, manage_pool_lifecycle=True
    )


async def _check_if_readable(connection: "psycopg.AsyncConnection[Any]") -> None:
    """Send a statement if the server has said something on an idle connection, which is usually that it ends.

    Raises:
        psycopg.OperationalError: the connection has ended.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        await connection.execute("")


async def _commit_later(connection: "psycopg.AsyncConnection[Any]") -> None:
    """Let the server write the queue's commits to the disk when it writes others.

    After a crash of the server, the newest entries may be missing. The sweep enqueues their jobs again: an entry only
    wakes a worker.
    """
    await connection.execute("SET synchronous_commit = off")


def poll_interval_s(settings: Settings) -> float:
    """Return a worker's polling interval in seconds, 0 if the queue sends notifications."""
    return POLL_S if _is_postgres(settings) and _pooled(settings) else 0.0


async def prepare_queue(settings: Settings) -> None:
    """Create the queue's tables in their own schema. Called by the migrations."""
    if not _is_postgres(settings):
        return
    async with await psycopg.AsyncConnection.connect(**_arguments(settings)) as connection:
        await connection.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(SCHEMA)))
    queue = build_queue(settings)
    await queue.connect()
    await queue.disconnect()


async def check_queue(queue: Queue) -> None:
    """Check the queue by connecting and counting its entries; raise what fails."""
    await queue.connect()
    await queue.count("queued")


def _is_postgres(settings: Settings) -> bool:
    return not settings.queue.url or check_queue_url(settings.queue.url) == "postgres"


def _address(settings: Settings) -> PostgresAddress:
    if settings.queue.url:
        return parse_postgres(settings.queue.url, "SHOOTOUT_QUEUE_URL")
    return parse_postgres(settings.database.url)


def _pooled(settings: Settings) -> bool:
    """Return whether the queue is behind a pooler in transaction mode. A separate URL is not, unless it says so."""
    return _address(settings).pooled if settings.queue.url else is_pooled(settings)


def _arguments(settings: Settings) -> dict[str, Any]:
    return connect_psycopg(_address(settings), pooled=_pooled(settings))
