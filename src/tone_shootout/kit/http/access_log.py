"""A log line for each request: method, path, status and duration; never bodies, headers, cookies or tokens."""

import logging
import time
from typing import Final

import structlog
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tone_shootout.kit.http.head import ORIGINAL_METHOD
from tone_shootout.kit.logs import LogHandler

_NAME: Final = "tone_shootout.access"
_log = structlog.get_logger(_NAME)


class AccessLog(ASGIMiddleware):
    """Logs each request."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the next application and log the result."""
        started = time.perf_counter()
        status = 500

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await next_app(scope, receive, send_noting_status)
        finally:
            if not scope["path"].startswith("/health/"):
                method: str = scope["state"].get(ORIGINAL_METHOD, scope["method"])  # type: ignore[typeddict-item]  # HTTP scopes only
                ms = round((time.perf_counter() - started) * 1000, 1)
                handlers = logging.getLogger().handlers
                handler = handlers[0] if len(handlers) == 1 else None
                if not isinstance(handler, LogHandler) or not handler.write_request(
                    _NAME, method, scope["path"], status, ms
                ):
                    _log.info("request", method=method, path=scope["path"], status=status, ms=ms)
