"""Rate limiting, shared by all web processes through Redis.

A sliding window counter (the library `limits`, one Lua script per step): atomic, with two small keys per counter that
expire. If Redis is unavailable, rate limiting is disabled and the service continues.

Every response to a limited request states the limits that were applied, as `RateLimit` and `RateLimit-Policy`.
"""

import asyncio
import ipaddress
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar, cast

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.bridge import RedisBridge
from litestar import Request, WebSocket
from litestar.connection import ASGIConnection
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

_HIT: Final = f"""
local function acquire(ARGV)
{RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW.decode()}
end
local function read(ARGV)
{RedisBridge.SCRIPT_SLIDING_WINDOW.decode()}
end
local acquired = acquire(ARGV)
local window = read({{ARGV[2]}})
return {{acquired and 1 or 0, window[1], window[2], window[3], window[4]}}
"""
"""The library's scripts that count a request and that read the counter, in one round trip."""

_T = TypeVar("_T")
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

    async def hit(self, item: RateLimitItemPerSecond, *names: str) -> tuple[bool, _Window]:
        """Count a request if it is allowed; return whether it is, and the window."""
        key = item.key_for(*names)
        keys = [
            self.bridge.prefixed_key(each) for each in (self._previous_window_key(key), self._current_window_key(key))
        ]
        answer = await cast("Awaitable[list[Any]]", self._hit(keys, [item.amount, item.get_expiry(), 1]))
        acquired, *counts = (int(each or 0) for each in answer)
        return bool(acquired), (counts[0], max(0, counts[1]) / 1000, counts[2], max(0, counts[3]) / 1000)

    async def read(self, item: RateLimitItemPerSecond, *names: str) -> _Window:
        """Return the window without counting a request."""
        return await self.get_sliding_window(item.key_for(*names), item.get_expiry())


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
        if rate.amount and (found := await self._call(self._storage.hit, rate, key)) is not None:
            is_allowed, window = found
            standing = _standing_in(window, rate)
            _note(rate, standing)
            if not is_allowed:
                raise _rate_limit_error(rate, standing)

    async def check(self, rate: Rate, key: str) -> None:
        """Check the limit without counting a request.

        Raises:
            TooManyRequestsError: the limit is reached.
        """
        if rate.amount and (window := await self._call(self._storage.read, rate, key)) is not None:
            standing = _standing_in(window, rate)
            _note(rate, standing)
            if not standing.remaining:
                raise _rate_limit_error(rate, standing)

    async def _call(self, function: Callable[..., Awaitable[_T]], rate: Rate, key: str) -> _T | None:
        """Return the result of a step; None if Redis is unavailable."""
        if time.monotonic() < self._paused_until:
            return None
        item = RateLimitItemPerSecond(rate.amount, rate.seconds)
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                return await function(item, rate.name, key)
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


def _rate_limit_error(rate: Rate, standing: Standing) -> TooManyRequestsError:
    return TooManyRequestsError(
        f"The limit is {rate.amount} requests in {rate.seconds} seconds. Try again in {standing.reset_s} seconds.",
        wait_s=standing.reset_s,
    )


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
    """

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)
    exclude_opt_key = "unlimited"

    def __init__(self, throttle: Throttle, rate: Rate) -> None:
        self._throttle = throttle
        self._rate = rate

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Count the request, then call the next application."""
        standings: dict[Rate, Standing] = {}
        _standings.set(standings)

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_rate_limit_headers(standings)]
            await send(message)

        try:
            await self._throttle.take(self._rate, address_of(ASGIConnection(scope)))
        except TooManyRequestsError as error:
            if scope["type"] == ScopeType.WEBSOCKET:
                socket: WebSocket[Any, Any, Any] = WebSocket(scope, receive, send)
                await socket.accept()  # a browser shows its page only close codes
                await socket.close(code=TOO_MANY, reason=error.detail)
                return
            # Sent instead of raised, so that the enclosing access log gets the status.
            await _send_refusal(error, scope, receive, send_with_limits)
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
                    await self._throttle.take(self._rate, address_of(ASGIConnection(scope)))
                except TooManyRequestsError as error:
                    refused = True
                    await _send_refusal(error, scope, receive, send_with_limits)
            if not refused:
                await send_with_limits(message)

        await self._app(scope, receive, send_counted)


async def _send_refusal(error: TooManyRequestsError, scope: Scope, receive: Receive, send: Send) -> None:
    request: Request[Any, Any, Any] = Request(scope, receive, send)
    response = problem_response(error.status, error.code, error.detail, headers=error.headers)
    await response.to_asgi_response(app=None, request=request)(scope, receive, send)


def _is_counted(message: Message) -> bool:
    headers: Iterable[tuple[bytes, bytes]] = cast(Any, message)["headers"]
    return any(name == b"ratelimit" for name, _ in headers)


def address_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Return the client's address for rate limits: an IPv4 address, or the /64 network of an IPv6 address.

    Behind a trusted proxy it is the address that the proxy reports.
    """
    host = connection.client.host if connection.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)
