"""WebSockets: close codes for rejected connections, and direct writes of frames.

A rejected connection is accepted and closed with a code, the only detail that a browser shows its page.

====  ======================================================
1011  internal error; it has been logged
1012  the process stops (sent by the server)
1013  database or Redis are unavailable; reconnect shortly
4400  malformed URL; likewise 4000 + each HTTP status
====  ======================================================
"""

from collections.abc import Callable
from typing import Any, Final, cast

import structlog
from litestar import WebSocket
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, WebSocketException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from websockets.frames import Frame, Opcode

from tone_shootout.kit.http.problems import ProblemError, is_outage

INTERNAL_ERROR: Final = 1011
TRY_AGAIN_LATER: Final = 1013
_LONGEST_REASON: Final = 123
"""Bytes of a close reason (RFC 6455, section 5.5: 125 with the code)."""
_UNKNOWN: Final = 4500
"""Litestar's close code for exceptions that are not WebSocket exceptions."""

PUSH: Final = "tone_shootout.push"
"""ASGI extension of our server (`kit.http.web_server`); its `push` is a `Push`."""

Push = Callable[[bytes], bool]
"""Writes a frame to a WebSocket at once and returns True; returns False if its buffer is full or it is closing.

Sending through ASGI costs a task wake-up, a dozen calls and an encoding per message and client.
"""

_log = structlog.get_logger(__name__)


def push_of(socket: WebSocket[Any, Any, Any]) -> Push | None:
    """Return the function for direct writes to a WebSocket, None if the server has none."""
    return cast("Push | None", (socket.scope["extensions"] or {}).get(PUSH, {}).get("push"))


def text_frame(text: str) -> bytes:
    """Return the frame of a text message."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


async def record_rejection(error: Exception, scope: Scope) -> None:
    """Record the error of a WebSocket for `WebSocketRejectionMiddleware`; an `after_exception` hook."""
    if scope["type"] == ScopeType.WEBSOCKET:
        scope["state"]["rejection"] = _code_and_reason(error, scope["path"])


class WebSocketRejectionMiddleware(ASGIMiddleware):
    """Closes rejected WebSockets with a code, after accepting them."""

    scopes = (ScopeType.WEBSOCKET,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the next application."""
        accepted = False

        async def send_message(message: Message) -> None:
            nonlocal accepted
            if message["type"] == "websocket.close":
                if not accepted:
                    await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
                if message["code"] == _UNKNOWN:
                    message["code"], message["reason"] = scope["state"].get("rejection", (INTERNAL_ERROR, ""))
            accepted = True
            await send(message)

        try:
            await next_app(scope, receive, send_message)
        except Exception as error:  # noqa: BLE001 - every error becomes a close code
            await record_rejection(error, scope)
            await send_message({"type": "websocket.close", "code": _UNKNOWN, "reason": ""})


def _code_and_reason(error: Exception, path: str) -> tuple[int, str]:
    if isinstance(error, WebSocketException):
        return error.code, error.detail
    if is_outage(error) or (isinstance(error, ProblemError) and error.status == 503):
        return TRY_AGAIN_LATER, "The service is unavailable. Reconnect shortly."
    if isinstance(error, ProblemError):
        return 4000 + error.status, error.detail.encode()[:_LONGEST_REASON].decode(errors="ignore")
    if isinstance(error, HTTPException):
        return 4000 + error.status_code, ""
    _log.error("unhandled_exception", path=path, exc_info=error)
    return INTERNAL_ERROR, "Internal error."
