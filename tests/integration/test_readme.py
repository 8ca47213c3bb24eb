"""Every command of the README does what the README says."""

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.support.shared import PROJECT
from tone_shootout.demo import write_material

pytestmark = pytest.mark.slow

README = (PROJECT / "README.md").read_text()
INSTALL = "python3 -m pip install uv && "
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line]
SPEC = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)[0]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README speaks of."""
    folder = tmp_path_factory.mktemp("desk")
    material = write_material(folder / "material")
    (folder / "crunch.toml").write_text(SPEC)
    for name, piece in zip(("plexi.nam", "combo.nam"), material.captures, strict=False):
        shutil.copy(piece.path, folder / name)
    shutil.copy(material.cab_irs[0].path, folder / "v30.wav")
    shutil.copy(material.di_tracks[0].path, folder / "riff.wav")
    return folder


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """As if the reader stood in a copy of the repository, with a data folder of their own."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv is not None, "the README installs uv first"
    return {
        **os.environ,
        "PATH": f"{Path(uv).parent}{os.pathsep}{os.environ['PATH']}",
        "UV_PROJECT": str(PROJECT),
        "UV_NO_SYNC": "1",
        "SHOOTOUT_DATA": str(tmp_path_factory.mktemp("home") / "data"),
        "SHOOTOUT_SERVER_PORT": "0",
    }


def _run(command: str, desk: Path, environ: dict[str, str]) -> str:
    assert command in COMMANDS
    done = subprocess.run(
        shlex.split(command.removeprefix(INSTALL)), cwd=desk, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_these_are_all_the_commands_there_are() -> None:
    assert COMMANDS == [
        INSTALL + "uv run shootout demo",
        "uv run shootout render crunch.toml --out two-crunches",
        "uv run shootout verify two-crunches",
        "uv run shootout inspect plexi.nam v30.wav riff.wav",
        "uv run shootout reamp riff.wav plexi.nam out.wav --ir v30.wav",
        "uv run shootout measure out.wav",
        "uv run shootout serve",
        "uv run shootout user token me",
        INSTALL + "uv run task test",
    ]


def test_the_demo_does_the_main_job(desk: Path, environ: dict[str, str]) -> None:
    said = _run(INSTALL + "uv run shootout demo", desk, environ)
    results = desk / "shootout-demo"
    manifest = json.loads((results / "manifest.json").read_text())
    assert len(manifest["segments"]) == 6
    for segment in manifest["segments"]:
        assert segment["file"] in said
        assert abs(segment["measured"]["integrated_lufs"] - manifest["level"]["target"]) <= 0.1
    for name in ("comparison.mp4", "chapters.txt", "description.txt"):
        assert name in said
        assert (results / name).stat().st_size > 0
    kept = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (results / "inputs").iterdir()}
    assert kept == {item["sha256"] for item in manifest["inputs"]}, "what it takes to verify the result"


def test_a_spec_is_rendered_without_a_server(desk: Path, environ: dict[str, str]) -> None:
    _run("uv run shootout render crunch.toml --out two-crunches", desk, environ)
    manifest = json.loads((desk / "two-crunches" / "manifest.json").read_text())
    assert [segment["chain"] for segment in manifest["segments"]] == ["Plexi, V30", "Combo, bright"]
    assert (desk / "two-crunches" / "comparison.mp4").is_file()
    said = _run("uv run shootout verify two-crunches", desk, environ)
    assert said.count("exact") == len(manifest["segments"])


def test_files_are_inspected_reamped_and_measured(desk: Path, environ: dict[str, str]) -> None:
    assert "WaveNet" in _run("uv run shootout inspect plexi.nam v30.wav riff.wav", desk, environ)
    _run("uv run shootout reamp riff.wav plexi.nam out.wav --ir v30.wav", desk, environ)
    assert "LUFS" in _run("uv run shootout measure out.wav", desk, environ)


def test_the_service_runs_a_token_opens_it_and_ctrl_c_ends_it(desk: Path, environ: dict[str, str]) -> None:
    command = shlex.split("uv run shootout serve")
    with subprocess.Popen(
        command, cwd=desk, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as service:
        try:
            assert service.stdout is not None
            ready = next(line for line in service.stdout if "ready at" in line)
            url = ready.split()[-1]
            token = _run("uv run shootout user token me", desk, environ).strip()
            me = httpx.get(f"{url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=30)
            assert me.json()["name"] == "me"
            assert httpx.get(f"{url}/docs", timeout=30).status_code == 200
        finally:
            service.send_signal(signal.SIGINT)
        assert service.wait(60) == 0


def test_the_test_command_is_the_one_that_ci_runs(desk: Path, environ: dict[str, str]) -> None:
    command = INSTALL + "uv run task test"
    assert command in COMMANDS
    script = (PROJECT / ".ci" / "run").read_text().splitlines()
    assert script[-1].replace(" --quiet", "") == command
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
