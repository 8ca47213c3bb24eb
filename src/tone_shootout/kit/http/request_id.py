"""An id for each request: in its response, in its problems, and in its log lines.

Structlog's context carries it, and `kit.logs` adds the context to each line.
"""

import re
import secrets
from typing import TYPE_CHECKING, Final, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars, get_contextvars

if TYPE_CHECKING:
    from litestar.types.asgi_types import HTTPResponseStartEvent

HEADER: Final = b"x-request-id"
_TRUSTED: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""Ids of clients that are kept: nothing that could break a log line or a page."""
_HEADERS_TO: Final = ("http.response.start", "websocket.accept")


class RequestIdMiddleware:
    """Keeps the client's `X-Request-ID` or makes one. Outermost, so that no response is without it."""

    def __init__(self, next_app: ASGIApp) -> None:
        self._next_app = next_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the next application."""
        if scope["type"] not in ("http", "websocket"):
            await self._next_app(scope, receive, send)
            return
        sent = next((value for name, value in scope["headers"] if name == HEADER), b"")
        request_id = sent if _TRUSTED.fullmatch(sent) else secrets.token_hex(16).encode()

        async def send_with_id(message: Message) -> None:
            if message["type"] in _HEADERS_TO:
                started = cast("HTTPResponseStartEvent", message)
                started["headers"] = [*started["headers"], (HEADER, request_id)]
            await send(message)

        with bound_contextvars(request_id=request_id.decode()):
            await self._next_app(scope, receive, send_with_id)


def current_request_id() -> str:
    """Return the id of the request that is handled; empty outside of one."""
    return str(get_contextvars().get("request_id", ""))
