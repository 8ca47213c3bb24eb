"""Behind a pooler, no state is left on a connection, which the next client gets."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from redis.asyncio import Redis
from saq import Queue
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker

from tests.integration.conftest import empty, somebody
from tests.integration.jobs.conftest import finish, submit
from tests.support.live import serving, working
from tests.support.pgbouncer import PGBOUNCER, pooling
from tone_shootout import migrations
from tone_shootout.embedded.servers import Servers
from tone_shootout.jobs.scheduling.queue import build_queue, poll_interval_s, prepare_queue
from tone_shootout.kit.db.session import create_engine, database_config
from tone_shootout.kit.settings import DatabaseSettings, QueueSettings, Settings

ADVISORY = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database"
ADVISORY += " WHERE datname = current_database())"


@dataclass(frozen=True)
class Pooled:
    """An installation of its own behind a pooler, and the way past it."""

    settings: Settings
    direct: str


@pytest.fixture
async def queues(settings: Settings) -> AsyncGenerator[list[Queue], None]:
    """Two workers' queues, as behind a pooler in transaction mode."""
    pooled = replace(settings, database=replace(settings.database, pooler="transaction"))
    assert poll_interval_s(pooled) > 0
    found: list[Queue] = [build_queue(pooled) for _ in range(2)]
    for queue in found:
        await queue.connect()
    yield found
    for queue in found:
        await queue.disconnect()


async def test_in_transaction_mode_no_statement_outlives_its_transaction(settings: Settings) -> None:
    pooled = replace(settings, database=replace(settings.database, pooler="transaction"))
    engine = database_config(pooled).get_engine()
    try:
        async with engine.connect() as connection:
            for _ in range(3):
                await connection.execute(text("SELECT CAST(:a AS jsonb), CAST(:b AS uuid[])"), {"a": "{}", "b": []})
                await connection.commit()
            assert await connection.scalar(text("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''")) == 0
            assert await connection.scalar(text("SHOW statement_timeout")) == "0"
    finally:
        await engine.dispose()


async def test_a_queue_is_swept_by_one_worker_and_locked_by_none_afterwards(
    queues: list[Queue], clean: None, settings: Settings
) -> None:
    await asyncio.gather(*(queue.sweep() for queue in queues))
    engine = create_engine(settings.database.url)
    try:
        async with engine.connect() as connection:
            # The keys that SAQ takes for its own, for as long as a connection. A worker of other tests may hold one
            # for the moment of its own sweep.
            async with asyncio.timeout(20):
                while await connection.scalar(text(f"{ADVISORY} AND classid = 0")):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
    finally:
        await engine.dispose()


async def test_what_one_process_enqueues_another_finds_without_being_told(queues: list[Queue], clean: None) -> None:
    ours, other = queues
    await ours.enqueue("anything", key="found")
    found = await asyncio.wait_for(other.dequeue(timeout=20, poll_interval=0.05), 30)
    assert found is not None
    assert found.key == ours.job_id("found")


async def test_a_queue_of_its_own_address_leads_past_the_pooler(settings: Settings) -> None:
    past = replace(
        settings,
        database=replace(settings.database, pooler="transaction"),
        queue=QueueSettings(url=settings.database.url),
    )
    assert poll_interval_s(past) == 0
    assert poll_interval_s(replace(past, queue=QueueSettings(url=f"{settings.database.url}&pgbouncer=true"))) > 0


if PGBOUNCER is not None:  # by apt; without it there is nothing to try

    @pytest.fixture(scope="module", params=["session", "transaction"])
    def pooled(
        request: pytest.FixtureRequest, servers: Servers, settings: Settings, tmp_path_factory: pytest.TempPathFactory
    ) -> Generator[Pooled, None, None]:
        mode = request.param
        direct = servers.create_database(f"pooled_{mode}")
        # Fewer connections than clients in transaction mode: they change hands all the time.
        with pooling(direct, tmp_path_factory.mktemp("pgbouncer"), mode, size=40 if mode == "session" else 5) as url:
            database = DatabaseSettings(url=url, pooler=mode)
            yield Pooled(replace(settings, database=database, data=tmp_path_factory.mktemp(mode)), direct)

    @pytest.mark.thorough
    async def test_behind_pgbouncer_everything_works(pooled: Pooled, redis: Redis) -> None:
        await asyncio.to_thread(migrations.upgrade, pooled.settings.database.url)
        await prepare_queue(pooled.settings)
        await redis.flushdb()
        engine = create_engine(pooled.direct)
        sessions = async_sessionmaker(engine, expire_on_commit=False)
        try:
            with serving(pooled.settings) as url, working(pooled.settings), working(pooled.settings):
                await empty(engine, redis)
                async for user in somebody(sessions, url, "ada", "user"):
                    jobs: list[dict[str, Any]] = [await submit(user.client) for _ in range(2)]
                    answers = await asyncio.gather(*(user.client.get("/api/v1/jobs") for _ in range(60)))
                    assert {answer.status_code for answer in answers} == {200}
                    for job in jobs:
                        await finish(url, user, job["id"])
                        assert (await user.client.get(job["links"]["self"])).json()["status"] == "completed"
                    assert (await user.client.get("/health/ready")).json()["status"] == "ok"
            async with engine.connect() as connection:
                assert await connection.scalar(text(ADVISORY)) == 0
        finally:
            await engine.dispose()
