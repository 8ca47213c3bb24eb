"""The live channel over the wire: a WebSocket and server-sent events, for many at once and for those who misbehave."""

import asyncio
import json
import resource
from collections.abc import Generator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from urllib.parse import quote
from uuid import uuid4

import httpx
import psutil
import pytest
from redis.asyncio import Redis
from sqlalchemy import delete
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.integration.conftest import Person
from tests.support.job_logs import Written, written_job, written_jobs
from tests.support.live import WebProcess, serving, web_process
from tests.support.live_clients import DeafReader, address, rest, streaming, watching
from tests.support.processes import eventually
from tests.support.sessions import Sessions
from tone_shootout.accounts.services import AccountService
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.http.web_server import allow_many_connections
from tone_shootout.kit.settings import DatabaseSettings, LiveSettings, RedisSettings, Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def web(settings: Settings) -> Generator[WebProcess, None, None]:
    """A web process whose memory is its own, and a limit on open files that leaves room for its clients here."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    allow_many_connections()
    with web_process(settings) as running:
        yield running
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
async def job(session_maker: Sessions, redis: Redis, user: Person) -> Written:
    return await written_job(session_maker, Publisher(redis), user.id)


@pytest.mark.thorough
async def test_five_hundred_watchers_of_one_job_each_get_every_event(
    web: WebProcess, user: Person, job: Written
) -> None:
    async with AsyncExitStack() as stack:
        connections = await asyncio.gather(
            *(stack.enter_async_context(watching(web.url, user, job.id)) for _ in range(500))
        )
        for connection in connections:
            assert json.loads(await connection.recv())["type"] == "snapshot"
        reading = [asyncio.create_task(rest(connection)) for connection in connections]
        for _ in range(5):
            await job.write(2, kind="status")
        await job.move(JobStatus.CANCELLED)
        logs = await asyncio.gather(*reading)
    for log in logs:
        assert [event["seq"] for event in log] == list(range(2, job.last + 1))
        assert log[-1]["type"] == "done"


@pytest.mark.thorough
async def test_two_hundred_jobs_watched_at_once_are_not_mixed_up(
    web: WebProcess, user: Person, session_maker: Sessions, redis: Redis
) -> None:
    jobs = await written_jobs(session_maker, Publisher(redis), user.id, 200)
    async with AsyncExitStack() as stack:
        connections = await asyncio.gather(
            *(stack.enter_async_context(watching(web.url, user, job.id, "?after=0")) for job in jobs)
        )
        reading = [asyncio.create_task(rest(connection)) for connection in connections]
        for job in jobs:
            await job.write()
            await job.move(JobStatus.CANCELLED)
        logs = await asyncio.gather(*reading)
    for job, log in zip(jobs, logs, strict=True):
        assert {event["job_id"] for event in log} == {str(job.id)}
        assert [event["seq"] for event in log] == [log[0]["seq"], *range(1, 5)]
        assert [event["type"] for event in log] == ["snapshot", "status", "progress", "status", "done"]


@pytest.mark.thorough
async def test_readers_who_never_read_cost_little_memory(web: WebProcess, user: Person, job: Written) -> None:
    paths = (f"/api/v1/jobs/{job.id}/ws", True), (f"/api/v1/jobs/{job.id}/events", False)
    readers = [DeafReader(web.url, user, path, upgrade=upgrade) for path, upgrade in paths for _ in range(25)]
    try:
        async with watching(web.url, user, job.id) as connection:
            await connection.recv()
            process = psutil.Process(web.process.pid)
            before = process.memory_info().rss
            reading = asyncio.create_task(rest(connection))  # who does read gets all of it meanwhile
            written = 0
            for _ in range(60):
                rows = await job.write(50, text="x" * 4000)
                written += sum(len(row.data["text"]) for row in rows)
            await job.move(JobStatus.CANCELLED)
            received = await reading
            grown = process.memory_info().rss - before
    finally:
        for reader in readers:
            reader.close()
    assert [event["seq"] for event in received] == list(range(2, job.last + 1))
    # What each of them did not read is 12 MB, half of which the system's own buffers may hold. A queue for each would
    # hold some 300 MB here; a page of the log and a full buffer for each are 50 x 0.5 MB.
    assert written == 12_000_000
    assert grown < 100_000_000


async def test_clients_who_hang_up_are_no_error(web: WebProcess, user: Person, job: Written) -> None:
    stated = len(web.log)
    for _ in range(10):
        async with watching(web.url, user, job.id) as socket, streaming(web.url, user, job.id) as stream:
            await socket.recv()
            await anext(stream)
            await stream.aclose()
            socket.transport.abort()
    async with watching(web.url, user, job.id) as socket:  # later than whatever the others have left behind
        await job.move(JobStatus.CANCELLED)
        await rest(socket)
    assert not [line for line in web.log[stated:] if "[error" in line or "Traceback" in line]


async def test_a_silent_stream_shows_that_it_lives(
    settings: Settings, user: Person, session_maker: Sessions, redis: Redis
) -> None:
    job = await written_job(session_maker, Publisher(redis), user.id)
    with serving(replace(settings, live=LiveSettings(heartbeat_s=0.2))) as url:
        headers = {"Authorization": f"Bearer {user.token}"}
        async with (
            httpx.AsyncClient(base_url=url, timeout=60, headers=headers) as client,
            client.stream("GET", f"/api/v1/jobs/{job.id}/events") as answer,
        ):
            comments = 0
            async for line in answer.aiter_lines():
                comments += line.startswith(":")
                if comments == 3:
                    break
        async with connect(address(url, job.id), additional_headers=headers, ping_interval=None) as socket:
            await socket.recv()
            with pytest.raises(TimeoutError):  # it answers pings by itself, and so stays open through five of them
                async with asyncio.timeout(1):
                    await socket.recv()
            await job.write()
            assert json.loads(await socket.recv())["seq"] == 2


@pytest.mark.parametrize("way", ["websocket", "sse"])
async def test_who_does_not_read_any_more_is_cut(
    settings: Settings, user: Person, session_maker: Sessions, redis: Redis, way: str
) -> None:
    job = await written_job(session_maker, Publisher(redis), user.id)
    with serving(replace(settings, live=LiveSettings(heartbeat_s=0.2))) as url:
        socket = way == "websocket"
        reader = DeafReader(url, user, f"/api/v1/jobs/{job.id}/{'ws' if socket else 'events'}", upgrade=socket)
        try:
            await asyncio.to_thread(eventually, lambda: reader.port in _peers())
            await job.write(2000, text="x" * 4000)
            await asyncio.to_thread(eventually, lambda: reader.port not in _peers())
        finally:
            reader.close()


def _peers() -> set[int]:
    """Ports of those whom this process is connected to as the service."""
    connections = psutil.Process().net_connections("tcp4")
    return {found.raddr[1] for found in connections if found.status == psutil.CONN_ESTABLISHED}


async def test_a_client_that_talks_is_not_listened_to(base_url: str, user: Person, job: Written) -> None:
    async with watching(base_url, user, job.id) as connection:
        await connection.recv()
        await connection.send("hello")
        await connection.send(b"\x00")
        await job.write()
        assert json.loads(await connection.recv())["seq"] == 2
        await connection.send("x" * 100_000)
        with pytest.raises(ConnectionClosed):
            await connection.recv()
        assert connection.close_code == 1009


async def test_one_user_gets_so_many_streams_of_either_kind_and_another_of_them_when_one_is_closed(
    settings: Settings, user: Person, other_user: Person, session_maker: Sessions, redis: Redis
) -> None:
    mine, theirs = [await written_job(session_maker, Publisher(redis), owner.id) for owner in (user, other_user)]
    with serving(replace(settings, limits=replace(settings.limits, streams=2))) as url:

        async def refused() -> bool:
            answer = await user.client.get(f"{url}/api/v1/jobs/{mine.id}/events")
            async with watching(url, user, mine.id) as socket:
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
            return (answer.status_code, answer.json()["code"], socket.close_code) == (429, "too_many_streams", 4429)

        async with streaming(url, user, mine.id) as stream:
            await anext(stream)
            async with watching(url, user, mine.id) as socket, watching(url, other_user, theirs.id) as other:
                await socket.recv()
                await other.recv()
                assert await refused()
            async with asyncio.timeout(30):
                while True:
                    async with watching(url, user, mine.id) as socket:
                        with suppress(ConnectionClosed):
                            await socket.recv()
                            break


@pytest.mark.parametrize("query", ["?after=x", "?after=-1", "?ticket=" + "x" * 200], ids=lambda query: query[:9])
async def test_a_malformed_address_is_refused_with_a_code_that_says_so(
    base_url: str, user: Person, job: Written, query: str
) -> None:
    async with watching(base_url, user, job.id, query) as connection:
        with pytest.raises(ConnectionClosed):
            await connection.recv()
    assert connection.close_code == 4400


async def test_an_unknown_parameter_is_refused_and_named(base_url: str, user: Person, job: Written) -> None:
    for name in ("aftr", "é" * 40):
        async with watching(base_url, user, job.id, f"?{quote(name)}=1") as connection:
            with pytest.raises(ConnectionClosed):
                await connection.recv()
        assert connection.close_code == 4400
        assert f"`{name}`" in (connection.close_reason or "")


async def test_the_streams_of_a_deleted_job_and_of_a_disabled_user_are_closed(
    base_url: str, user: Person, other_user: Person, job: Written, session_maker: Sessions, redis: Redis
) -> None:
    theirs = await written_job(session_maker, Publisher(redis), other_user.id)
    async with (
        watching(base_url, user, job.id) as deleted,
        streaming(base_url, user, job.id) as no_more,
        watching(base_url, other_user, theirs.id) as disabled,
        streaming(base_url, other_user, theirs.id) as nothing,
    ):
        for socket, stream in ((deleted, no_more), (disabled, nothing)):
            await socket.recv()
            await anext(stream)
        async with session_maker.begin() as session:
            await session.execute(delete(Job).where(Job.id == job.id))
            accounts = AccountService(session)
            await accounts.set_active(await accounts.get_user(other_user.id), is_active=False)
        for socket, stream, code in ((deleted, no_more, 4404), (disabled, nothing, 4401)):
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == code
            assert [event async for event in stream] == []


async def test_a_broker_that_is_away_closes_nothing_but_lends_no_tickets(
    settings: Settings, user: Person, session_maker: Sessions, redis: Redis
) -> None:
    job = await written_job(session_maker, Publisher(redis), user.id)
    nowhere = replace(settings, redis=RedisSettings(url=f"unix://{settings.data}/nowhere.sock"))
    with serving(nowhere) as url:
        headers = {"Authorization": f"Bearer {user.token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            answer = await client.post(f"/api/v1/jobs/{job.id}/ticket")
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
        async with connect(address(url, job.id, "?ticket=any")) as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()
        assert socket.close_code == 1013
        async with watching(url, user, job.id) as connection:
            await connection.recv()
            await job.write()
            await job.move(JobStatus.CANCELLED)
            assert [event["seq"] for event in await rest(connection)] == [2, 3, 4]


async def test_while_the_database_is_away_everybody_is_told_to_come_back(settings: Settings, user: Person) -> None:
    nowhere = replace(settings, database=DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/nowhere"))
    with serving(nowhere) as url:
        answer = await user.client.get(f"{url}/api/v1/jobs/{uuid4()}")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        async with watching(url, user, uuid4()) as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()
        assert socket.close_code == 1013


async def test_server_sent_events_are_resumed_from_the_later_of_two_marks(
    base_url: str, user: Person, job: Written
) -> None:
    await job.write(5)
    await job.move(JobStatus.CANCELLED)
    for query, header, expected in (("?after=3", {}, 3), ("?after=3", {"Last-Event-ID": "5"}, 5), ("", {}, 7)):
        async with streaming(base_url, user, job.id, query, **header) as events:
            assert [event["seq"] async for event in events] == list(range(expected, 9))
    assert (await user.client.get(f"/api/v1/jobs/{uuid4()}/events")).status_code == 404
