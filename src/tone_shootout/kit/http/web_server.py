"""The server of a web process: uvicorn with timeouts, direct WebSocket writes and limits of open files."""

import resource
import socket
import time
from asyncio import TimerHandle, Transport
from collections.abc import Callable
from typing import Any

import structlog
import uvicorn
from litestar import Litestar
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tone_shootout.kit.http.prefix import BehindProxy
from tone_shootout.kit.http.websocket import PUSH
from tone_shootout.kit.settings import Settings, SettingsError, http_url

LONGEST_MESSAGE = 1024
"""Largest WebSocket message from a client, in bytes. Our WebSockets only send."""

_REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
OPEN_FILES = 65_536
"""Wanted limit of open files, where the system allows it."""

_log = structlog.get_logger(__name__)


class HttpProtocol(HttpToolsProtocol):
    """HTTP with limits for the request head, and a timeout for clients that read nothing for four heartbeats.

    `kit.http.body_timeout` limits the body. Connections are refused when the process runs out of file descriptors:
    without this, the system would leave clients waiting.
    """

    head_s = 30.0
    """Timeout of the request head."""
    head_bytes = 65_536
    """Largest request head."""
    _head: TimerHandle | None = None
    _check_timer: TimerHandle | None = None
    _head_size = 0
    _is_reading = False
    """Whether a request has begun and not ended."""
    _reads_head = True
    _is_upgraded = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start the timeout of the first request head, or refuse the connection."""
        super().connection_made(transport)
        if _refusals.is_short(transport):
            transport.write(_REFUSAL)
            transport.close()
            return
        self._head = self.loop.call_later(self.head_s, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Start or stop the timeout of the request head."""
        self._head_size += len(data)
        super().data_received(data)
        if self._is_upgraded or self.transport.is_closing():
            self._stop_head_timer()
        elif self._reads_head and self._head_size > self.head_bytes:
            self.send_400_response("The request head is too large.")
        elif self._reads_head or (not self._is_reading and self._has_responded()):
            self._head = self._head or self.loop.call_later(self.head_s, self.transport.abort)
        else:
            self._stop_head_timer()

    def on_message_begin(self) -> None:
        """Note that a request has begun."""
        self._is_reading = self._reads_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note the end of the head.

        Raises:
            ValueError: the request has no `Host`, or several (RFC 9112, section 3.2).
        """
        self._reads_head, self._head_size = False, 0
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise ValueError("expected one Host")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note the end of the request."""
        self._is_reading, self._head_size = False, 0
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        self._is_upgraded = True
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        """Pause writing, and schedule a check whether the client reads at all."""
        super().pause_writing()
        self._schedule_check(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Resume writing, and cancel the check."""
        super().resume_writing()
        self._cancel_check()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all timers."""
        self._cancel_check()
        self._stop_head_timer()
        super().connection_lost(exc)

    def _has_responded(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _stop_head_timer(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _schedule_check(self, left: int) -> None:
        self._check_timer = self.loop.call_later(4 * (self.config.ws_ping_interval or 0), self._abort_unless_read, left)

    def _cancel_check(self) -> None:
        if self._check_timer is not None:
            self._check_timer.cancel()

    def _abort_unless_read(self, left: int) -> None:
        """Abort the connection if the client has read nothing since; nothing was written meanwhile."""
        now = self.transport.get_write_buffer_size()
        if now < left:
            self._schedule_check(now)
        else:
            self.transport.abort()


class SocketProtocol(WebSocketsSansIOProtocol):
    """WebSocket that is aborted when a ping is not answered, and supports direct writes without ASGI."""

    async def run_asgi(self) -> None:
        """Run the application with the extension for direct writes."""
        self.scope["extensions"] = {**(self.scope["extensions"] or {}), PUSH: {"push": self.push}}
        await super().run_asgi()

    def push(self, frame: bytes) -> bool:
        """Write a frame; return False if the buffer is full or the connection is closing."""
        if self.close_sent or self.transport.is_closing() or not self.writable.is_set():
            return False
        self.transport.write(frame)
        return True

    def keepalive_timeout(self) -> None:
        """Close and abort the connection.

        An orderly close would wait for the client to read the buffered rest, which it may never do.
        """
        super().keepalive_timeout()
        self.transport.abort()


class _Refusals:
    """Refuses connections while few file descriptors are left, and logs that once a second."""

    spare_files = 32
    """File descriptors reserved for open connections' files, the database and Redis."""

    def __init__(self) -> None:
        self._count = 0
        self._next_log_at = 0.0

    def is_short(self, transport: Transport) -> bool:
        """Return whether a new connection has one of the last file descriptors."""
        connection = transport.get_extra_info("socket")
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        # The system assigns the lowest free number, so about this many are in use.
        if connection is None or limit == resource.RLIM_INFINITY or connection.fileno() < limit - self.spare_files:
            return False
        self._count += 1
        now = time.monotonic()
        if now >= self._next_log_at:
            self._next_log_at = now + 1.0
            _log.error("connections_refused", reason="no file descriptors left", refused=self._count, limit=limit)
            self._count = 0
        return True


_refusals = _Refusals()


def listen(host: str, port: int) -> list[socket.socket]:
    """Bind sockets to all addresses of `host`, on one port.

    Args:
        host: a name or an address; empty: all addresses of this machine.
        port: 0 to 65535; 0: a free port.

    Raises:
        SettingsError: a socket cannot be bound.
    """
    listeners: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(found):
            # asyncio turns off Nagle's algorithm, which costs 40 ms a request, only if the protocol is given.
            listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listeners.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            port = port or (listeners[0].getsockname()[1] if len(listeners) > 1 else 0)
            listener.bind((address[0], port, *address[2:]))
            listener.setblocking(False)
    except (OSError, OverflowError, UnicodeError) as error:
        for listener in listeners:
            listener.close()
        raise SettingsError(
            f"can't listen on {host} port {port}: {error} (SHOOTOUT_SERVER_HOST, SHOOTOUT_SERVER_PORT)"
        ) from None
    return listeners


class WebServer(uvicorn.Server):
    """uvicorn, with a callback before it waits for open requests.

    Args:
        app: the application.
        settings: settings of the server.
        on_shutdown: called when the shutdown begins, so that the application ends its streams: they have no end, and
            uvicorn would cut them when its timeout expires.
        on_startup: called when the application has started.
    """

    def __init__(
        self,
        app: Litestar,
        settings: Settings,
        *,
        on_shutdown: Callable[[], None],
        on_startup: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(uvicorn.Config(BehindProxy(app, settings.server), **server_options(settings)))
        self._on_shutdown = on_shutdown
        self._on_startup = on_startup
        self._url = http_url(settings.server.host, settings.server.port)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, run the callback, and log the URL."""
        await super().startup(sockets)
        self._on_startup()
        _log.info("web_started", url=self._url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Run the callback, then shut down."""
        self._on_shutdown()
        await super().shutdown(sockets)


def allow_many_connections() -> None:
    """Raise the limit of open files as far as the system allows.

    The usual default of 1024 is too low for a thousand streams.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def server_options(settings: Settings) -> dict[str, Any]:
    """Return the options of uvicorn."""
    return {
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,  # handled by `kit.http.prefix`
        "timeout_graceful_shutdown": settings.server.grace_s,
        "server_header": False,
        "http": HttpProtocol,
        "ws": SocketProtocol,
        "ws_ping_interval": settings.live.heartbeat_s,
        "ws_ping_timeout": settings.live.heartbeat_s,
        "ws_max_size": LONGEST_MESSAGE,
        # Events have a few hundred bytes; compression costs more memory per connection than it saves.
        "ws_per_message_deflate": False,
    }
