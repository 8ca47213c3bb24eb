"""The README's text and commands."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.support.shared import PROJECT

README = (PROJECT / "README.md").read_text()
INSTALL = "PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install uv && "
UV = "python3 -m uv "
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line]
SPEC = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)[0]


def arguments(command: str) -> list[str]:
    """Return the arguments of one of the README's commands, in the form for readers who already have uv."""
    assert command in COMMANDS
    if command.startswith("shootout "):  # as installed with this Python; `test_install` installs it as the README does
        return [str(Path(sys.executable).with_name("shootout")), *shlex.split(command)[1:]]
    return ["uv", *shlex.split(command.removeprefix(INSTALL).removeprefix(UV))]


def run(command: str, folder: Path, environ: dict[str, str]) -> str:
    """Run one of the README's commands, which must succeed; return its output."""
    done = subprocess.run(arguments(command), cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
