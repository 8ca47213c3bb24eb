"""HTTP client of TONE3000 with rate limit, timeouts, size limits, retries and errors."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from typing import Final, Self, TypeVar

import httpx
import msgspec
import structlog
from redis.asyncio import Redis
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from tone_shootout.kit.backoff import Backoff
from tone_shootout.kit.http.retry_after import parse_retry_after
from tone_shootout.kit.settings import Tone3000Settings
from tone_shootout.tone3000.bucket import TokenBucket
from tone_shootout.tone3000.errors import (
    BadAnswerError,
    BusyError,
    NotAvailableError,
    NotPermittedError,
    TokenRefusedError,
    Tone3000Error,
    UnreachableError,
)
from tone_shootout.tone3000.types import decode

T = TypeVar("T")
Parameters = Mapping[str, str | int]

INITIAL_BACKOFF_S: Final = 0.5
"""Longest delay after the first failure; delays are drawn between zero and the longest."""
DEFAULT_RETRY_AFTER_S: Final = 10.0
"""Time to wait after a 429 response without a valid `Retry-After`."""
MAX_RETRY_AFTER_S: Final = 600.0

_STATUS_ERRORS: Final[Mapping[int, Callable[[], Tone3000Error]]] = {
    401: TokenRefusedError,
    403: NotPermittedError,
    404: NotAvailableError,
}
_log = structlog.get_logger(__name__)


class HttpClient:
    """Sends requests to TONE3000. All failures are raised as `Tone3000Error`.

    Args:
        settings: URL, timeouts, limits and number of attempts.
        redis: stores the installation's rate limit; None: no rate limit, for a command with a few requests.
        on_deprecation: called with the names of deprecated forms that a response reports; they are always logged.
    """

    def __init__(
        self, settings: Tone3000Settings, redis: Redis | None, *, on_deprecation: Callable[[str], None] | None = None
    ) -> None:
        self.settings = settings
        self._requests = TokenBucket(redis, "tone3000", settings.requests_per_minute) if redis else None
        self._searches = TokenBucket(redis, "tone3000-search", settings.searches_per_minute) if redis else None
        self._on_deprecation = on_deprecation
        self._http = httpx.AsyncClient(
            base_url=settings.base_url,
            timeout=settings.timeout_s,
            follow_redirects=False,
            trust_env=False,
            # Store no cookies: those of one user's response must not be sent with another user's request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={
                "User-Agent": f"tone-shootout/{version('tone-shootout')}",
                "Accept": "application/json",
                # Protects against decompression bombs.
                "Accept-Encoding": "identity",
            },
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def get(
        self, kind: type[T], path: str, token: str | None, parameters: Parameters | None = None, *, search: bool = False
    ) -> T:
        """Send a GET request, with retries, and decode the response.

        Args:
            kind: type of the response.
            path: path of the API.
            token: access token of the user; None: without authentication.
            parameters: query parameters.
            search: whether the rate limit of searches applies as well.

        Raises:
            Tone3000Error: the request failed.
        """

        async def attempt() -> bytes:
            await self.wait_for_rate_limit(search=search)
            async with self.timeout(), self.stream("GET", path, token, parameters=parameters) as response:
                await self.raise_for_status(response)
                return await self.read_body(response)

        return decode_response(await self.retry(attempt), kind)

    async def send(self, method: str, path: str, token: str) -> bytes:
        """Send a request with an unsafe method and return the body, without retries.

        After a lost response it is unknown whether the change was made.

        Raises:
            Tone3000Error: the request failed.
        """
        await self.wait_for_rate_limit()
        async with self.timeout(), self.stream(method, path, token) as response:
            await self.raise_for_status(response)
            return await self.read_body(response)

    async def post_form(self, path: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        """Send a form without a token and return status and body, without retries.

        Raises:
            BusyError: the rate limit is reached.
            UnreachableError: there is no response, or a server error.
            BadAnswerError: the response is invalid.
        """
        await self.wait_for_rate_limit()
        async with self.timeout(), self.stream("POST", path, None, form=form) as response:
            if response.status_code == 429 or response.status_code >= 500:
                await self.raise_for_status(response)
            return response.status_code, await self.read_body(response)

    async def retry(self, request: Callable[[], Awaitable[T]]) -> T:
        """Call `request`, which must be safe to repeat, with retries after `UnreachableError` and `BusyError`.

        A `BusyError` that demands a longer wait than the setting `patience_s` is raised without a retry.
        """
        patience_s = self.settings.patience_s
        backoff = Backoff(first_s=INITIAL_BACKOFF_S / 2, longest_s=patience_s / 2, jitter=1.0)

        def is_retryable(error: BaseException) -> bool:
            wait_s = error.retry_after_s if isinstance(error, BusyError) else 0.0
            return isinstance(error, UnreachableError | BusyError) and wait_s <= patience_s

        def delay_s(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            return error.retry_after_s if isinstance(error, BusyError) else backoff.delay_s(state.attempt_number)

        async for attempt in AsyncRetrying(
            retry=retry_if_exception(is_retryable),
            wait=delay_s,
            stop=stop_after_attempt(self.settings.attempts),
            reraise=True,
        ):
            with attempt:
                return await request()
        raise AssertionError("tenacity returns or raises")

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        token: str | None,
        *,
        parameters: Parameters | None = None,
        form: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[httpx.Response, None]:
        """Send one request and yield the response of any status, before its body is read.

        Raises:
            UnreachableError: there is no response.
            BadAnswerError: a URL or token of TONE3000 is invalid.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            request = self._http.build_request(method, url, params=parameters, data=form, headers=headers)
        except (httpx.InvalidURL, UnicodeError):
            raise BadAnswerError("invalid URL or token") from None
        try:
            response = await self._http.send(request, stream=True)
            try:
                self._report_deprecation(request, response)
                yield response
            finally:
                await response.aclose()
        except httpx.TimeoutException:
            raise UnreachableError(f"no response within {self.settings.timeout_s:g} seconds") from None
        except httpx.HTTPError as error:
            # Its text can contain the URL with query parameters.
            raise UnreachableError(f"the connection failed ({type(error).__name__})") from None

    @asynccontextmanager
    async def timeout(self, seconds: float | None = None) -> AsyncGenerator[None, None]:
        """Limit the total duration of the block.

        httpx limits only the time between parts of a response.

        Args:
            seconds: maximum duration; None: the setting `timeout_s`.

        Raises:
            UnreachableError: the block takes longer.
        """
        seconds = self.settings.timeout_s if seconds is None else seconds
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise UnreachableError(f"no complete response within {seconds:g} seconds") from None

    async def raise_for_status(self, response: httpx.Response) -> None:
        """Raise the error of an unsuccessful response. A 429 also pauses the rate limit of the installation.

        Raises:
            Tone3000Error: the status is not 2xx.
        """
        status = response.status_code
        if response.is_success:
            return
        if status == 429:
            wait_s = retry_after_s(response.headers.get("Retry-After"))
            if self._requests is not None:
                await self._requests.pause(wait_s)
            raise BusyError(wait_s)
        if status >= 500:
            raise UnreachableError(f"status {status}")
        if error_type := _STATUS_ERRORS.get(status):
            raise error_type()
        _log.error("tone3000_refused", status=status, method=response.request.method, path=response.request.url.path)
        raise BadAnswerError(f"status {status}")

    async def read_body(self, response: httpx.Response) -> bytes:
        """Return the body of a response.

        Raises:
            BadAnswerError: the body is compressed or larger than the setting `answer_bytes`.
        """
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise BadAnswerError("unexpectedly compressed")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self.settings.answer_bytes:
                raise BadAnswerError(f"larger than {self.settings.answer_bytes} bytes")
        return bytes(body)

    async def wait_for_rate_limit(self, *, search: bool = False) -> None:
        """Wait until the installation's rate limit allows a request, for at most the setting `patience_s`.

        Args:
            search: whether the rate limit of searches applies as well.

        Raises:
            BusyError: the wait would take longer.
        """
        for bucket in (self._searches, self._requests) if search else (self._requests,):
            if bucket is not None:
                await self._wait_for(bucket)

    async def _wait_for(self, bucket: TokenBucket) -> None:
        deadline = time.monotonic() + self.settings.patience_s
        while wait_s := await bucket.take():
            if time.monotonic() + wait_s > deadline:
                raise BusyError(wait_s)
            await asyncio.sleep(wait_s)

    def _report_deprecation(self, request: httpx.Request, response: httpx.Response) -> None:
        if "Deprecation" in response.headers:
            names = response.headers.get("X-Tone3000-Deprecations", "unnamed")
            _log.warning("tone3000_deprecation", path=request.url.path, names=names)
            if self._on_deprecation is not None:
                self._on_deprecation(names)


def decode_response(body: bytes, kind: type[T]) -> T:
    """Decode the body of a response.

    Raises:
        BadAnswerError: the body is not JSON, or not of the type `kind`.
    """
    try:
        return decode(body, kind)
    except msgspec.MsgspecError as error:
        raise BadAnswerError(str(error)[:200]) from None
    except RecursionError:
        raise BadAnswerError("nested too deeply") from None


def retry_after_s(text: str | None) -> float:
    """Return the time to wait in seconds that a `Retry-After` header demands, at most `MAX_RETRY_AFTER_S`."""
    seconds = parse_retry_after(text, datetime.now(UTC))
    return DEFAULT_RETRY_AFTER_S if seconds is None else min(seconds, MAX_RETRY_AFTER_S)
