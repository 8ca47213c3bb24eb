"""Litestar's own commands on this application: `LITESTAR_APP=tone_shootout.app:create_app`.

A process of its own for each command would spend two seconds on imports. `litestar_commands` starts one that imported
everything and forks for each command.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import msgspec

from tests.support.shared import PROJECT

APP = {"LITESTAR_APP": "tone_shootout.app:create_app", "NO_COLOR": "1", "COLUMNS": "200"}


class Command(msgspec.Struct, kw_only=True):
    """A command to run.

    Attributes:
        arguments: what follows `litestar`.
        environ: the whole environment.
        folder: the working directory.
        migrations: a folder in place of our migrations, for commands that write to it.
    """

    arguments: Sequence[str]
    environ: Mapping[str, str]
    folder: str
    migrations: str | None = None


class Ended(msgspec.Struct, kw_only=True):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


class LitestarCommands:
    """Runs Litestar's commands, without input."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def run(self, *arguments: str, environ: Mapping[str, str], folder: Path, migrations: Path | None = None) -> Ended:
        """Run one command, and return how it ended."""
        command = Command(
            arguments=arguments,
            environ=environ,
            folder=str(folder),
            migrations=None if migrations is None else str(migrations),
        )
        requests, responses = self._process.stdin, self._process.stdout
        assert requests is not None
        assert responses is not None
        requests.write(msgspec.json.encode(command) + b"\n")
        requests.flush()
        return msgspec.json.decode(responses.readline(), type=Ended)


@contextmanager
def litestar_commands() -> Generator[LitestarCommands, None, None]:
    """Run the process that runs the commands, as long as the context lasts."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield LitestarCommands(process)
        finally:
            process.terminate()


def _run(command: Command) -> Ended:
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        pid = os.fork()
        if not pid:
            code = 1
            with suppress(BaseException):
                code = _run_in_child(command, stdout, stderr)
            os._exit(code)
        _, status = os.waitpid(pid, 0)
        stdout.seek(0)
        stderr.seek(0)
        return Ended(
            code=os.waitstatus_to_exitcode(status), stdout=stdout.read().decode(), stderr=stderr.read().decode()
        )


def _run_in_child(command: Command, stdout: IO[bytes], stderr: IO[bytes]) -> int:
    from litestar.__main__ import run_cli

    from tone_shootout import migrations

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(stdout.fileno(), 1)
    os.dup2(stderr.fileno(), 2)
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update({**command.environ, **APP})
    if command.migrations is not None:
        migrations._FOLDER = Path(command.migrations)  # type: ignore[misc]
    sys.argv = ["litestar", *command.arguments]
    try:
        run_cli()
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # noqa: BLE001 - as the interpreter ends
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def main() -> None:
    """Run each command that standard input holds, in a fork; write how it ended to standard output."""
    import tone_shootout.app  # noqa: F401 - before the forks

    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(_run(msgspec.json.decode(line, type=Command))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
