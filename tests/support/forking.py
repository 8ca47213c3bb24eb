"""Processes of the commands `shootout` and `litestar`, forked from one that has everything imported.

A worker spends two to three seconds of processor time on imports, and the server that its children are forked from
another two; the tests start dozens. Each is a process of its own as `python -m tone_shootout` makes it: own
environment, session, files and signals; only the imports are shared.
"""

import atexit
import fcntl
import multiprocessing.util
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, NoReturn, Self

import msgspec

from tests.support.shared import PROJECT

_REQUEST_BYTES = 1 << 20
_RENDERING = {"worker", "workers"}
"""First arguments of the commands that render."""
_STATUS = struct.Struct("i")


class _Request(msgspec.Struct, kw_only=True):
    program: Literal["shootout", "litestar"]
    arguments: Sequence[str]
    environ: Mapping[str, str]
    folder: str
    migrations: str | None


class ForkedProcess:
    """The part of `subprocess.Popen` that tests use, for a process that is another one's child."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.wait()

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while the process runs."""
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            self._read()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process has ended; return its exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs after `timeout` seconds.
        """
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("shootout", timeout or 0)
            self._read()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _read(self) -> None:
        content = os.read(self._status, _STATUS.size)
        os.close(self._status)
        # An empty answer: the server itself was killed, and its children with it.
        self.returncode = os.waitstatus_to_exitcode(_STATUS.unpack(content)[0]) if content else -signal.SIGKILL


class _Client:
    """The process with everything imported, and the connection to it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def start(self, request: _Request, out: int, error: int) -> ForkedProcess:
        ours, theirs = os.pipe()
        try:
            socket.send_fds(self._socket, [msgspec.json.encode(request)], [out, error, theirs])
        finally:
            os.close(theirs)
        return ForkedProcess(_STATUS.unpack(self._socket.recv(_STATUS.size))[0], ours)

    def close(self) -> None:
        self._socket.close()
        self._server.wait()


@cache
def _client() -> _Client:
    client = _Client()
    atexit.register(client.close)
    return client


def start_program(
    program: Literal["shootout", "litestar"],
    *arguments: str,
    environ: Mapping[str, str],
    folder: Path | None = None,
    migrations: Path | None = None,
    stdout: IO[Any] | int | None = None,
    stderr: IO[Any] | int | None = None,
) -> ForkedProcess:
    """Start a command without input, in a session of its own.

    Args:
        program: the command.
        arguments: its arguments.
        environ: its whole environment.
        folder: its working directory; None: the caller's.
        migrations: a folder in place of our migrations, for commands that write to it.
        stdout: its output; None: the caller's.
        stderr: its error output; None: the caller's.
    """
    out, error = (
        file if isinstance(file, int) else number if file is None else file.fileno()
        for number, file in ((1, stdout), (2, stderr))
    )
    request = _Request(
        program=program,
        arguments=arguments,
        environ=environ,
        folder=str(folder or Path.cwd()),
        migrations=None if migrations is None else str(migrations),
    )
    return _client().start(request, out, error)


def _serve(connection: socket.socket) -> _Request:
    """Fork a process per request; return the request in the child. The end of the tests ends all of them."""
    running: dict[int, int] = {}
    wakeup, on_signal = os.pipe()
    os.set_blocking(on_signal, False)
    os.set_blocking(wakeup, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(on_signal)
    while True:
        ready, _, _ = select.select([connection.fileno(), wakeup], [], [])
        if wakeup in ready:
            os.read(wakeup, 4096)
            _reap(running)
        if connection.fileno() not in ready:
            continue
        content, files, _, _ = socket.recv_fds(connection, _REQUEST_BYTES, 3)
        if not content:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
            os._exit(0)
        pid = os.fork()
        if pid:
            running[pid] = files[2]
            os.close(files[0])
            os.close(files[1])
            connection.send(_STATUS.pack(pid))
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.dup2(files[0], 1)
        os.dup2(files[1], 2)
        connection.close()
        for number in {wakeup, on_signal, *files, *running.values()}:
            os.close(number)
        request = msgspec.json.decode(content, type=_Request)
        os.environ.clear()
        os.environ.update(request.environ)
        time.tzset()
        os.chdir(request.folder)
        return request


class _Spawn(msgspec.Struct, kw_only=True):
    """A Python program that a process of ours starts, and the numbers of the files that it gets."""

    program: str
    files: Sequence[int]
    environ: Mapping[str, str]


def _prepare_fork_server() -> None:
    """Fork the process that becomes the fork server of `multiprocessing`, as this process's child, when it is needed.

    The new interpreter that `multiprocessing` would start in its place would import everything again.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if not pid:
        ours.close()
        _become_fork_server(theirs)
    theirs.close()
    spawn = multiprocessing.util.spawnv_passfds

    def spawn_or_use(path: bytes, args: Sequence[Any], passfds: Sequence[int]) -> int:
        if "multiprocessing.forkserver" not in args[-1] or ours.fileno() < 0:
            return spawn(path, args, passfds)
        request = _Spawn(program=args[-1], files=passfds, environ=dict(os.environ))
        with ours:
            socket.send_fds(ours, [msgspec.json.encode(request)], list(passfds))
        return pid

    multiprocessing.util.spawnv_passfds = spawn_or_use


def _become_fork_server(parent: socket.socket) -> NoReturn:
    content, received, _, _ = socket.recv_fds(parent, _REQUEST_BYTES, 8)
    if not content:
        os._exit(0)
    parent.close()
    request = msgspec.json.decode(content, type=_Spawn)
    # Above all numbers that are wanted, so that none is overwritten before it is read.
    moved = [fcntl.fcntl(file, fcntl.F_DUPFD, 100) for file in received]
    for file in received:
        os.close(file)
    for file, number in zip(moved, request.files, strict=True):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request.environ)
    status = 1
    try:
        exec(request.program, {"__name__": "__main__"})
        status = 0
    except SystemExit:
        status = 0
    finally:
        os._exit(status)


def _reap(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        os.write(running[pid], _STATUS.pack(status))
        os.close(running.pop(pid))


def _run() -> None:
    import gc

    gc.disable()
    from litestar.__main__ import run_cli

    import tone_shootout.app
    import tone_shootout.cli.errors
    import tone_shootout.composition
    import tone_shootout.kit.http.web_server
    import tone_shootout.kit.logs
    import tone_shootout.rendering.executor.preload  # noqa: F401 - imported for the children
    from tests.support.empty_rendering import EMPTY_RENDERING_S, empty_rendering
    from tone_shootout import migrations
    from tone_shootout.cli import main

    gc.freeze()
    gc.enable()
    request = _serve(socket.socket(fileno=int(sys.argv[1])))
    if request.migrations is not None:
        migrations._FOLDER = Path(request.migrations)  # type: ignore[misc]  # a copy, which the command may write to
    sys.argv = [request.program, *request.arguments]
    if request.arguments[0] in _RENDERING:
        _prepare_fork_server()
    if (seconds := os.environ.get(EMPTY_RENDERING_S)) is not None:
        with empty_rendering(float(seconds)):
            main(prog_name="shootout")
    elif request.program == "litestar":
        run_cli()
    else:
        main(prog_name="shootout")


if __name__ == "__main__":
    _run()
