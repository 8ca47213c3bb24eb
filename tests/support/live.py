"""A real service inside the test process: uvicorn on a free port of this machine, in a thread of its own."""

import asyncio
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

from tone_shootout.app import create_app
from tone_shootout.kit.settings import Settings


class _Server(uvicorn.Server):
    """Says when it has started, or has given up."""

    def __init__(self, config: uvicorn.Config, done: threading.Event) -> None:
        super().__init__(config)
        self._done = done

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self._done.set()


@contextmanager
def serving(settings: Settings) -> Generator[str, None, None]:
    """Run the web process for `settings` and give its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    started = threading.Event()
    config = uvicorn.Config(
        create_app(settings), log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2
    )
    server = _Server(config, started)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), name="web", daemon=True)
    thread.start()
    started.wait(60)
    if not server.started:
        raise RuntimeError("the web process did not start")
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
