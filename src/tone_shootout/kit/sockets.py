"""How a WebSocket is refused: always with the code of a close, the only thing that a browser shows its page.

====  ======================================================
1011  something went wrong on our side; it has been logged
1012  this process stops (sent by the server itself)
1013  database or broker are away; come back in a moment
4400  the address is malformed, and so on for each HTTP status
====  ======================================================
"""

from typing import Final

import structlog
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, WebSocketException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tone_shootout.kit.problems import ProblemError, is_outage

OUR_FAULT: Final = 1011
TRY_AGAIN_LATER: Final = 1013
_UNKNOWN: Final = 4500
"""What Litestar closes with for any error that is not made for WebSockets."""

_log = structlog.get_logger(__name__)


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
