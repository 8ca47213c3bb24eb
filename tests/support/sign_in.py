"""A service that is connected with the stand-in for TONE3000, and browsers that use it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.support.tone3000 import StandIn

LOGIN = "/api/v1/auth/login"
CALLBACK = "/api/v1/auth/callback"


class Browser:
    """Follows no redirect by itself and keeps cookies, as its user would see them."""

    def __init__(self, client: httpx.AsyncClient, stand_in: StandIn) -> None:
        self.client = client
        self._stand_in = stand_in

    async def leave(self, **query: str) -> httpx.Response:
        """Ask for a sign-in."""
        return await self.client.get(LOGIN, params=query)

    async def sign_in_there(self, departure: httpx.Response) -> str:
        """Sign in at TONE3000, as its switches say; the address that it sends back to."""
        assert departure.status_code == 302, departure.text
        async with httpx.AsyncClient(timeout=60, trust_env=False) as there:
            answer = await there.get(departure.headers["location"])
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def sign_in(self, **query: str) -> httpx.Response:
        """Go there and come back."""
        return await self.client.get(await self.sign_in_there(await self.leave(**query)))


@asynccontextmanager
async def browsing(url: str, stand_in: StandIn) -> AsyncGenerator[Browser, None]:
    """A browser of somebody's, without any cookies."""
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        yield Browser(client, stand_in)


def query_of(url: str) -> dict[str, str]:
    """What an address says behind its question mark."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
