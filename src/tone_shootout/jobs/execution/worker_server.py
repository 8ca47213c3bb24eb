"""Metrics and probes of a worker, over HTTP on a port of its own.

The server runs in threads: it answers while the event loop is busy, and `/health/live` tells when the loop hangs.
"""

import asyncio
import concurrent.futures
import json
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from tone_shootout.jobs.execution.availability import Availability

LOOP_S: Final = 5.0
"""Seconds within which the event loop of a live worker responds."""

StartResponse = Callable[[str, list[tuple[str, str]]], object]

_log = structlog.get_logger(__name__)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = 10.0

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Log nothing: a probe comes every few seconds."""


class WorkerServer:
    """Answers `/metrics`, `/health/live` and `/health/ready`.

    Args:
        host: address to listen on.
        port: port to listen on; 0: do not listen.
        availability: state of the worker's dependencies.
    """

    def __init__(self, host: str, port: int, availability: Availability) -> None:
        self._host = host
        self._port = port
        self._availability = availability

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None, None]:
        """Listen for the duration of the context.

        Raises:
            OSError: the port is in use.
        """
        if not self._port:
            yield
            return
        loop = asyncio.get_running_loop()

        def respond(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            return self._respond(environ, start_response, loop)

        server = make_server(self._host, self._port, respond, server_class=_Server, handler_class=_Handler)
        thread = threading.Thread(target=server.serve_forever, name="worker-server", daemon=True)
        thread.start()
        _log.info("worker_server_started", host=self._host, port=server.server_port)
        try:
            yield
        finally:
            await asyncio.to_thread(server.shutdown)
            server.server_close()
            thread.join()

    def _respond(
        self, environ: dict[str, Any], start_response: StartResponse, loop: asyncio.AbstractEventLoop
    ) -> Iterable[bytes]:
        status, media_type = HTTPStatus.OK, "application/json"
        match environ["PATH_INFO"]:
            case "/metrics":
                media_type, content = CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
            case "/health/live":
                status = HTTPStatus.OK if _is_alive(loop) else HTTPStatus.SERVICE_UNAVAILABLE
                content = _health(status)
            case "/health/ready":
                is_ready = self._availability.is_open and _is_alive(loop)
                status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
                content = _health(status)
            case _:
                status, content = HTTPStatus.NOT_FOUND, b"{}"
        headers = [("Content-Type", media_type), ("Content-Length", str(len(content))), ("Cache-Control", "no-store")]
        start_response(f"{status.value} {status.phrase}", headers)
        return [content]


def _is_alive(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether the event loop responds in time."""
    try:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(LOOP_S)
    except (TimeoutError, concurrent.futures.CancelledError, RuntimeError):
        return False
    return True


def _health(status: HTTPStatus) -> bytes:
    return json.dumps({"status": "ok" if status is HTTPStatus.OK else "unavailable"}).encode()
