"""Without a browser, the test command says what did not run, and CI fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.browser import INSTALL
from tests.support.shared import PROJECT


def test_the_last_lines_name_the_command_that_installs_a_browser(tmp_path: Path) -> None:
    environ = {**os.environ, "PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", "tests/browser"]
    done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, done.stderr
    last = " ".join(done.stdout.splitlines()[-3:])
    assert "tests/browser did not run" in last
    assert INSTALL in last


@pytest.mark.parametrize(
    ("user", "stubs", "code"),
    [
        ("0", {"chromium": "exit 1"}, 0),
        ("0", {"apt-get": '[ "$1" = update ] || cp "$0" "${0%/*}/chromium-headless-shell"'}, 0),
        ("0", {"apt-get": 'case "$*" in *shell) exit 100;; *chromium) cp "$0" "${0%/*}/chromium";; esac'}, 0),
        ("0", {"apt-get": "exit 100"}, 1),
        ("0", {"apt-get": "exit 0"}, 1),
        ("1000", {"python3": "exit 0"}, 0),
        ("1000", {"python3": '[ "$2" = pip ]'}, 1),
    ],
)
def test_ci_fails_where_no_browser_can_be_installed(
    tmp_path: Path, user: str, stubs: dict[str, str], code: int
) -> None:
    for name, text in {**stubs, "id": f"echo {user}"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "cp").symlink_to("/bin/cp")
    done = subprocess.run(
        ["/bin/bash", PROJECT / ".ci" / "chromium"], env={"PATH": str(tmp_path)}, capture_output=True, check=False
    )
    assert (done.returncode, b"tests/browser can't run" in done.stderr) == (code, code == 1)
