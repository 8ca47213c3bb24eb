"""How slowly a body may come in.

A body that trickles costs its sender nothing and holds a connection here, with what has come of it on the disk.
"""

import asyncio

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send
from litestar.types.asgi_types import HTTPRequestEvent

from tone_shootout.kit.http.problems import ProblemError


class TooSlowError(ProblemError):
    """A body that comes in too slowly."""

    status = 408
    code = "too_slow"


class BodyTimeout(ASGIMiddleware):
    """Gives up on a body that is `grace_s` late at `bytes_per_s`, whoever reads it."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, *, grace_s: float, bytes_per_s: int) -> None:
        self._grace_s = grace_s
        self._bytes_per_s = bytes_per_s

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on, with a clock beside its body."""
        clock = asyncio.get_running_loop().time
        due = clock() + self._grace_s
        coming = True

        async def paced() -> HTTPReceiveMessage:
            nonlocal due, coming
            if not coming:
                return await receive()  # type: ignore[return-value]  # of an HTTP request nothing else comes
            try:
                async with asyncio.timeout_at(due):
                    message = await receive()
            except TimeoutError:
                raise TooSlowError(
                    f"After {self._grace_s:g} seconds, a body has to bring {self._bytes_per_s} bytes in every second.",
                    headers={"Connection": "close"},
                ) from None
            if message["type"] == "http.request":
                part: HTTPRequestEvent = message
                due += len(part["body"]) / self._bytes_per_s
                coming = part["more_body"]
            return message  # type: ignore[return-value]  # as above

        await next_app(scope, paced, send)
