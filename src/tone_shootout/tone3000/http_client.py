"""One way to TONE3000 for everything that is asked of it: allowance, time, size, retries, errors."""

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
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

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

FIRST_PAUSE_S: Final = 0.5
UNSTATED_PAUSE_S: Final = 10.0
"""Pause after "too many requests" that does not say for how long."""
LONGEST_PAUSE_S: Final = 600.0

_REFUSALS: Final[Mapping[int, Callable[[], Tone3000Error]]] = {
    401: TokenRefusedError,
    403: NotPermittedError,
    404: NotAvailableError,
}
_log = structlog.get_logger(__name__)


class HttpClient:
    """Carries requests to TONE3000; everything that goes wrong is a `Tone3000Error`.

    Args:
        settings: where it is, and how patient we are.
        redis: where the installation's allowance is held; None: nowhere, for a command that asks a few things.
        on_deprecation: gets TONE3000's words for each old form of ours that it still takes; they are logged anyway.
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
            # None: what is set in one person's answer must not go out with another's request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={
                "User-Agent": f"tone-shootout/{version('tone-shootout')}",
                "Accept": "application/json",
                # What is not compressed can't unfold into more than it says.
                "Accept-Encoding": "identity",
            },
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def get(
        self, kind: type[T], path: str, token: str | None, parameters: Parameters | None = None, *, search: bool = False
    ) -> T:
        """Ask for something, several times if need be.

        Raises:
            Tone3000Error: any of them.
        """

        async def once() -> bytes:
            await self.wait_for_turn(search=search)
            async with self.in_time(), self.answer("GET", path, token, parameters=parameters) as response:
                await self.refuse_failure(response)
                return await self.body(response)

        return decoded(await self.persist(once), kind)

    async def change(self, method: str, path: str, token: str) -> bytes:
        """Ask for a change: once, because an answer that is lost does not tell whether it was made.

        Raises:
            Tone3000Error: any of them.
        """
        await self.wait_for_turn()
        async with self.in_time(), self.answer(method, path, token) as response:
            await self.refuse_failure(response)
            return await self.body(response)

    async def post_form(self, path: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        """Send a form without a token, once, and return status and body of whatever is neither busy nor broken.

        Raises:
            Tone3000Error: `BusyError`, `UnreachableError` or `BadAnswerError`.
        """
        await self.wait_for_turn()
        async with self.in_time(), self.answer("POST", path, None, form=form) as response:
            if response.status_code == 429 or response.status_code >= 500:
                await self.refuse_failure(response)
            return response.status_code, await self.body(response)

    async def persist(self, once: Callable[[], Awaitable[T]]) -> T:
        """Do what changes nothing, again where TONE3000 does not answer or asks for a short pause."""
        patience_s = self.settings.patience_s
        backoff = wait_random_exponential(multiplier=FIRST_PAUSE_S, max=patience_s)

        def worth_it(error: BaseException) -> bool:
            pause_s = error.retry_after_s if isinstance(error, BusyError) else 0.0
            return isinstance(error, UnreachableError | BusyError) and pause_s <= patience_s

        def pause(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            return error.retry_after_s if isinstance(error, BusyError) else backoff(state)

        async for attempt in AsyncRetrying(
            retry=retry_if_exception(worth_it),
            wait=pause,
            stop=stop_after_attempt(self.settings.attempts),
            reraise=True,
        ):
            with attempt:
                return await once()
        raise AssertionError("tenacity returns or raises")

    @asynccontextmanager
    async def answer(
        self,
        method: str,
        url: str,
        token: str | None,
        *,
        parameters: Parameters | None = None,
        form: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[httpx.Response, None]:
        """Send one request and give its answer, whatever it says, before its body is read.

        Raises:
            UnreachableError: there is none.
            BadAnswerError: an address or a token of theirs is none that could be sent.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            request = self._http.build_request(method, url, params=parameters, data=form, headers=headers)
        except (httpx.InvalidURL, UnicodeError):
            raise BadAnswerError("an address or a token that can't be sent") from None
        try:
            response = await self._http.send(request, stream=True)
            try:
                self._note_deprecation(request, response)
                yield response
            finally:
                await response.aclose()
        except httpx.TimeoutException:
            raise UnreachableError(f"no answer in {self.settings.timeout_s:g} seconds") from None
        except httpx.HTTPError as error:
            # Its text can hold the address with what was asked for; the kind says enough.
            raise UnreachableError(f"the connection failed ({type(error).__name__})") from None

    @asynccontextmanager
    async def in_time(self, seconds: float | None = None) -> AsyncGenerator[None, None]:
        """Bound all of an exchange, however slowly its parts come; None: by the setting for answers.

        Raises:
            UnreachableError: it takes longer.
        """
        seconds = self.settings.timeout_s if seconds is None else seconds
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise UnreachableError(f"no whole answer in {seconds:g} seconds") from None

    async def refuse_failure(self, response: httpx.Response) -> None:
        """Turn every status that is not a success into its error.

        Raises:
            Tone3000Error: the status is none of success.
        """
        status = response.status_code
        if response.is_success:
            return
        if status == 429:
            pause_s = retry_after_s(response.headers.get("Retry-After"))
            if self._requests is not None:
                await self._requests.hold(pause_s)
            raise BusyError(pause_s)
        if status >= 500:
            raise UnreachableError(f"it says that it is broken (status {status})")
        if refusal := _REFUSALS.get(status):
            raise refusal()
        _log.error("tone3000_refused", status=status, method=response.request.method, path=response.request.url.path)
        raise BadAnswerError(f"status {status}")

    async def body(self, response: httpx.Response) -> bytes:
        """Return a body of bounded size.

        Raises:
            BadAnswerError: it is larger, or compressed, which we don't ask for.
        """
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise BadAnswerError("compressed, though that was not asked for")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self.settings.answer_bytes:
                raise BadAnswerError(f"larger than {self.settings.answer_bytes} bytes")
        return bytes(body)

    async def wait_for_turn(self, *, search: bool = False) -> None:
        """Take the installation's next permission, waiting for it within reason.

        Raises:
            BusyError: it would take longer.
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

    def _note_deprecation(self, request: httpx.Request, response: httpx.Response) -> None:
        if "Deprecation" in response.headers:
            what = response.headers.get("X-Tone3000-Deprecations", "unnamed")
            _log.warning("tone3000_deprecation", path=request.url.path, what=what)
            if self._on_deprecation is not None:
                self._on_deprecation(what)


def decoded(body: bytes, kind: type[T]) -> T:
    """Return what an answer says.

    Raises:
        BadAnswerError: it is not JSON, or not what was asked for.
    """
    try:
        return decode(body, kind)
    except msgspec.MsgspecError as error:
        raise BadAnswerError(str(error)[:200]) from None
    except RecursionError:
        raise BadAnswerError("nested too deeply") from None


def retry_after_s(text: str | None) -> float:
    """Return the pause that a `Retry-After` requests, within reason."""
    seconds = parse_retry_after(text, datetime.now(UTC))
    return UNSTATED_PAUSE_S if seconds is None else min(seconds, LONGEST_PAUSE_S)
