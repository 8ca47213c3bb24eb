"""Rate limiting, shared by all web processes through Redis.

A sliding window counter (the library `limits`, one Lua script per step): atomic, with two small keys per counter that
expire. If Redis is unavailable, rate limiting is disabled and the service continues.

Every response to a limited request states the limits that were applied, as `RateLimit` and `RateLimit-Policy`.
"""

import asyncio
import ipaddress
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, TypeVar, cast

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.bridge import RedisBridge
from litestar import Request, WebSocket
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tone_shootout.kit.http.problems import TooManyRequestsError, problem_response

REDIS_TIMEOUT_S: Final = 3.0
PAUSE_S: Final = 10.0
"""Seconds without rate limiting after a timeout, and between two warnings."""
TOO_MANY: Final = 4429
"""Close code of a WebSocket."""
_COUNTED: Final = "further_count"

_HIT: Final = f"""
local function acquire(KEYS, ARGV)
{RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW.decode()}
end
local function read(KEYS, ARGV)
{RedisBridge.SCRIPT_SLIDING_WINDOW.decode()}
end
local found = {{}}
for i = 1, #KEYS, 2 do
    local keys = {{KEYS[i], KEYS[i + 1]}}
    local acquired = acquire(keys, {{ARGV[i], ARGV[i + 1], 1}})
    local window = read(keys, {{ARGV[i + 1]}})
    table.insert(found, {{acquired and 1 or 0, window[1], window[2], window[3], window[4]}})
    if not acquired then
        break
    end
end
return found
"""
"""The library's scripts that count a request and that read the counter, for several counters in one round trip.

It ends with the first counter whose limit is reached."""

_T = TypeVar("_T")
_A = TypeVar("_A")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `amount` requests in any `seconds`; 0: no limit."""

    name: str
    amount: int
    seconds: int = 60


class Standing(NamedTuple):
    """What is left of a rate: requests that are allowed now, and seconds until there is another one."""

    remaining: int
    reset_s: int


class RateLimitError(TooManyRequestsError):
    """The limit of a rate is reached."""

    def __init__(self, rate: Rate, standing: Standing) -> None:
        super().__init__(
            f"The limit is {rate.amount} requests in {rate.seconds} seconds. Try again in {standing.reset_s} seconds.",
            wait_s=standing.reset_s,
        )
        self.rate = rate


Counter = tuple[Rate, str]
"""A rate, and what is counted: an address, the id of a user."""
_Window = tuple[int, float, int, float]
"""Requests in the previous window, its weight as the seconds until it ends, and the same of the current window."""

_standings: ContextVar[dict[Rate, Standing] | None] = ContextVar("standings", default=None)
"""The rates that the request in progress was counted in."""


class _Storage(RedisStorage):
    """The library's storage, with a step that counts and reads."""

    def __init__(self, redis: Redis) -> None:
        # The URL is required but unused: connections come from the pool of `redis`.
        pool: Any = redis.connection_pool
        super().__init__("async+redis://", implementation="redispy", key_prefix="shootout:rate", connection_pool=pool)
        self._hit = redis.register_script(_HIT)

    async def hit(self, counters: Sequence["Counter"]) -> list[tuple[bool, _Window]]:
        """Count a request if it is allowed; return for each counter whether it is, and the window.

        Counters behind one that does not allow it are left out.
        """
        keys: list[str] = []
        arguments: list[int] = []
        for rate, name in counters:
            item = _item_of(rate)
            key = item.key_for(rate.name, name)
            keys += (self.bridge.prefixed_key(self._previous_window_key(key)),)
            keys += (self.bridge.prefixed_key(self._current_window_key(key)),)
            arguments += (rate.amount, rate.seconds)
        found = await cast("Awaitable[list[list[Any]]]", self._hit(keys, arguments))
        return [_window_of(each) for each in found]

    async def read(self, counter: "Counter") -> _Window:
        """Return the window without counting a request."""
        rate, name = counter
        return await self.get_sliding_window(_item_of(rate).key_for(rate.name, name), rate.seconds)


@cache
def _item_of(rate: Rate) -> RateLimitItemPerSecond:
    return RateLimitItemPerSecond(rate.amount, rate.seconds)


def _window_of(found: Sequence[Any]) -> tuple[bool, _Window]:
    acquired, before, before_ms, now, now_ms = (int(each or 0) for each in found)
    return bool(acquired), (before, max(0, before_ms) / 1000, now, max(0, now_ms) / 1000)


class Throttle:
    """Rate limiter with one counter per rate and key."""

    def __init__(self, redis: Redis) -> None:
        self._storage = _Storage(redis)
        self._paused_until = 0.0
        self._next_warning_at = 0.0

    async def take(self, rate: Rate, key: str) -> None:
        """Count one request.

        Raises:
            TooManyRequestsError: the limit is reached; the request is not counted.
        """
        await self.take_all((rate, key))

    async def take_all(self, *counters: Counter) -> None:
        """Count one request in several counters, in one step.

        Raises:
            RateLimitError: a limit is reached. The request is not counted there and in the counters behind it.
        """
        counted = [each for each in counters if each[0].amount]
        if not counted or (found := await self._call(self._storage.hit, counted)) is None:
            return
        for (rate, _), (is_allowed, window) in zip(counted, found, strict=False):
            standing = _standing_in(window, rate)
            _note(rate, standing)
            if not is_allowed:
                raise RateLimitError(rate, standing)

    async def check(self, rate: Rate, key: str) -> None:
        """Check the limit without counting a request.

        Raises:
            TooManyRequestsError: the limit is reached.
        """
        if rate.amount and (window := await self._call(self._storage.read, (rate, key))) is not None:
            standing = _standing_in(window, rate)
            _note(rate, standing)
            if not standing.remaining:
                raise RateLimitError(rate, standing)

    async def _call(self, function: Callable[[_A], Awaitable[_T]], argument: _A) -> _T | None:
        """Return the result of a step; None if Redis is unavailable."""
        if time.monotonic() < self._paused_until:
            return None
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                return await function(argument)
        except TimeoutError:
            self._paused_until = time.monotonic() + PAUSE_S
            self._warn(f"no response within {REDIS_TIMEOUT_S:g} s")
        except (RedisError, OSError) as error:
            self._warn(str(error))
        return None

    def _warn(self, reason: str) -> None:
        if time.monotonic() >= self._next_warning_at:
            self._next_warning_at = time.monotonic() + PAUSE_S
            _log.warning("rate_limiting_disabled", reason=reason)


def _standing_in(window: _Window, rate: Rate) -> Standing:
    """Return what a window leaves, as the library's strategy computes it."""
    before, before_s, now, now_s = window
    remaining = max(0, rate.amount - math.floor(before * before_s / rate.seconds + now))
    waits = [before_s % (rate.seconds / before)] if before else []
    waits += [now_s % rate.seconds or rate.seconds] if now else []
    return Standing(remaining, max(1, math.ceil(min(waits, default=0.0))))


def _note(rate: Rate, standing: Standing) -> None:
    """Note what is left of a rate for the headers of the response."""
    if (found := _standings.get()) is not None:
        found[rate] = standing


def _rate_limit_headers(standings: dict[Rate, Standing]) -> list[tuple[bytes, bytes]]:
    """Return the header fields of draft-ietf-httpapi-ratelimit-headers-10."""
    policies = ", ".join(f'"{rate.name}";q={rate.amount};w={rate.seconds}' for rate in standings)
    left = ", ".join(f'"{rate.name}";r={found.remaining};t={found.reset_s}' for rate, found in standings.items())
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", left.encode())] if standings else []


class AddressRateLimitMiddleware(ASGIMiddleware):
    """Limits requests per IP address, before authentication, and states all limits of a request in its response.

    Routes with `opt={"unlimited": True}` are exempt, for monitoring.

    Args:
        throttle: the rate limiter.
        rate: of an address.
        further: returns another counter of a request, if it is known already, to be counted in the same step. Its
            limit rejects nothing here: `further_count` says what was counted.
    """

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)
    exclude_opt_key = "unlimited"

    def __init__(self, throttle: Throttle, rate: Rate, further: Callable[[Scope], Counter | None]) -> None:
        self._throttle = throttle
        self._rate = rate
        self._further = further

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Count the request, then call the next application."""
        standings: dict[Rate, Standing] = {}
        _standings.set(standings)

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_rate_limit_headers(standings)]
            await send(message)

        counters = [(self._rate, address_of(scope))]
        if (further := self._further(scope)) is not None:
            counters.append(further)
            scope["state"][_COUNTED] = (further, None)
        try:
            await self._throttle.take_all(*counters)
        except RateLimitError as error:
            if error.rate != self._rate:
                scope["state"][_COUNTED] = (further, error)
            else:
                await _reject(error, scope, receive, send, send_with_limits)
                return
        await next_app(scope, receive, send_with_limits)


class UnroutedLimit:
    """The same limit for requests to URLs and methods that do not exist, which Litestar's middleware does not see.

    Args:
        app: the application.
        throttle: counts the requests.
        rate: the limit of `AddressRateLimitMiddleware`.
    """

    def __init__(self, app: ASGIApp, throttle: Throttle, rate: Rate) -> None:
        self._app = app
        self._throttle = throttle
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request if no middleware has."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        standings: dict[Rate, Standing] = {}
        refused = False

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_rate_limit_headers(standings)]
            await send(message)

        async def send_counted(message: Message) -> None:
            nonlocal refused
            if (
                message["type"] == "http.response.start"
                and message["status"] in (404, 405)
                and not _is_counted(message)
            ):
                _standings.set(standings)
                try:
                    await self._throttle.take(self._rate, address_of(scope))
                except TooManyRequestsError as error:
                    refused = True
                    await _send_refusal(error, scope, receive, send_with_limits)
            if not refused:
                await send_with_limits(message)

        await self._app(scope, receive, send_counted)


def further_count(scope: Scope) -> tuple[Counter, TooManyRequestsError | None] | None:
    """Return the counter that was counted with the address, and the error if its limit is reached; None: there is none.

    If Redis was unavailable, it says so, too: to try again would make the request wait again.
    """
    found: tuple[Counter, TooManyRequestsError | None] | None = scope["state"].get(_COUNTED)
    return found


async def _reject(
    error: TooManyRequestsError, scope: Scope, receive: Receive, send: Send, send_with_limits: Send
) -> None:
    if scope["type"] == ScopeType.WEBSOCKET:
        socket: WebSocket[Any, Any, Any] = WebSocket(scope, receive, send)
        await socket.accept()  # a browser shows its page only close codes
        await socket.close(code=TOO_MANY, reason=error.detail)
        return
    # Sent instead of raised, so that the enclosing access log gets the status.
    await _send_refusal(error, scope, receive, send_with_limits)


async def _send_refusal(error: TooManyRequestsError, scope: Scope, receive: Receive, send: Send) -> None:
    request: Request[Any, Any, Any] = Request(scope, receive, send)
    response = problem_response(error.status, error.code, error.detail, headers=error.headers)
    await response.to_asgi_response(app=None, request=request)(scope, receive, send)


def _is_counted(message: Message) -> bool:
    headers: Iterable[tuple[bytes, bytes]] = cast(Any, message)["headers"]
    return any(name == b"ratelimit" for name, _ in headers)


def address_of(scope: Scope) -> str:
    """Return the client's address for rate limits: an IPv4 address, or the /64 network of an IPv6 address.

    Behind a trusted proxy it is the address that the proxy reports.
    """
    client = scope["client"]
    return _address(client[0] if client else "")


@lru_cache(maxsize=4096)
def _address(host: str) -> str:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)
