"""Structured logs, without bodies, headers, cookies or tokens."""

import logging
import logging.config
import re
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

from tone_shootout.kit.settings import LogSettings
from tone_shootout.kit.tracing import add_trace_id, is_tracing

_PLAIN: Final = re.compile(r"[A-Za-z0-9/._~:@!$&()*+,;%-]*")
"""Paths that neither format of logs has to escape."""


class LogHandler(logging.StreamHandler[TextIO]):
    """Writes log records to a stream, and the lines of requests without the detour of a record.

    A record passes through fifteen functions. That takes as long as to authenticate a request.
    """

    def __init__(self, stream: TextIO, settings: LogSettings) -> None:
        super().__init__(stream)
        self._is_json = settings.format == "json"
        self._is_terminal = stream.isatty()
        self._writes_requests = logging.getLevelNamesMapping()[settings.level] <= logging.INFO

    def write_request(self, logger: str, method: str, path: str, status: int, ms: float) -> bool:
        """Write the line of a request as the processors would; return False if they have to do it."""
        context = structlog.contextvars.get_contextvars()
        request_id = context.get("request_id")
        is_plain = method.isalpha() and _PLAIN.fullmatch(path)
        if len(context) != 1 or not isinstance(request_id, str) or not is_plain or is_tracing():
            return False
        if not self._writes_requests:
            return True
        at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        if self._is_json:
            line = (
                f'{{"method": "{method}", "path": "{path}", "status": {status}, "ms": {ms}, "event": "request", '
                f'"request_id": "{request_id}", "logger": "{logger}", "level": "info", "timestamp": "{at}"}}\n'
            )
        elif self._is_terminal:
            return False
        else:
            line = (
                f"{at} [info     ] request                        [{logger}] "
                f"method={method} ms={ms} path={path} request_id={request_id} status={status}\n"
            )
        with self.lock or nullcontext():
            self.stream.write(line)
            self.flush()
        return True


def configure_logs(settings: LogSettings) -> None:
    """Configure structlog and the standard library to write to standard error in one format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace_id,
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
    handler = LogHandler(sys.stderr, settings)
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
