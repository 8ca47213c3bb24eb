"""A real HTTP server on this machine that takes messages and answers as a test wants."""

import asyncio
import ssl
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """A request, as it came."""

    path: str
    headers: dict[str, str]
    body: str


@dataclass
class Receiver:
    """What has come, and what is answered."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_s: float = 0.0
    received: list[Received] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    """The names that clients asked for in TLS."""

    async def until(self, number: int) -> list[Received]:
        """Wait until so many requests have come."""
        async with asyncio.timeout(60):
            while len(self.received) < number:  # noqa: ASYNC110 - they come in another thread
                await asyncio.sleep(0.02)
        return self.received


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Generator[Receiver, None, None]:
    """Run a receiver on a free port, over TLS if there is a context for it."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            receiver.received.append(
                Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            )
            time.sleep(receiver.delay_s)
            self.send_response(receiver.status)
            for name, value in {"content-length": str(len(receiver.body)), **receiver.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(receiver.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: clients that go away are part of some tests."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            context.sni_callback = lambda _socket, name, _context: receiver.server_names.append(name)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        receiver.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
