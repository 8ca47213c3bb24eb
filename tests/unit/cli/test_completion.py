"""Shells complete commands, options and files with what `shootout completion` writes."""

import os
import pty
import select
import subprocess
import sys
import time
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


ENVIRON = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "INPUTRC": os.devnull,
    "TERM": "dumb",
}


def _read_until(terminal: int, text: str) -> str:
    """Read what a terminal shows, up to a text."""
    shown, ends_at = "", time.monotonic() + 30
    while text not in shown and time.monotonic() < ends_at:
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 4096).decode()
    assert text in shown
    return shown


def test_the_tab_key_completes_a_command_in_an_interactive_bash() -> None:
    terminal, end = pty.openpty()
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"], env=ENVIRON, stdin=end, stdout=end, stderr=end, start_new_session=True
    ) as bash:
        try:
            os.write(terminal, b'source <(shootout completion bash); PS1="read""y> "\n')
            _read_until(terminal, "ready> ")
            os.write(terminal, b"shootout verif\t--h\t")
            _read_until(terminal, "shootout verify --help ")
        finally:
            bash.kill()
    os.close(end)
    os.close(terminal)


def test_bash_completes_commands_options_choices_and_files() -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", SCRIPT], env=ENVIRON, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["render", "reamp", "restore"],
        ["watch"],
        ["--no-video", "--no-plots", "--no-page"],
        ["bash", "zsh", "fish"],
        ["compopt", "default"],  # bash itself completes the file
        [],
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_each_shell(shell: str) -> None:
    shown = CliRunner().invoke(main, ["completion", shell])
    assert shown.exit_code == 0, shown.output
    assert f"_SHOOTOUT_COMPLETE={shell}_complete" in shown.stdout
