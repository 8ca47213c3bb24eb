"""Real servers once for all tests, a clean database for each."""

import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from uuid import UUID

import httpx
import msgspec
import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from tests.support.live import serving
from tests.support.sessions import Sessions
from tests.support.tone3000 import StandIn, run_stand_in
from tone_shootout import migrations
from tone_shootout.accounts.connections import ConnectionStore
from tone_shootout.accounts.principal import Role
from tone_shootout.accounts.services import AccountService
from tone_shootout.embedded.servers import Servers
from tone_shootout.jobs.scheduling.queue import prepare_queue
from tone_shootout.kit.db.session import create_engine
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import (
    DatabaseSettings,
    LimitSettings,
    RedisSettings,
    SecuritySettings,
    Settings,
    WebhookSettings,
    WorkerSettings,
    new_encryption_key,
)
from tone_shootout.tone3000.types import Text, TokenPair, User

DEADLOCK = "40P01"  # as PostgreSQL calls it


@dataclass(frozen=True)
class Person:
    """A user with a client that is signed in by an API token."""

    id: UUID
    name: str
    token: str
    client: httpx.AsyncClient


Connect = Callable[..., Awaitable[Person]]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Generator[Servers, None, None]:
    with Servers(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture(scope="session")
async def settings(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """What the service under test is configured with: small limits, so that tests can reach them."""
    import anyio.to_thread

    url = servers.create_database("tests")
    made = Settings(
        data=tmp_path_factory.mktemp("data"),
        database=DatabaseSettings(url=url),
        redis=RedisSettings(url=servers.redis_url),
        security=SecuritySettings(secret=secrets.token_urlsafe(48), encryption_keys=[new_encryption_key()]),
        limits=LimitSettings(
            upload_bytes=8_000_000,
            batch_files=8,
            batch_bytes=9_000_000,
            capture_bytes=2_000_000,
            body_bytes=200_000,
            # Every test asks from the same address; the tests of the rates have a service of their own.
            requests_per_minute=0,
            address_requests_per_minute=0,
            failed_sign_ins=0,
            listening_sessions_per_hour=0,
            queued_jobs=20,
        ),
        worker=WorkerSettings(sweep_s=0.5, heartbeat_s=3, processes=2, backoff_s=0.1),
        webhooks=WebhookSettings(allowed_networks=["127.0.0.0/8"], endpoints=3, timeout_s=20, poll_s=0.5),
    )
    await anyio.to_thread.run_sync(migrations.upgrade, url)
    await prepare_queue(made)
    return made


@pytest.fixture(scope="session")
async def engine(settings: Settings) -> AsyncGenerator[AsyncEngine, None]:
    made = create_engine(settings.database.url)
    yield made
    await made.dispose()


@pytest.fixture(scope="session")
def session_maker(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False)


@pytest.fixture(scope="session")
async def redis(settings: Settings) -> AsyncGenerator[Redis, None]:
    client: Redis = Redis.from_url(settings.redis.url)
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def base_url(settings: Settings) -> Generator[str, None, None]:
    """Where the service under test listens."""
    with serving(settings) as url:
        yield url


@pytest.fixture(scope="session")
def tone3000_process() -> Generator[StandIn, None, None]:
    with run_stand_in() as running:
        yield running


@pytest.fixture
def tone3000(tone3000_process: StandIn) -> StandIn:
    """A stand-in for TONE3000, as if it had just started."""
    tone3000_process.reset()
    return tone3000_process


@pytest.fixture(scope="session")
def tone3000_settings(settings: Settings, tone3000_process: StandIn) -> Settings:
    """What a service that knows the stand-in is configured with."""
    return replace(settings, tone3000=tone3000_process.settings())


@pytest.fixture(scope="session")
def tone3000_service(tone3000_settings: Settings) -> Generator[str, None, None]:
    """Where a service that knows the stand-in listens."""
    with serving(tone3000_settings) as url:
        yield url


@pytest.fixture
async def connect(
    session_maker: Sessions, settings: Settings, tone3000: StandIn, tone3000_service: str
) -> AsyncGenerator[Connect, None]:
    """Connects a user with a person of TONE3000; the user's client then is one of the service that knows it."""
    async with AsyncExitStack() as clients:

        async def connected(person: Person, username: str = "lab_rat") -> Person:
            pair = msgspec.convert(tone3000.tokens(username), TokenPair)
            async with session_maker.begin() as session:
                store = ConnectionStore(session, KeyRing(settings.security.encryption_keys))
                await store.connect(person.id, User(id=Text(f"id-of-{username}"), username=username), pair)
            client = httpx.AsyncClient(base_url=tone3000_service, timeout=60, headers=person.client.headers)
            return replace(person, client=await clients.enter_async_context(client))

        yield connected


async def _emptied(engine: AsyncEngine) -> bool:
    """Whether nothing that the last test has left running stood in the way."""
    try:
        async with engine.begin() as connection:
            names = await connection.scalars(
                text(
                    "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('public', 'saq')"
                    " AND tablename NOT IN ('schema_version', 'saq_versions')"
                )
            )
            # As TRUNCATE does it, after everybody else's transactions and whatever refers to what, but without a new
            # file for every table and index: that took 30 ms a test.
            tables = names.all()
            await connection.execute(text(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"))
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            deletions = " ".join(f"DELETE FROM {table};" for table in tables)
            await connection.execute(text(f"DO $$ BEGIN {deletions} END $$"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != DEADLOCK:
            raise
        return False
    return True


async def empty(engine: AsyncEngine, redis: Redis) -> None:
    """Empty every table of ours and of the queue, and the broker."""
    while not await _emptied(engine):
        continue
    await redis.flushdb()


@pytest.fixture
async def clean(engine: AsyncEngine, redis: Redis) -> None:
    """Begin with nothing there."""
    await empty(engine, redis)


@pytest.fixture
async def api(base_url: str, clean: None) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client without credentials."""
    async with httpx.AsyncClient(base_url=base_url, timeout=60) as client:
        yield client


async def somebody(session_maker: Sessions, base_url: str, name: str, role: Role) -> AsyncGenerator[Person, None]:
    """A new user, for as long as the generator is not closed."""
    async with session_maker() as session:
        accounts = AccountService(session)
        user = await accounts.create_user(name, role=role)
        _, token = await accounts.issue_token(user, name="tests", scope="write")
        await session.commit()
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=base_url, timeout=60, headers=headers) as client:
        yield Person(id=user.id, name=name, token=token, client=client)


@pytest.fixture
async def user(session_maker: Sessions, base_url: str, clean: None) -> AsyncGenerator[Person, None]:
    async for person in somebody(session_maker, base_url, "ada", "user"):
        yield person


@pytest.fixture
async def other_user(session_maker: Sessions, base_url: str, clean: None) -> AsyncGenerator[Person, None]:
    async for person in somebody(session_maker, base_url, "bob", "user"):
        yield person


@pytest.fixture
async def administrator(session_maker: Sessions, base_url: str, clean: None) -> AsyncGenerator[Person, None]:
    async for person in somebody(session_maker, base_url, "root", "administrator"):
        yield person
