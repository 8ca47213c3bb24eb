"""How often somebody may ask, counted in the broker for all web processes together.

A sliding window counter (the library `limits`, a Lua script for each step): atomic, and two small keys for each counter
that vanish by themselves. A broker that does not answer limits nobody: it must not stop the service.
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

ANSWER_S: Final = 3.0
"""Longest that a request waits for the broker."""
REST_S: Final = 10.0
"""For so long a broker that has kept somebody waiting is not asked again, and one that is away not complained of."""
TOO_MANY: Final = 4429
"""The code that a WebSocket is closed with."""

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `amount` times in any `seconds`; 0: any number of times."""

    name: str
    amount: int
    seconds: int = 60


class Throttle:
    """Counts by rate and key."""

    def __init__(self, redis: Redis) -> None:
        # The address is a formality: the connections are those of `redis`.
        pool: Any = redis.connection_pool
        storage = RedisStorage(
            "async+redis://", implementation="redispy", key_prefix="shootout:rate", connection_pool=pool
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._resting_until = 0.0
        self._silent_until = 0.0

    async def take(self, rate: Rate, key: str) -> None:
        """Count one.

        Raises:
            TooManyRequestsError: there have been as many as there may be; this one does not count.
        """
        if rate.amount and not await self._ask(self._limiter.hit, rate, key, otherwise=True):
            raise await self._refusal(rate, key)

    async def check(self, rate: Rate, key: str) -> None:
        """Count none, only look.

        Raises:
            TooManyRequestsError: there have been as many as there may be.
        """
        if rate.amount and not await self._ask(self._limiter.test, rate, key, otherwise=True):
            raise await self._refusal(rate, key)

    async def _refusal(self, rate: Rate, key: str) -> TooManyRequestsError:
        stats = await self._ask(self._limiter.get_window_stats, rate, key, otherwise=None)
        wait_s = 1 if stats is None else max(1, math.ceil(stats.reset_time - time.time()))
        return TooManyRequestsError(
            f"At most {rate.amount} in {rate.seconds} seconds. Try again in {wait_s} seconds.",
            wait_s=wait_s,
            # draft-ietf-httpapi-ratelimit-headers-10
            headers={
                "RateLimit-Policy": f'"{rate.name}";q={rate.amount};w={rate.seconds}',
                "RateLimit": f'"{rate.name}";r=0;t={wait_s}',
            },
        )

    async def _ask(
        self, question: Callable[..., Awaitable[_T]], rate: Rate, key: str, *, otherwise: _T | None
    ) -> _T | None:
        if time.monotonic() < self._resting_until:
            return otherwise
        item = RateLimitItemPerSecond(rate.amount, rate.seconds)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await question(item, rate.name, key)
        except TimeoutError:
            self._resting_until = time.monotonic() + REST_S
            self._complain("the broker does not answer")
        except (RedisError, OSError) as error:
            self._complain(str(error))
        return otherwise

    def _complain(self, reason: str) -> None:
        if time.monotonic() >= self._silent_until:
            self._silent_until = time.monotonic() + REST_S
            _log.warning("nobody is limited", reason=reason)


class AddressLimit(ASGIMiddleware):
    """Refuses addresses that ask too often, before anybody looks who it is.

    Routes with `opt={"unlimited": True}` are left alone: whoever watches over the service must get an answer.
    """

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)
    exclude_opt_key = "unlimited"

    def __init__(self, throttle: Throttle, rate: Rate) -> None:
        self._throttle = throttle
        self._rate = rate

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Count, then pass the connection on."""
        try:
            await self._throttle.take(self._rate, address_of(ASGIConnection(scope)))
        except TooManyRequestsError as error:
            if scope["type"] == ScopeType.WEBSOCKET:
                socket: WebSocket[Any, Any, Any] = WebSocket(scope, receive, send)
                await socket.accept()  # a browser shows its page no other refusal than the code of a close
                await socket.close(code=TOO_MANY, reason=error.detail)
                return
            # Answered here, not raised, so that the log in front of us sees what is answered.
            request: Request[Any, Any, Any] = Request(scope, receive, send)
            answer = problem_response(error.status, error.code, error.detail, headers=error.headers)
            await answer.to_asgi_response(app=None, request=request)(scope, receive, send)
            return
        await next_app(scope, receive, send)


def address_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Return where a connection comes from: an IPv4 address, or the 64 bits of an IPv6 one that a household shares.

    Behind a proxy it is the address that the proxy names, if the settings trust that proxy.
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
