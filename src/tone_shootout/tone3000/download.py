"""Downloads of captures and impulse responses, of limited size and only from allowed hosts."""

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
    """Downloads files of TONE3000 with a user's access token."""

    def __init__(self, http_client: HttpClient) -> None:
        self._http_client = http_client
        self._origin = urlsplit(http_client.settings.base_url)
        self._hosts = frozenset(http_client.settings.file_hosts)

    async def fetch(self, token: str, model: Model, path: Path, *, max_bytes: int | None = None) -> int:
        """Download a model's file to `path`; return its size in bytes.

        The token is sent to TONE3000's own origin only. Redirects to other hosts are followed only to those in the
        settings, and without the token.

        Args:
            token: access token of the user.
            model: the model.
            path: file to write; overwritten, and incomplete after an error.
            max_bytes: maximum size in bytes; the limit of the settings applies as well.

        Raises:
            ForeignAddressError: the URL or a redirect points to another host.
            DownloadTooLargeError: the file is larger than the limit.
            NotAvailableError: the file does not exist or is not visible to the user.
            Tone3000Error: the request failed.
        """
        limit = min(max_bytes or self._http_client.settings.download_bytes, self._http_client.settings.download_bytes)
        url = self.resolve_url(model.model_url)

        async def attempt() -> int:
            async with self._http_client.timeout(self._http_client.settings.download_timeout_s):
                return await self._fetch(token, url, path, limit)

        try:
            return await self._http_client.retry(attempt)
        except NotPermittedError:
            raise NotAvailableError from None

    def resolve_url(self, model_url: str) -> str:
        """Return the absolute URL of a model's file.

        Raises:
            ForeignAddressError: the URL is not on TONE3000's origin.
        """
        try:
            parts = urlsplit(urljoin(self._http_client.settings.base_url, model_url))
            if self._is_same_origin(parts):
                return parts.geturl()
        except ValueError:
            pass
        raise ForeignAddressError

    async def _fetch(self, token: str, url: str, path: Path, limit: int) -> int:
        await self._http_client.wait_for_rate_limit()
        bearer: str | None = token
        for _ in range(MAX_REDIRECTS + 1):
            async with self._http_client.stream("GET", url, bearer) as response:
                if not response.has_redirect_location:
                    await self._http_client.raise_for_status(response)
                    return await _write(response, path, limit)
                url, is_same_origin = self._resolve_redirect(url, response.headers["Location"])
                # Never sent again after a redirect to another host, which may redirect back to a URL of its choice.
                bearer = bearer if is_same_origin else None
        raise BadAnswerError("too many redirects")

    def _resolve_redirect(self, url: str, location: str) -> tuple[str, bool]:
        try:
            parts = urlsplit(urljoin(url, location))
            if self._is_same_origin(parts):
                return parts.geturl(), True
            # Same scheme: plain HTTP only with the stand-in on this machine.
            if parts.scheme == self._origin.scheme and parts.netloc in self._hosts:
                return parts.geturl(), False
        except ValueError:
            pass
        raise ForeignAddressError

    def _is_same_origin(self, parts: SplitResult) -> bool:
        def origin(url: SplitResult) -> tuple[str, str | None, int | None]:
            return url.scheme, url.hostname, url.port or {"https": 443, "http": 80}.get(url.scheme)

        return origin(parts) == origin(self._origin) and parts.username is None


async def _write(response: httpx.Response, path: Path, limit: int) -> int:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise BadAnswerError("unexpectedly compressed")
    content_length = response.headers.get("Content-Length", "")
    if content_length.isdecimal() and int(content_length) > limit:
        raise DownloadTooLargeError(limit)
    size = 0
    with path.open("wb") as file:
        async for chunk in response.aiter_raw():
            size += len(chunk)
            if size > limit:
                raise DownloadTooLargeError(limit)
            await asyncio.to_thread(file.write, chunk)
    return size
