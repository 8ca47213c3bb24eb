"""The server of a web process: uvicorn with timeouts, direct WebSocket writes and limits of open files."""

import errno
import os
import resource
import socket
import time
from asyncio import TimerHandle, Transport
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import h11
import structlog
import uvicorn
from litestar import Litestar
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tone_shootout.kit.http.prefix import BehindProxy
from tone_shootout.kit.http.websocket import PUSH
from tone_shootout.kit.settings import Settings, SettingsError, http_url

LONGEST_MESSAGE = 1024
"""Largest WebSocket message from a client, in bytes. Our WebSockets only send."""

_REFUSALS = 64
"""Connections refused per turn of the event loop."""
_REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
OPEN_FILES = 65_536
"""Wanted limit of open files, where the system allows it."""

_log = structlog.get_logger(__name__)


class HttpProtocol(H11Protocol):
    """HTTP with a timeout for the request head, and for clients that read nothing for four heartbeats.

    `kit.http.body_timeout` limits the body.
    """

    head_s = 30.0
    """Timeout of the request head."""
    _head: TimerHandle | None = None
    _check_timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start the timeout of the first request head."""
        super().connection_made(transport)
        self._head = self.loop.call_later(self.head_s, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Start or stop the timeout of the request head."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._head = self._head or self.loop.call_later(self.head_s, self.transport.abort)
        elif self._head is not None:
            self._head.cancel()
            self._head = None

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
        if self._head is not None:
            self._head.cancel()
        super().connection_lost(exc)

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


class Listener(socket.socket):
    """A listening socket that refuses connections when the process runs out of file descriptors.

    asyncio would log a traceback for each of 2048 attempts, many times a second, and leave the clients waiting.
    """

    spare_files = 32
    """File descriptors reserved for open connections' files, the database and Redis."""
    _spare: int | None = None
    _refused = 0
    _next_log_at = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection, or refuse it with 503 when too few file descriptors are left.

        Raises:
            BlockingIOError: no connection is pending.
            OSError: a connection can neither be accepted nor refused.
        """
        if self._spare is None:
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        for _ in range(_REFUSALS):
            try:
                connection, address = super().accept()
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                self._accept_by_spare()
                continue
            # The system assigns the lowest free number, so about this many are in use.
            if connection.fileno() < resource.getrlimit(resource.RLIMIT_NOFILE)[0] - self.spare_files:
                return connection, address
            self._refuse(connection)
        raise BlockingIOError  # the rest are refused in the next turn of the loop

    def close(self) -> None:
        """Close the socket and the spare file descriptor."""
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
        super().close()

    def _accept_by_spare(self) -> None:
        """Accept and refuse one connection with the spare file descriptor."""
        if self._spare is None:
            return
        os.close(self._spare)
        self._spare = None
        try:
            self._refuse(super().accept()[0])
        finally:
            with suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def _refuse(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.setblocking(False)
            connection.send(_REFUSAL)
        self._refused += 1
        now = time.monotonic()
        if now >= self._next_log_at:
            self._next_log_at = now + 1.0
            limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            _log.error("connections_refused", reason="no file descriptors left", refused=self._refused, limit=limit)
            self._refused = 0


def listen(host: str, port: int) -> list[Listener]:
    """Bind sockets to all addresses of `host`, on one port.

    Args:
        host: a name or an address; empty: all addresses of this machine.
        port: 0 to 65535; 0: a free port.

    Raises:
        SettingsError: a socket cannot be bound.
    """
    listeners: list[Listener] = []
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(found):
            # asyncio turns off Nagle's algorithm, which costs 40 ms a request, only if the protocol is given.
            listener = Listener(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
    """

    def __init__(self, app: Litestar, settings: Settings, *, on_shutdown: Callable[[], None]) -> None:
        super().__init__(uvicorn.Config(BehindProxy(app, settings.server), **server_options(settings)))
        self._on_shutdown = on_shutdown
        self._url = http_url(settings.server.host, settings.server.port)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and log the URL."""
        await super().startup(sockets)
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
