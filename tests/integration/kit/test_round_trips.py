"""Signed-in requests take few round trips, counted on the wire, and outlast the connections that they use."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import Person
from tests.support.library_rows import library_items, typical_config
from tests.support.live import serving
from tests.support.relay import Relay, Streams
from tests.support.sessions import Sessions
from tests.support.uploads import LIBRARY, SHOOTOUTS
from tone_shootout.kit.settings import Settings, parse_postgres

NAME = "round-trips"
MOST = {"GET": 3, "POST": 6}
KILL = text(
    "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name) x"
)
WORKERS = 6


class Wire(Relay):
    """A proxy of PostgreSQL's socket that counts how often the server has become ready for the next request."""

    def __init__(self, target: Path) -> None:
        super().__init__()
        self._target = target
        self.count = 0

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncGenerator[None, None]:
        async with self.accepting(await asyncio.start_unix_server(self.accept, path)):
            yield

    async def connect(self) -> Streams:
        return await asyncio.open_unix_connection(self._target)

    async def answer(self, upstream: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await upstream.readexactly(5)  # PostgreSQL's protocol: type, and length including itself
                client.write(head + await upstream.readexactly(int.from_bytes(head[1:], "big") - 4))
                self.count += head[:1] == b"Z"  # ReadyForQuery
        except (asyncio.IncompleteReadError, ConnectionError):
            client.close()


@pytest.fixture(scope="module")
async def wire(settings: Settings) -> AsyncGenerator[tuple[Wire, str], None]:
    """A service behind the proxy, whose rate limits are counted and never reached."""
    arguments = parse_postgres(settings.database.url).asyncpg()
    port = arguments["port"][0]
    proxy = Wire(Path(arguments["host"][0]) / f".s.PGSQL.{port}")
    with TemporaryDirectory(prefix="wire") as folder:
        async with proxy.listening(Path(folder) / f".s.PGSQL.{port}"):
            query = urlencode({"host": folder, "port": port, "user": arguments["user"], "application_name": NAME})
            made = replace(
                settings,
                database=replace(settings.database, url=f"postgresql:///{arguments['database']}?{query}"),
                limits=replace(settings.limits, requests_per_minute=100_000, address_requests_per_minute=100_000),
            )
            # In a thread, because the service that is stopped closes its connections through the proxy of this loop.
            service = serving(made)
            url = await asyncio.to_thread(service.__enter__)
            try:
                yield proxy, url
            finally:
                await asyncio.to_thread(service.__exit__, None, None, None)


@pytest.fixture
async def client(
    wire: tuple[Wire, str], user: Person, session_maker: Sessions
) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with session_maker.begin() as session:
        session.add_all(library_items(user.id))
    async with httpx.AsyncClient(base_url=wire[1], headers=user.client.headers, timeout=60) as client:
        yield client


async def _body(client: httpx.AsyncClient) -> dict[str, object]:
    items = (await client.get(LIBRARY)).json()["items"]
    return {"config": typical_config({item["kind"]: item["id"] for item in items})}


async def _scripts(redis: Redis) -> int:
    stats = await redis.info("commandstats")
    return sum(found["calls"] for name, found in stats.items() if name in ("cmdstat_evalsha", "cmdstat_eval"))


async def test_a_warm_request_takes_few_round_trips_and_one_call_of_valkey(
    wire: tuple[Wire, str], client: httpx.AsyncClient, redis: Redis
) -> None:
    body = await _body(client)
    shootout = (await client.post(SHOOTOUTS, json=body)).json()["links"]
    job = (await client.post(shootout["jobs"])).json()["links"]["self"]
    paths = ["/api/v1/me", "/api/v1/me/tokens", shootout["self"], SHOOTOUTS, f"{SHOOTOUTS}?q=x", job, "/api/v1/jobs"]
    paths += [LIBRARY, f"{LIBRARY}?kind=capture", "/api/v1/webhooks", f"{SHOOTOUTS}/public", f"{job}/artifacts"]
    for method, path in [*(("GET", path) for path in paths), ("POST", SHOOTOUTS)]:
        found = []
        for _ in range(3):
            before = wire[0].count, await _scripts(redis)
            answer = await client.request(method, path, json=body if method == "POST" else None)
            assert answer.is_success, answer.text
            found.append((wire[0].count - before[0], await _scripts(redis) - before[1]))
        trips, calls = min(found)  # the first prepares statements, and another could meet the sweep
        assert (trips <= MOST[method], calls) == (True, 1), (method, path, found)


async def test_requests_outlast_the_connections_to_the_database(client: httpx.AsyncClient, engine: AsyncEngine) -> None:
    body = await _body(client)
    statuses: list[tuple[str, int]] = []
    stopping = asyncio.Event()

    async def work(method: str, path: str) -> None:
        while not stopping.is_set():
            answer = await client.request(method, path, json=body if method == "POST" else None)
            statuses.append((method, answer.status_code))

    kills = 4
    async with asyncio.TaskGroup() as group:
        for number in range(WORKERS):
            group.create_task(work(*(("POST", SHOOTOUTS) if number == 0 else ("GET", f"{SHOOTOUTS}?limit=1"))))
        killed = 0
        for _ in range(kills):
            goal = len(statuses) + 3 * WORKERS
            while len(statuses) < goal:  # noqa: ASYNC110 - the workers have no event for that
                await asyncio.sleep(0.01)
            async with engine.connect() as connection:
                killed += await connection.scalar(KILL, {"name": NAME}) or 0
        stopping.set()
    assert killed >= kills
    failed = [each for each in statuses if each[1] >= 400]
    assert {method for method, _ in failed} <= {"POST"}, failed
    assert len(failed) <= kills  # the one POST in flight at each kill
