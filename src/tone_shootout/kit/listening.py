"""How a web process listens: its server, uvicorn, and what that is run with."""

import resource
import socket
from asyncio import TimerHandle, Transport
from typing import Any

import h11
import uvicorn
from litestar import Litestar
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tone_shootout.kit.settings import Settings
from tone_shootout.kit.sockets import PUSH

STOP_S = 3
"""Seconds that requests get to finish when the process is told to stop."""
LONGEST_MESSAGE = 1024
"""Bytes that a client may send over a WebSocket at once. Ours only send, so nobody has anything to say."""

OPEN_FILES = 65_536
"""Connections and files that a process may have open, where the system allows that many."""


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


class WebServer(uvicorn.Server):
    """uvicorn, with a word to the application before it waits for the open requests.

    A stream has no end of its own; without that word it would be cut when the time is up.
    """

    def __init__(self, app: Litestar, settings: Settings, **options: Any) -> None:
        super().__init__(uvicorn.Config(app, **server_options(settings), **options))
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop in order."""
        for tell in self._app.state["when_stopping"]:
            tell()
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
        "proxy_headers": bool(settings.server.trusted_proxies),
        "forwarded_allow_ips": settings.server.trusted_proxies or None,
        "timeout_graceful_shutdown": STOP_S,
        "server_header": False,
        "http": HttpProtocol,
        "ws": SocketProtocol,
        "ws_ping_interval": settings.live.heartbeat_s,
        "ws_ping_timeout": settings.live.heartbeat_s,
        "ws_max_size": LONGEST_MESSAGE,
        # Events are a few hundred bytes; compressing them would cost each connection more memory than it saves.
        "ws_per_message_deflate": False,
    }
