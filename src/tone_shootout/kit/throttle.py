"""Rate limiting, shared by all web processes through Redis.

A sliding window counter (the library `limits`, one Lua script per step): atomic, with two small keys per counter that
expire. If Redis is unavailable, rate limiting is disabled and the service continues.
"""

import asyncio
import ipaddress
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from litestar import Request, WebSocket
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tone_shootout.kit.http.problems import TooManyRequestsError, problem_response

REDIS_TIMEOUT_S: Final = 3.0
PAUSE_S: Final = 10.0
"""Seconds without rate limiting after a timeout, and between two warnings."""
TOO_MANY: Final = 4429
"""Close code of a WebSocket."""

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `amount` requests in any `seconds`; 0: no limit."""

    name: str
    amount: int
    seconds: int = 60


class Throttle:
    """Rate limiter with one counter per rate and key."""

    def __init__(self, redis: Redis) -> None:
        # The URL is required but unused: connections come from the pool of `redis`.
        pool: Any = redis.connection_pool
        storage = RedisStorage(
            "async+redis://", implementation="redispy", key_prefix="shootout:rate", connection_pool=pool
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._paused_until = 0.0
        self._next_warning_at = 0.0

    async def take(self, rate: Rate, key: str) -> None:
        """Count one request.

        Raises:
            TooManyRequestsError: the limit is reached; the request is not counted.
        """
        if rate.amount and not await self._call(self._limiter.hit, rate, key, otherwise=True):
            raise await self._rate_limit_error(rate, key)

    async def check(self, rate: Rate, key: str) -> None:
        """Check the limit without counting a request.

        Raises:
            TooManyRequestsError: the limit is reached.
        """
        if rate.amount and not await self._call(self._limiter.test, rate, key, otherwise=True):
            raise await self._rate_limit_error(rate, key)

    async def _rate_limit_error(self, rate: Rate, key: str) -> TooManyRequestsError:
        stats = await self._call(self._limiter.get_window_stats, rate, key, otherwise=None)
        wait_s = 1 if stats is None else max(1, math.ceil(stats.reset_time - time.time()))
        return TooManyRequestsError(
            f"The limit is {rate.amount} requests in {rate.seconds} seconds. Try again in {wait_s} seconds.",
            wait_s=wait_s,
            # draft-ietf-httpapi-ratelimit-headers-10
            headers={
                "RateLimit-Policy": f'"{rate.name}";q={rate.amount};w={rate.seconds}',
                "RateLimit": f'"{rate.name}";r=0;t={wait_s}',
            },
        )

    async def _call(
        self, function: Callable[..., Awaitable[_T]], rate: Rate, key: str, *, otherwise: _T | None
    ) -> _T | None:
        if time.monotonic() < self._paused_until:
            return otherwise
        item = RateLimitItemPerSecond(rate.amount, rate.seconds)
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                return await function(item, rate.name, key)
        except TimeoutError:
            self._paused_until = time.monotonic() + PAUSE_S
            self._warn(f"no response within {REDIS_TIMEOUT_S:g} s")
        except (RedisError, OSError) as error:
            self._warn(str(error))
        return otherwise

    def _warn(self, reason: str) -> None:
        if time.monotonic() >= self._next_warning_at:
            self._next_warning_at = time.monotonic() + PAUSE_S
            _log.warning("rate_limiting_disabled", reason=reason)


class AddressRateLimitMiddleware(ASGIMiddleware):
    """Limits requests per IP address, before authentication.

    Routes with `opt={"unlimited": True}` are exempt, for monitoring.
    """

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)
    exclude_opt_key = "unlimited"

    def __init__(self, throttle: Throttle, rate: Rate) -> None:
        self._throttle = throttle
        self._rate = rate

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Count the request, then call the next application."""
        try:
            await self._throttle.take(self._rate, address_of(ASGIConnection(scope)))
        except TooManyRequestsError as error:
            if scope["type"] == ScopeType.WEBSOCKET:
                socket: WebSocket[Any, Any, Any] = WebSocket(scope, receive, send)
                await socket.accept()  # a browser shows its page only close codes
                await socket.close(code=TOO_MANY, reason=error.detail)
                return
            # Sent instead of raised, so that the enclosing access log gets the status.
            request: Request[Any, Any, Any] = Request(scope, receive, send)
            response = problem_response(error.status, error.code, error.detail, headers=error.headers)
            await response.to_asgi_response(app=None, request=request)(scope, receive, send)
            return
        await next_app(scope, receive, send)


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
