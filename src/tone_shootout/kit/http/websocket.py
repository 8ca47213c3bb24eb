"""What the server and the application agree on about WebSockets: how one is refused, and a short way into one.

It is refused with the code of a close, the only thing that a browser shows its page.

====  ======================================================
1011  something went wrong on our side; it has been logged
1012  this process stops (sent by the server itself)
1013  database or broker are away; come back in a moment
4400  the address is malformed, and so on for each HTTP status
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

OUR_FAULT: Final = 1011
TRY_AGAIN_LATER: Final = 1013
_UNKNOWN: Final = 4500
"""What Litestar closes with for any error that is not made for WebSockets."""

PUSH: Final = "tone_shootout.push"
"""Our server's extension of ASGI; its `push` is a `Push` for the WebSocket."""

Push = Callable[[bytes], bool]
"""Writes a whole frame into a WebSocket at once, and tells whether it did: not to who does not keep up.

Sending through ASGI costs a task's wake-up, a dozen calls and an encoding for every message of every client.
"""

_log = structlog.get_logger(__name__)


def push_of(socket: WebSocket[Any, Any, Any]) -> Push | None:
    """Return the short way into a WebSocket, where the server has one."""
    return cast("Push | None", (socket.scope["extensions"] or {}).get(PUSH, {}).get("push"))


def text_frame(text: str) -> bytes:
    """Return the frame of a message from a server."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


async def note_refusal(error: Exception, scope: Scope) -> None:
    """Keep what went wrong with a WebSocket, for `SocketRefusals`: a hook of the application."""
    if scope["type"] == ScopeType.WEBSOCKET:
        scope["state"]["refusal"] = _code_and_reason(error, scope["path"])


class SocketRefusals(ASGIMiddleware):
    """Accepts what is about to be closed unaccepted, and closes it with a code that says why."""

    scopes = (ScopeType.WEBSOCKET,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the connection on."""
        accepted = False

        async def sending(message: Message) -> None:
            nonlocal accepted
            if message["type"] == "websocket.close":
                if not accepted:
                    await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
                if message["code"] == _UNKNOWN:
                    message["code"], message["reason"] = scope["state"].get("refusal", (OUR_FAULT, ""))
            accepted = True
            await send(message)

        try:
            await next_app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told with a code
            await note_refusal(error, scope)
            await sending({"type": "websocket.close", "code": _UNKNOWN, "reason": ""})


def _code_and_reason(error: Exception, path: str) -> tuple[int, str]:
    if isinstance(error, WebSocketException):
        return error.code, error.detail
    if is_outage(error) or (isinstance(error, ProblemError) and error.status == 503):
        return TRY_AGAIN_LATER, "Come back in a moment."
    if isinstance(error, ProblemError):
        return 4000 + error.status, error.detail[:120]
    if isinstance(error, HTTPException):
        return 4000 + error.status_code, ""
    _log.error("unhandled", path=path, exc_info=error)
    return OUR_FAULT, "Something went wrong on our side."
