"""The README's text matches the repository."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from tests.support.readme import COMMANDS, INSTALL
from tests.support.shared import PROJECT


def test_every_command_of_the_readme_is_tested() -> None:
    assert COMMANDS == [
        INSTALL + "python3 -m uv run shootout demo",
        "python3 -m uv run shootout verify shootout-demo",
        "python3 -m uv tool install .",
        "shootout init riff.wav plexi.nam combo.nam v30.wav",
        "shootout check spec.toml",
        "shootout render crunch.toml --out two-crunches",
        "shootout bundle two-crunches",
        "shootout verify two-crunches.zip",
        "shootout inspect plexi.nam v30.wav riff.wav",
        "shootout reamp riff.wav plexi.nam out.wav --ir v30.wav",
        "shootout measure out.wav",
        "shootout serve",
        "shootout user link me",
        "shootout user token me",
        "shootout jobs list",
        "shootout serve --fake-tone3000",
        "shootout login",
        INSTALL + "python3 -m uv run task test",
    ]


def test_ci_runs_the_readmes_test_command(folder: Path, environ: dict[str, str]) -> None:
    command = INSTALL + "python3 -m uv run task test"
    assert command in COMMANDS
    assert f"'{command}'" in (PROJECT / ".ci" / "run").read_text()
    tasks = subprocess.run(
        ["uv", "run", "task", "--color=false", "--list"],
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in ("setup", "test", "test:thorough", "check", "run", "demo", "bench", "migrate"):
        assert re.search(rf"^\* {name}: ", tasks, re.MULTILINE)


def test_tasks_run_where_uv_is_not_on_the_path(folder: Path, environ: dict[str, str]) -> None:
    uv = shutil.which("uv", path=environ["PATH"])
    assert uv is not None
    done = subprocess.run(
        [uv, "run", "task", "--dry", "--color=false", "check"],
        cwd=PROJECT,
        env={**environ, "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    commands = [line.partition("] ")[2] for line in done.stderr.splitlines() if line.startswith("task: [check:")]
    assert commands
    for command in commands:
        program = shutil.which(shlex.split(command)[0], path=os.defpath)  # as an absolute path
        assert program is not None, command
        assert Path(program).name == "uv"
