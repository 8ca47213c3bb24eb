"""A real service inside the test process: uvicorn on a free port of this machine, in a thread of its own."""

import asyncio
import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import IO

from tests.support.forking import ForkedProcess, start_program
from tone_shootout.app import create_app
from tone_shootout.composition import services_of
from tone_shootout.kit.http.web_server import WebServer
from tone_shootout.kit.settings import Settings


class _Server(WebServer):
    """Says when it has started, or has given up."""

    def __init__(self, settings: Settings, done: threading.Event) -> None:
        app = create_app(settings)
        super().__init__(app, settings, on_shutdown=services_of(app).event_hub.stop)
        self._done = done

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self._done.set()


@contextmanager
def serving(settings: Settings) -> Generator[str, None, None]:
    """Run the web process for `settings` and give its address."""
    started = threading.Event()
    server = _Server(settings, started)
    # Named TCP outright: only then does asyncio turn off Nagle's algorithm, which costs 40 ms a request.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
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


def environ_of(settings: Settings) -> dict[str, str]:
    """Return the environment in which a process of ours reads these settings."""
    environ = {**os.environ, "SHOOTOUT_DATA": str(settings.data), "SHOOTOUT_ENVIRONMENT": settings.environment}
    for group in fields(settings):
        concern = getattr(settings, group.name)
        if not is_dataclass(concern):
            continue
        for field in fields(concern):
            value = getattr(concern, field.name)
            text = value if isinstance(value, str) else json.dumps(value)
            environ[f"SHOOTOUT_{group.name.upper()}_{field.name.upper()}"] = text
    return environ


def scratch_files(settings: Settings) -> list[Path]:
    """Return what jobs have left in the scratch folder; a worker makes the folder when it starts."""
    folder = settings.data / "scratch"
    return list(folder.iterdir()) if folder.is_dir() else []


class WebProcess:
    """A web process of its own, as `shootout web` runs it, and what it has logged."""

    def __init__(self, process: ForkedProcess, log: IO[str]) -> None:
        self.process = process
        self._lines = log
        self.log: list[str] = []
        self.url = ""
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._listening.wait(60)
        if not self.url:
            raise RuntimeError(f"the web process did not start: {self.log}")

    def stop(self) -> None:
        """End it, and read the last of its log."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._reader.join(15)

    def _read(self) -> None:
        for line in self._lines:
            self.log.append(line)
            if "web_started" in line and (found := re.search(r"http://[\w.:]+", line)) is not None:
                self.url = found[0]
                self._listening.set()
        self._listening.set()


@contextmanager
def web_process(settings: Settings, **environ: str) -> Generator[WebProcess, None, None]:
    """Run a web process for `settings` and with further variables, on a free port."""
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as log:
        try:
            process = start_program(
                "shootout", "web", "--port", "0", environ=environ_of(settings) | environ, stderr=writing
            )
        finally:
            os.close(writing)
        try:
            web = WebProcess(process, log)
        except BaseException:
            process.kill()
            raise
        try:
            yield web
        finally:
            web.stop()


@contextmanager
def working(settings: Settings, log: IO[str] | None = None, **environ: str) -> Generator[ForkedProcess, None, None]:
    """Run a worker process for `settings`, whose log goes to a file where one is given, with further variables."""
    with start_program("shootout", "worker", environ=environ_of(settings) | environ, stderr=log) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
