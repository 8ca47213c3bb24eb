"""Structured logs, without bodies, headers, cookies or tokens."""

import logging
import logging.config
import sys
from typing import Any

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

from tone_shootout.kit.settings import LogSettings


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
