"""Litestar's own commands on this application: `LITESTAR_APP=tone_shootout.app:create_app`."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tests.support.forking import start_program

APP = {"LITESTAR_APP": "tone_shootout.app:create_app", "NO_COLOR": "1", "COLUMNS": "200"}


class Ended(msgspec.Struct, kw_only=True):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


def run_litestar(*arguments: str, environ: Mapping[str, str], folder: Path, migrations: Path | None = None) -> Ended:
    """Run one of Litestar's commands, and return how it ended.

    Args:
        arguments: what follows `litestar`.
        environ: the whole environment.
        folder: the working directory.
        migrations: a folder in place of our migrations, for commands that write to it.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = start_program(
            "litestar",
            *arguments,
            environ={**environ, **APP},
            folder=folder,
            migrations=migrations,
            stdout=stdout,
            stderr=stderr,
        )
        code = process.wait(120)
        stdout.seek(0)
        stderr.seek(0)
        return Ended(code=code, stdout=stdout.read().decode(), stderr=stderr.read().decode())
