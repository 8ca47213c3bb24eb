"""Timeout of request bodies.

A client that sends a body very slowly would otherwise hold a connection, and disk space for the part received, at no
cost to itself.
"""

import asyncio

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send
from litestar.types.asgi_types import HTTPRequestEvent

from tone_shootout.kit.http.problems import ProblemError


class TooSlowError(ProblemError):
    """The body arrives too slowly."""

    status = 408
    code = "too_slow"


class BodyTimeout(ASGIMiddleware):
    """Rejects a body that is more than `grace_s` late at `bytes_per_s`."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, *, grace_s: float, bytes_per_s: int) -> None:
        self._grace_s = grace_s
        self._bytes_per_s = bytes_per_s

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the next application with a deadline for each part of the body."""
        clock = asyncio.get_running_loop().time
        due = clock() + self._grace_s
        more_body = True

        async def receive_timed() -> HTTPReceiveMessage:
            nonlocal due, more_body
            if not more_body:
                return await receive()  # type: ignore[return-value]  # HTTP messages only
            try:
                async with asyncio.timeout_at(due):
                    message = await receive()
            except TimeoutError:
                raise TooSlowError(
                    f"After {self._grace_s:g} seconds, a body must arrive at {self._bytes_per_s} bytes/s or more.",
                    headers={"Connection": "close"},
                ) from None
            if message["type"] == "http.request":
                part: HTTPRequestEvent = message
                due += len(part["body"]) / self._bytes_per_s
                more_body = part["more_body"]
            return message  # type: ignore[return-value]  # as above

        await next_app(scope, receive_timed, send)
