"""Structured logs: method, path, status, duration and ids; never bodies, headers, cookies or tokens."""

import logging
import logging.config
import sys
import time
from typing import Any

import structlog
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

from tone_shootout.kit.http.head import ASKED_METHOD
from tone_shootout.kit.settings import LogSettings

_log = structlog.get_logger("tone_shootout.access")


def configure_logs(settings: LogSettings) -> None:
    """Configure structlog and the standard library to write to standard error in one format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Any] = (
        # Local variables of a traceback contain headers and tokens.
        [ExceptionRenderer(ExceptionDictTransformer(show_locals=False)), structlog.processors.JSONRenderer()]
        if settings.format == "json"
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "saq", "alembic"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("saq").addFilter(_without_ordinary_stops)
    server = logging.getLogger("uvicorn.error")
    server.addFilter(_without_websocket_urls)
    # At DEBUG it logs WebSocket messages, credentials included.
    server.setLevel(max(logging.INFO, logging.getLevelNamesMapping()[settings.level]))
    for quiet in ("uvicorn.access", "httpx", "httpcore", "alembic", "psycopg.pool"):
        logging.getLogger(quiet).setLevel(logging.WARNING)


def _without_websocket_urls(record: logging.LogRecord) -> bool:
    """Drop uvicorn's log of opened WebSockets, which contains the URL with the ticket."""
    return not (isinstance(record.msg, str) and '"WebSocket %s"' in record.msg)


def _without_ordinary_stops(record: logging.LogRecord) -> bool:
    """Drop SAQ's warning at each stop of a worker: ours have no grace period (`jobs.tasks`)."""
    return not (isinstance(record.msg, str) and "within the shutdown grace period" in record.msg)


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
                _log.info(
                    "request",
                    method=scope["state"].get(ASKED_METHOD, scope["method"]),  # type: ignore[typeddict-item]  # HTTP scopes only
                    path=scope["path"],
                    status=status,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                )
