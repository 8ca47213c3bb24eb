"""A service that uses the stand-in for TONE3000, so that no test sends requests to the real one."""

from collections.abc import Generator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from tests.integration.conftest import Person
from tests.support.live import serving
from tests.support.security import World, build_world, connect_tone3000
from tests.support.sessions import Sessions
from tests.support.tone3000 import StandIn
from tone_shootout.kit.settings import Settings


@pytest.fixture(scope="session")
def connected(settings: Settings, tone3000_process: StandIn) -> Settings:
    """Return the settings of the service."""
    return replace(settings, tone3000=tone3000_process.settings())


@pytest.fixture(scope="session")
def base_url(connected: Settings) -> Generator[str, None, None]:
    """Yield the URL of the service."""
    with serving(connected) as url:
        yield url


@pytest.fixture
async def world(user: Person, session_maker: Sessions, connected: Settings, tone3000: StandIn, redis: Redis) -> World:
    """Return an object of every kind of `user`."""
    await connect_tone3000(user, session_maker, connected, tone3000, redis)
    return await build_world(user, session_maker, connected)
