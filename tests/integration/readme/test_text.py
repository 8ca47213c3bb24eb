"""What the README says is so."""

import re
import subprocess
from pathlib import Path

from tests.support.readme import COMMANDS, INSTALL, README
from tests.support.shared import PROJECT


def test_these_are_all_the_commands_there_are() -> None:
    assert COMMANDS == [
        INSTALL + "uv run shootout demo",
        "uv run shootout verify shootout-demo",
        "uv run shootout render crunch.toml --out two-crunches",
        "uv run shootout inspect plexi.nam v30.wav riff.wav",
        "uv run shootout reamp riff.wav plexi.nam out.wav --ir v30.wav",
        "uv run shootout measure out.wav",
        "uv run shootout serve",
        "uv run shootout user token me",
        "uv run shootout jobs list",
        "uv run shootout serve --fake-tone3000",
        "uv run shootout login",
        INSTALL + "uv run task test",
    ]


def test_the_test_command_is_the_one_that_ci_runs(desk: Path, environ: dict[str, str]) -> None:
    command = INSTALL + "uv run task test"
    assert command in COMMANDS
    script = (PROJECT / ".ci" / "run").read_text().splitlines()
    assert script[-2].replace(" --quiet", "") == command
    assert script[-1] == "uv run task test:thorough"
    tasks = subprocess.run(
        ["uv", "run", "task", "--color=false", "--list"],
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in ("setup", "test", "check", "run", "demo", "bench", "migrate"):
        assert re.search(rf"^\* {name}:", tasks, re.MULTILINE)


def test_what_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (PROJECT / target).exists(), target
