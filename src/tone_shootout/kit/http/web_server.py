"""How a web process listens: its server, uvicorn, and what that is run with."""

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
"""Bytes that a client may send over a WebSocket at once. Ours only send, so nobody has anything to say."""

_REFUSALS = 64
"""Connections that are refused at once before others get their turn."""
_REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
OPEN_FILES = 65_536
"""Connections and files that a process may have open, where the system allows that many."""

_log = structlog.get_logger(__name__)


class HttpProtocol(H11Protocol):
    """HTTP that lets go of who does not say what they want, or takes nothing of an answer for four heartbeats.

    What trickles in behind the head is seen to by `kit.bodies`.
    """

    head_s = 30.0
    """Seconds that the head of a request gets to come in."""
    _head: TimerHandle | None = None
    _look: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Expect a first request."""
        super().connection_made(transport)
        self._head = self.loop.call_later(self.head_s, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Expect the rest of a head that is not complete, as long as that takes and no longer."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._head = self._head or self.loop.call_later(self.head_s, self.transport.abort)
        elif self._head is not None:
            self._head.cancel()
            self._head = None

    def pause_writing(self) -> None:
        """Note that the client does not keep up, and look after a while whether it takes anything at all."""
        super().pause_writing()
        self._look_later(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Note that it does again."""
        super().resume_writing()
        self._look_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._look_no_more()
        if self._head is not None:
            self._head.cancel()
        super().connection_lost(exc)

    def _look_later(self, left: int) -> None:
        self._look = self.loop.call_later(4 * (self.config.ws_ping_interval or 0), self._cut_unless_taken, left)

    def _look_no_more(self) -> None:
        if self._look is not None:
            self._look.cancel()

    def _cut_unless_taken(self, left: int) -> None:
        """Cut the connection if as much is left as there was; nothing has been written meanwhile."""
        now = self.transport.get_write_buffer_size()
        if now < left:
            self._look_later(now)
        else:
            self.transport.abort()


class SocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket that lets go of who does not answer a ping, and that can be written to without ASGI."""

    async def run_asgi(self) -> None:
        """Tell the application of the short way to the client."""
        self.scope["extensions"] = {**(self.scope["extensions"] or {}), PUSH: {"push": self.push}}
        await super().run_asgi()

    def push(self, frame: bytes) -> bool:
        """Write a whole frame if the client keeps up and is still there; tell whether it was."""
        if self.close_sent or self.transport.is_closing() or not self.writable.is_set():
            return False
        self.transport.write(frame)
        return True

    def keepalive_timeout(self) -> None:
        """Say that it is over, and cut the connection.

        Who does not read would never get the buffered rest, and an orderly end waits for just that.
        """
        super().keepalive_timeout()
        self.transport.abort()


class Listener(socket.socket):
    """A listening socket that refuses connections when the process has no file descriptors left for them.

    asyncio would log a traceback for each of 2048 attempts, many times a second, and leave the clients waiting.
    """

    spare_files = 32
    """File descriptors that are kept for what the open connections need: files, the database, the broker."""
    _spare: int | None = None
    _refused = 0
    _quiet_until = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection that there is room for.

        Raises:
            BlockingIOError: there is none now.
            OSError: it can't be accepted, nor refused.
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
            # The lowest free number is given: this many, or nearly, are in use.
            if connection.fileno() < resource.getrlimit(resource.RLIMIT_NOFILE)[0] - self.spare_files:
                return connection, address
            self._refuse(connection)
        raise BlockingIOError  # those who wait are refused in the next turn of the loop

    def close(self) -> None:
        """Close it."""
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
        super().close()

    def _accept_by_spare(self) -> None:
        """Give the spare descriptor away for a moment, so that the client can be refused."""
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
        if now >= self._quiet_until:
            self._quiet_until = now + 1.0
            limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            _log.error("connections_refused", reason="no file descriptors left", refused=self._refused, limit=limit)
            self._refused = 0


def listen(host: str, port: int) -> list[Listener]:
    """Return sockets that listen on every address of `host`, all on one port.

    Args:
        host: a name or an address; empty: every address of this machine.
        port: 0 to 65535; 0: a free one.

    Raises:
        SettingsError: it can't be listened there.
    """
    listeners: list[Listener] = []
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(found):
            # Named TCP outright: only then does asyncio turn off Nagle's algorithm, which costs 40 ms a request.
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
        settings: of the server.
        on_shutdown: called when the shutdown begins, so that the application ends its streams: they have no end, and
            uvicorn would cut them when its timeout expires.
    """

    def __init__(self, app: Litestar, settings: Settings, *, on_shutdown: Callable[[], None]) -> None:
        super().__init__(uvicorn.Config(BehindProxy(app, settings.server), **server_options(settings)))
        self._on_shutdown = on_shutdown
        self._url = http_url(settings.server.host, settings.server.port)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say where."""
        await super().startup(sockets)
        _log.info("web_started", url=self._url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop in order."""
        self._on_shutdown()
        await super().shutdown(sockets)


def allow_many_connections() -> None:
    """Lift the limit on open files as far as the system allows.

    Systems set it to 1024 or less for the sake of old programs; a thousand watchers need more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def server_options(settings: Settings) -> dict[str, Any]:
    """Return what uvicorn is run with, besides the application and the address."""
    return {
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,  # `kit.prefix` sees to them
        "timeout_graceful_shutdown": settings.server.grace_s,
        "server_header": False,
        "http": HttpProtocol,
        "ws": SocketProtocol,
        "ws_ping_interval": settings.live.heartbeat_s,
        "ws_ping_timeout": settings.live.heartbeat_s,
        "ws_max_size": LONGEST_MESSAGE,
        # Events are a few hundred bytes; compressing them would cost each connection more memory than it saves.
        "ws_per_message_deflate": False,
    }
