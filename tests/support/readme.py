"""The README, and its commands."""

import re
import shlex
import subprocess
from pathlib import Path

from tests.support.shared import PROJECT

README = (PROJECT / "README.md").read_text()
INSTALL = "PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install uv && "
UV = "python3 -m uv "
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line]
SPEC = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)[0]


def words(command: str) -> list[str]:
    """The words of one of the README's commands, as whoever has uv already is told to write them."""
    assert command in COMMANDS
    return ["uv", *shlex.split(command.removeprefix(INSTALL).removeprefix(UV))]


def run(command: str, desk: Path, environ: dict[str, str]) -> str:
    """What one of the README's commands says when all goes well."""
    done = subprocess.run(words(command), cwd=desk, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
