"""What `render` writes and opens: events for scripts, nothing with `--quiet`, results on the desktop."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.render_inputs import lay_out
from tone_shootout.cli import main

SPEC = """
title = "One crunch"
[[di_tracks]]
name = "Riff in E"
file = "riff.wav"
[[chains]]
name = "A"
blocks = [{ type = "capture", file = "a.nam" }, { type = "cab_ir", file = "cab-a.wav" }]
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("render")
    lay_out(folder)
    (folder / "one.toml").write_text(SPEC)
    return folder / "one.toml"


def _events(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def test_events_of_a_rendering_are_lines_of_json(spec: Path) -> None:
    out = spec.parent / "out"
    result = CliRunner().invoke(
        main, ["render", str(spec), "--out", str(out), "--no-video", "--no-plots", "--no-page", "--json"]
    )
    assert (result.exit_code, result.stderr) == (0, "")
    events = _events(result.stdout)
    assert [event["data"]["phase"] for event in events if event["type"] == "phase"] == ["render", "level"]
    segments = [event["data"] for event in events if event["type"] == "segment"]
    assert [(each["position"], each["status"]) for each in segments] == [(1, "rendered"), (1, "leveled")]
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert segments[-1]["measured"]["integrated_lufs"] == pytest.approx(
        manifest["segments"][0]["measured"]["integrated_lufs"], abs=0.01
    )
    assert {event["data"]["path"] for event in events if event["type"] == "artifact"} == {
        str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()
    }
    assert next(event["data"]["percent"] for event in events if event["type"] == "progress") == 0.0
    assert events[-1] == {"type": "done", "data": {"status": "completed"}}


def test_a_failure_is_the_last_event_and_an_error(spec: Path) -> None:
    broken = spec.with_name("broken.toml")
    broken.write_text(SPEC.replace("a.nam", "missing.nam"))
    result = CliRunner().invoke(main, ["render", str(broken), "--out", str(spec.parent / "none"), "--json"])
    assert result.exit_code == 1
    (event,) = _events(result.stdout)
    assert event["data"]["status"] == "failed"
    (error,) = event["data"]["error"]["errors"]
    assert (error["code"], error["pointer"]) == ("missing_asset", "/chains/0/blocks/0/file")
    assert result.stderr == f"Error: {broken}: {error['detail']} (missing_asset)\n"


# click.launch does not wait for the program, so its Popen warns.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.skipif(sys.platform != "linux", reason="needs a desktop whose opener can be replaced")
def test_quiet_writes_nothing_and_open_opens_the_results(spec: Path, tmp_path: Path) -> None:
    opener = tmp_path / "xdg-open"
    opener.write_text(f'#!/bin/sh\necho "$1" > "{tmp_path}/opening" && mv "{tmp_path}/opening" "{tmp_path}/opened"\n')
    opener.chmod(0o755)
    out = tmp_path / "out"
    arguments = ["render", str(spec), "--out", str(out), "--no-video", "--no-plots", "--no-page", "--quiet", "--open"]
    result = CliRunner(env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}).invoke(main, arguments)
    assert (result.exit_code, result.output) == (0, "")
    deadline = time.monotonic() + 10.0  # the command does not wait for the program
    while not (tmp_path / "opened").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (tmp_path / "opened").read_text() == f"{out}\n"


def test_a_machine_without_a_desktop_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tone_shootout.cli.render import _open

    monkeypatch.setenv("PATH", str(tmp_path))
    _open(tmp_path)
    assert capsys.readouterr().err == "Note: no program was found to open the results.\n"
