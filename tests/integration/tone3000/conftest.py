"""Clients of the stand-in, with a fresh rate limit."""

from collections.abc import AsyncGenerator

import pytest
from redis.asyncio import Redis

from tests.support.tone3000 import StandIn
from tone_shootout.tone3000.client import Tone3000
from tone_shootout.tone3000.download import Downloads
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.oauth import OAuthClient


@pytest.fixture
async def http_client(tone3000: StandIn, redis: Redis) -> AsyncGenerator[HttpClient, None]:
    await redis.flushdb()
    async with HttpClient(tone3000.settings(search=True), redis) as made:
        yield made


@pytest.fixture
def client(http_client: HttpClient) -> Tone3000:
    return Tone3000(http_client)


@pytest.fixture
def oauth(http_client: HttpClient) -> OAuthClient:
    return OAuthClient(http_client)


@pytest.fixture
def downloads(http_client: HttpClient) -> Downloads:
    return Downloads(http_client)


@pytest.fixture
def token(tone3000: StandIn) -> str:
    """Return an access token of lab_rat."""
    return tone3000.token()
