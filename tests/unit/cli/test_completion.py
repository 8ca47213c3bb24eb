"""Shells complete commands, options and files with what `shootout completion` writes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tone_shootout.cli import main

SCRIPT = """
set -e
source <(shootout completion bash)
complete_line() {
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMPREPLY=()
  compopt() { printf 'compopt %s\\n' "$2"; }
  "$(complete -p shootout | sed -E 's/.*-F ([^ ]+) .*/\\1/')" shootout
  printf '%s ' "${COMPREPLY[@]}"
  echo
}
complete_line shootout re
complete_line shootout jobs w
complete_line shootout render --no
complete_line shootout completion ''
complete_line shootout check sp
"""


def test_bash_completes_commands_options_choices_and_files() -> None:
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", SCRIPT], env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["render", "reamp"],
        ["watch"],
        ["--no-video", "--no-plots"],
        ["bash", "zsh", "fish"],
        ["compopt", "default"],  # bash itself completes the file
        [],
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_each_shell(shell: str) -> None:
    shown = CliRunner().invoke(main, ["completion", shell])
    assert shown.exit_code == 0, shown.output
    assert f"_SHOOTOUT_COMPLETE={shell}_complete" in shown.stdout
