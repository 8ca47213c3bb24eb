"""Metrics of requests for Prometheus, under the names of Litestar's own middleware.

That middleware looks up each metric by its labels four times a request, which takes a fifth of the time of a short
request. Here, the lookups of an operation are made once.
"""

import time
from functools import cache
from typing import Final, NamedTuple

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Counter, Gauge, Histogram

APP: Final = "shootout"
"""Label `app_name`."""
_LABELS: Final = ("method", "path", "status_code", "app_name")

_requests = Counter("litestar_requests_total", "Total requests", _LABELS)
_errors = Counter("litestar_requests_error_total", "Total errors in requests", _LABELS)
_durations = Histogram("litestar_request_duration_seconds", "Request duration, in seconds", _LABELS)
_in_progress = Gauge(
    "litestar_requests_in_progress", "Total requests currently in progress", _LABELS, multiprocess_mode="livesum"
)


class _Outcome(NamedTuple):
    """Metrics of an operation's responses with one status."""

    requests: Counter
    durations: Histogram
    errors: Counter | None


@cache
def _progress_of(method: str, path: str) -> Gauge:
    return _in_progress.labels(method, path, 200, APP)


@cache
def _outcome_of(method: str, path: str, status: int) -> _Outcome:
    labels = (method, path, status, APP)
    errors = _errors.labels(*labels) if status >= 500 else None
    return _Outcome(_requests.labels(*labels), _durations.labels(*labels), errors)


class MetricsMiddleware(ASGIMiddleware):
    """Counts and times requests and WebSockets by method, path template and status."""

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the next application and record the result."""
        started = time.perf_counter()
        status, duration = 200, 0.0
        path = scope["path_template"]
        method = scope["method"] if scope["type"] == ScopeType.HTTP else str(scope["type"])
        progress = _progress_of(method, path)

        async def send_timed(message: Message) -> None:
            nonlocal status, duration
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                duration = time.perf_counter() - started
            await send(message)

        progress.inc()
        try:
            await next_app(scope, receive, send_timed)
        finally:
            progress.dec()
            outcome = _outcome_of(method, path, status)
            outcome.requests.inc()
            outcome.durations.observe(duration)
            if outcome.errors is not None:
                outcome.errors.inc()
