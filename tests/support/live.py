"""A real service inside the test process: uvicorn on a free port of this machine, in a thread of its own."""

import asyncio
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

from tone_shootout.app import create_app
from tone_shootout.kit.settings import Settings


@contextmanager
def serving(settings: Settings) -> Generator[str, None, None]:
    """Run the web process for `settings` and give its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    started = threading.Event()

    async def main() -> None:
        serving = asyncio.create_task(server.serve([listener]))
        while not (server.started or serving.done()):
            await asyncio.sleep(0.01)
        started.set()
        await serving

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="web", daemon=True)
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
