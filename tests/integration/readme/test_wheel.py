"""The wheel works without a checkout on each Python that is on this machine, and is the same each time it is built."""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.pythons import find_pythons
from tests.support.readme import (
    COMMANDS,
    INSTALL,
    UV,
    accepts_a_new_token,
    served,
    signs_in_from_the_command_line,
)
from tests.support.shared import PROJECT
from tests.support.uv import find_uv

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]

EPOCH = "1767225600"
"""2026-01-01, as SOURCE_DATE_EPOCH."""
SERVICE = {"shootout serve", "shootout user link me", "shootout user token me", "shootout jobs list"}
LOGIN = {"shootout serve --fake-tone3000", "shootout login"}
CHECKOUT = {"python3 -m uv tool install .", f"{INSTALL}python3 -m uv run task test"}
"""The commands that are about the repository."""


def _uv(*arguments: str, environ: dict[str, str], folder: Path = PROJECT) -> str:
    done = subprocess.run(
        [find_uv(), *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _build(folder: Path, *arguments: str, epoch: str = EPOCH) -> dict[str, bytes]:
    """Build in a folder; return the contents of what was built by name."""
    _uv("build", "--out-dir", str(folder), *arguments, environ={**os.environ, "SOURCE_DATE_EPOCH": epoch})
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in {".whl", ".gz"}}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    _build(folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def clean(tmp_path: Path) -> dict[str, str]:
    """The environment of a new user: an empty home, and of all variables only those of certificates and proxies."""
    kept = ("PIP_", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_NATIVE", "SSL_CERT", "REQUESTS_CA", "CURL_CA")
    environ = {name: value for name, value in os.environ.items() if name.startswith(kept) or name.endswith("_proxy")}
    # What was downloaded once need not be again.
    cache = subprocess.run([find_uv(), "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    home = tmp_path / "home"
    home.mkdir()
    return environ | {
        "HOME": str(home),
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.defpath}",
        "UV_CACHE_DIR": cache,
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "UV_PYTHON_DOWNLOADS": "never",
        "SHOOTOUT_SERVER_PORT": "0",
    }


def test_the_same_source_gives_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    """The wheel is built from the sdist by default, and has the same bytes straight from the repository."""
    name, first = wheel.name, wheel.read_bytes()
    sdist = next(wheel.parent.glob("*.tar.gz"))
    again = _build(tmp_path / "again")
    direct = _build(tmp_path / "direct", "--wheel")
    assert {name: hashlib.sha256(data).hexdigest() for name, data in again.items()} == {
        name: hashlib.sha256(first).hexdigest(),
        sdist.name: hashlib.sha256(sdist.read_bytes()).hexdigest(),
    }
    assert hashlib.sha256(direct[name]).hexdigest() == hashlib.sha256(first).hexdigest()


def test_the_wheel_is_named_and_described_by_the_project(wheel: Path) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        text = archive.read(metadata).decode()
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert tops == {"tone_shootout", f"tone_shootout-{project['version']}.dist-info"}
    for line in (
        f"Version: {project['version']}",
        "Requires-Python: >=3.11",
        f"License-Expression: {project['license']}",
    ):
        assert f"\n{line}\n" in text


@pytest.mark.parametrize("python", find_pythons().items(), ids=lambda python: python[0])
def test_all_commands_of_the_readme_work_without_a_checkout(
    python: tuple[str, str], wheel: Path, clean: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    version, executable = python
    _uv("tool", "install", "--python", executable, str(wheel), environ=clean, folder=tmp_path)
    work = tmp_path / "work"
    shutil.copytree(folder, work, ignore=shutil.ignore_patterns("material", "two-crunches*", "shootout-demo"))

    assert version in _shootout("doctor", work, clean, codes=(0, 1))
    done = []
    for command in COMMANDS:
        if command in SERVICE | LOGIN | CHECKOUT:
            continue
        line = command.removeprefix(INSTALL).removeprefix(f"{UV}run ")
        output = _shootout(line.removeprefix("shootout "), work, clean)
        done.append(command)
        if " verify " in line:
            assert "exact" in output
            assert "different" not in output
    assert (work / "shootout-demo" / "comparison.mp4").is_file()
    with served("shootout serve", work, clean) as service:
        accepts_a_new_token(service, work, clean)
    with served("shootout serve --fake-tone3000", work, clean) as service:
        signs_in_from_the_command_line(service, work, clean)
    assert {*done, *SERVICE, *LOGIN, *CHECKOUT} == set(COMMANDS)
    assert "Everything that is needed works." in _shootout("doctor", work, clean)


def _shootout(arguments: str, folder: Path, environ: dict[str, str], codes: tuple[int, ...] = (0,)) -> str:
    """Run the installed command, with warnings of Python as errors; return its output."""
    done = subprocess.run(
        ["shootout", *arguments.split()], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode in codes, f"shootout {arguments}: {done.stderr}"
    assert "Warning" not in done.stderr, done.stderr
    return done.stdout


def test_it_runs_without_installation(wheel: Path, clean: dict[str, str], tmp_path: Path) -> None:
    command = ("tool", "run", "--from", str(wheel), "shootout")
    assert "Run the whole service" in _uv(*command, "--help", environ=clean, folder=tmp_path)
    assert "--ir" in _uv(*command, "reamp", "--help", environ=clean, folder=tmp_path)


def test_pipx_installs_it(wheel: Path, clean: dict[str, str], tmp_path: Path) -> None:
    environ = clean | {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    _uv("tool", "run", "pipx", "install", str(wheel), environ=environ, folder=tmp_path)
    assert _shootout("--version", tmp_path, environ).startswith("shootout ")


def test_the_oldest_stated_dependencies_suffice(wheel: Path, clean: dict[str, str], tmp_path: Path) -> None:
    """Other tests run with the newest ones, or with those of `uv.lock`."""
    oldest = tmp_path / "oldest"
    environ = clean | {"VIRTUAL_ENV": str(oldest), "PATH": f"{oldest / 'bin'}{os.pathsep}{os.defpath}"}
    stated, python = str(tmp_path / "oldest.txt"), ("--python", sys.executable)
    resolution = ("--resolution", "lowest-direct", "--only-binary", ":all:")
    _uv("pip", "compile", "--quiet", *resolution, *python, "pyproject.toml", "--output-file", stated, environ=environ)
    _uv("venv", *python, str(oldest), environ=environ)
    _uv("pip", "install", "--requirement", stated, environ=environ)
    _uv("pip", "install", "--no-deps", str(wheel), environ=environ)
    _shootout("demo", tmp_path, environ)
    assert "exact" in _shootout("verify shootout-demo", tmp_path, environ)
