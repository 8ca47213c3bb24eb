"""Browsers that sign in with the stand-in for TONE3000."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.support.tone3000 import StandIn

LOGIN = "/api/v1/auth/login"
CALLBACK = "/api/v1/auth/callback"


class Browser:
    """A browser that stores cookies and follows no redirects by itself."""

    def __init__(self, client: httpx.AsyncClient, stand_in: StandIn) -> None:
        self.client = client
        self._stand_in = stand_in

    async def start(self, **query: str) -> httpx.Response:
        """Start a sign-in and return the redirect to TONE3000."""
        return await self.client.get(LOGIN, params=query)

    async def authorize(self, redirect: httpx.Response) -> str:
        """Follow the redirect to TONE3000, which answers as its options say; return the URL of the callback."""
        assert redirect.status_code == 302, redirect.text
        async with httpx.AsyncClient(timeout=60, trust_env=False) as tone3000:
            response = await tone3000.get(redirect.headers["location"])
        assert response.status_code == 302, response.text
        return response.headers["location"]

    async def sign_in(self, **query: str) -> httpx.Response:
        """Start a sign-in, authorize it and return the response of the callback."""
        return await self.client.get(await self.authorize(await self.start(**query)))


@asynccontextmanager
async def browsing(url: str, stand_in: StandIn) -> AsyncGenerator[Browser, None]:
    """Yield a browser without cookies."""
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        yield Browser(client, stand_in)


def query_of(url: str) -> dict[str, str]:
    """Return the query parameters of a URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
