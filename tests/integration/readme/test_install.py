"""The command that the README installs works from any folder."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.readme import arguments
from tests.support.shared import PROJECT

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]


def test_the_installed_command_works_in_another_folder(folder: Path, environ: dict[str, str], tmp_path: Path) -> None:
    installed = {
        **{name: value for name, value in environ.items() if name not in ("UV_PROJECT", "VIRTUAL_ENV", "UV_NO_SYNC")},
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
    }
    command = arguments("python3 -m uv tool install .")
    done = subprocess.run(command, cwd=PROJECT, env=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    elsewhere = {**installed, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.defpath}"}
    for line in (
        "shootout --version",
        "shootout completion bash",
        "shootout init riff.wav plexi.nam v30.wav --out installed.toml",
        "shootout check installed.toml",
    ):
        done = subprocess.run(line.split(), cwd=folder, env=elsewhere, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stderr}"
