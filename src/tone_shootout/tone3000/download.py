"""Fetching a capture or impulse response: streamed to a file, bounded, from TONE3000's own addresses only."""

import asyncio
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from tone_shootout.tone3000.errors import (
    BadAnswerError,
    DownloadTooLargeError,
    ForeignAddressError,
    NotAvailableError,
    NotPermittedError,
)
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.types import Model

MAX_REDIRECTS: Final = 3


class Downloads:
    """Fetches files with the token of the person for whom it is done."""

    def __init__(self, calls: HttpClient) -> None:
        self._calls = calls
        self._origin = urlsplit(calls.settings.base_url)
        self._hosts = frozenset(calls.settings.file_hosts)

    async def fetch(self, token: str, model: Model, path: Path, *, max_bytes: int | None = None) -> int:
        """Write a model's file to `path`, and return how many bytes it has.

        The token goes to TONE3000's own origin alone. Where that sends us on, only the hosts of the settings are
        followed to, without it.

        Args:
            token: of the person.
            model: which file.
            path: where to; overwritten, and of no use after an error.
            max_bytes: largest size, if smaller than the setting's.

        Raises:
            ForeignAddressError: its address leads elsewhere.
            DownloadTooLargeError: it is larger.
            NotAvailableError: it is not there, or not for this person.
            Tone3000Error: any other.
        """
        limit = min(max_bytes or self._calls.settings.download_bytes, self._calls.settings.download_bytes)
        url = self.address(model.model_url)

        async def once() -> int:
            async with self._calls.in_time(self._calls.settings.download_timeout_s):
                return await self._follow(token, url, path, limit)

        try:
            return await self._calls.persist(once)
        except NotPermittedError:
            raise NotAvailableError from None

    def address(self, model_url: str) -> str:
        """Return where a model's file is, at the origin of the settings.

        Raises:
            ForeignAddressError: it is named as being anywhere else.
        """
        try:
            parts = urlsplit(urljoin(self._calls.settings.base_url, model_url))
            if self._is_own(parts):
                return parts.geturl()
        except ValueError:
            pass
        raise ForeignAddressError

    async def _follow(self, token: str, url: str, path: Path, limit: int) -> int:
        await self._calls.wait_for_turn()
        bearer: str | None = token
        for _ in range(MAX_REDIRECTS + 1):
            async with self._calls.answer("GET", url, bearer) as response:
                if not response.has_redirect_location:
                    await self._calls.refuse_failure(response)
                    return await _write(response, path, limit)
                url, own = self._next(url, response.headers["Location"])
                # Once away, never again: what comes back from elsewhere was chosen by elsewhere.
                bearer = bearer if own else None
        raise BadAnswerError("sent on from address to address")

    def _next(self, url: str, location: str) -> tuple[str, bool]:
        try:
            parts = urlsplit(urljoin(url, location))
            if self._is_own(parts):
                return parts.geturl(), True
            # Plain HTTP only where TONE3000 itself is a stand-in on this machine.
            if parts.scheme == self._origin.scheme and parts.netloc in self._hosts:
                return parts.geturl(), False
        except ValueError:
            pass
        raise ForeignAddressError

    def _is_own(self, parts: SplitResult) -> bool:
        def place(address: SplitResult) -> tuple[str, str | None, int | None]:
            return address.scheme, address.hostname, address.port or {"https": 443, "http": 80}.get(address.scheme)

        return place(parts) == place(self._origin) and parts.username is None


async def _write(response: httpx.Response, path: Path, limit: int) -> int:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise BadAnswerError("compressed, though that was not asked for")
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise DownloadTooLargeError(limit)
    size = 0
    with path.open("wb") as file:
        async for chunk in response.aiter_raw():
            size += len(chunk)
            if size > limit:
                raise DownloadTooLargeError(limit)
            await asyncio.to_thread(file.write, chunk)
    return size
