"""A client of the stand-in, with an allowance of its own."""

from collections.abc import AsyncGenerator

import pytest
from redis.asyncio import Redis

from tests.support.tone3000 import StandIn
from tone_shootout.tone3000.client import Tone3000
from tone_shootout.tone3000.download import Downloads
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.oauth import SignIn


@pytest.fixture
async def calls(tone3000: StandIn, redis: Redis) -> AsyncGenerator[HttpClient, None]:
    await redis.flushdb()
    async with HttpClient(tone3000.settings(search=True), redis) as made:
        yield made


@pytest.fixture
def client(calls: HttpClient) -> Tone3000:
    return Tone3000(calls)


@pytest.fixture
def sign_in(calls: HttpClient) -> SignIn:
    return SignIn(calls)


@pytest.fixture
def downloads(calls: HttpClient) -> Downloads:
    return Downloads(calls)


@pytest.fixture
def token(tone3000: StandIn) -> str:
    """A token of lab_rat."""
    return tone3000.token()
