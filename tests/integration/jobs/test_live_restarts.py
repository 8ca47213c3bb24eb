"""Servers that are killed while somebody watches: the watcher notices a pause."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, replace

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import async_sessionmaker
from websockets.exceptions import ConnectionClosed

from tests.integration.conftest import Person
from tests.support.job_logs import Written, written_job
from tests.support.live import serving, web_process
from tests.support.live_clients import rest, streaming, watching
from tests.support.sessions import Sessions
from tone_shootout import migrations
from tone_shootout.accounts.services import AccountService
from tone_shootout.embedded.servers import Servers
from tone_shootout.jobs.scheduling.queue import prepare_queue
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.db.session import database_config
from tone_shootout.kit.redis import connect_broker
from tone_shootout.kit.settings import DatabaseSettings, RedisSettings, Settings

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class House:
    """A service on servers of its own, which may be killed; whatever dies is started again."""

    servers: Servers
    settings: Settings
    sessions: Sessions
    redis: Redis
    person: Person

    async def job(self) -> Written:
        return await written_job(self.sessions, Publisher(self.redis), self.person.id)

    def kill(self, *names: str) -> None:
        for name, pid in self.servers.processes().items():
            if name.startswith(names):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
async def house(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[House, None]:
    with Servers(tmp_path_factory.mktemp("killed")) as servers:
        url = servers.create_database("killed")
        own = replace(settings, database=DatabaseSettings(url=url), redis=RedisSettings(url=servers.redis_url))
        await asyncio.to_thread(migrations.upgrade, url)
        await prepare_queue(own)
        engine = database_config(own).get_engine()
        sessions = async_sessionmaker(engine, expire_on_commit=False)
        async with sessions.begin() as session:
            accounts = AccountService(session)
            user = await accounts.create_user("ada", role="user")
            token = (await accounts.issue_token(user, name="tests", scope="write")).secret
        redis = connect_broker(own)
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
            yield House(servers, own, sessions, redis, Person(user.id, "ada", token, client))
        await redis.aclose()
        await engine.dispose()


@pytest.fixture(scope="module")
def url(house: House) -> Generator[str, None, None]:
    with serving(house.settings) as address:
        yield address


async def _write(job: Written) -> None:
    """Add a line, as soon as the database takes it."""
    while True:
        try:
            await job.write()
        except (DBAPIError, OSError):
            await asyncio.sleep(0.1)
        else:
            return


@pytest.mark.parametrize(
    "killed",
    [
        pytest.param(["Valkey"], id="Valkey", marks=pytest.mark.thorough),
        pytest.param(["PostgreSQL"], id="PostgreSQL", marks=pytest.mark.thorough),
        pytest.param(["Valkey", "PostgreSQL"], id="both"),
    ],
)
async def test_watchers_bear_the_death_of_a_server(house: House, url: str, killed: list[str]) -> None:
    job = await house.job()
    async with (
        watching(url, house.person, job.id) as socket,
        streaming(url, house.person, job.id) as stream,
    ):
        await socket.recv()
        await anext(stream)
        await job.write()
        assert json.loads(await socket.recv())["seq"] == (await anext(stream))["seq"] == 2
        house.kill(*killed)
        for _ in range(5):
            await _write(job)
        expected = list(range(3, job.last + 1))
        assert [json.loads(await socket.recv())["seq"] for _ in expected] == expected
        assert [(await anext(stream))["seq"] for _ in expected] == expected
        await _write(job)  # and from now on without delay again
        await job.move(JobStatus.CANCELLED)
        end = [job.last - 2, job.last - 1, job.last]
        assert [event["seq"] for event in await rest(socket)] == end
        assert [event["seq"] async for event in stream] == end


async def test_a_web_process_that_stops_sends_its_watchers_to_the_next(house: House) -> None:
    job = await house.job()
    received: dict[str, list[int]] = {"socket": [], "stream": []}
    with web_process(house.settings) as web:
        async with (
            watching(web.url, house.person, job.id) as socket,
            streaming(web.url, house.person, job.id) as stream,
        ):
            await socket.recv()
            await anext(stream)
            await job.write(3)
            for _ in range(3):
                received["socket"].append(json.loads(await socket.recv())["seq"])
                received["stream"].append((await anext(stream))["seq"])
            web.process.terminate()
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 1012
            assert [event async for event in stream] == []
        await asyncio.to_thread(web.process.wait, 30)
    assert not [line for line in web.log if "[error" in line or "Traceback" in line]
    await job.write(2)
    with web_process(house.settings) as web:
        async with (
            watching(web.url, house.person, job.id, f"?after={received['socket'][-1]}") as socket,
            streaming(web.url, house.person, job.id, **{"Last-Event-ID": str(received["stream"][-1])}) as stream,
        ):
            await job.move(JobStatus.CANCELLED)
            received["socket"] += [event["seq"] for event in (await rest(socket))[1:]]
            received["stream"] += [event["seq"] async for event in stream][1:]
    assert received["socket"] == received["stream"] == list(range(2, job.last + 1))
