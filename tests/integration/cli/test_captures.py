"""Captures on the command line: embedded models, overflows and incomparable drives."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.render_inputs import lay_out, nano_capture, plain_gain
from tone_shootout.cli import main
from tone_shootout.rendering.output.manifest import decode_manifest

SPEC = """
[[di_tracks]]
name = "Riff in E"
file = "riff.wav"
calibration_dbu = 13.0
[[chains]]
name = "Leveled"
blocks = [{ type = "capture", file = "b.nam" }, { type = "cab_ir", file = "cab-a.wav" }]
[[chains]]
name = "Plain"
blocks = [{ type = "capture", file = "a.nam" }, { type = "cab_ir", file = "cab-a.wav" }]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lay_out(tmp_path)
    return tmp_path


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _sequential(*models: bytes, **more: Any) -> bytes:
    children = [json.loads(model) for model in models]
    document = {"version": "0.7.0", "architecture": "Sequential", "config": {"models": children}, "weights": [], **more}
    return json.dumps(document).encode()


def _overflowing(architecture: str) -> bytes:
    linear = {
        "version": "0.5.4",
        "architecture": "Linear",
        "config": {"receptive_field": 64, "bias": False},
        "weights": [3e38] * 64,
        "sample_rate": 48000,
    }
    return json.dumps(linear).encode() if architecture == "Linear" else _sequential(json.dumps(linear).encode())


@pytest.mark.parametrize("architecture", ["Linear", "Sequential"])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_inspect_reports_an_overflowing_capture_and_shows_other_files(
    folder: Path, architecture: str, form: list[str]
) -> None:
    (folder / "over.nam").write_bytes(_overflowing(architecture))
    result = _run("inspect", folder / "a.nam", folder / "over.nam", folder / "b.nam", *form)
    assert result.exit_code == 1
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"Error: {folder / 'over.nam'}: the capture's output is not finite")
    assert str(folder / "a.nam") in result.stdout
    assert str(folder / "b.nam") in result.stdout
    assert "over.nam" not in result.stdout


def test_reamp_reports_an_overflowing_capture_in_one_line(folder: Path) -> None:
    (folder / "over.nam").write_bytes(_overflowing("Linear"))
    result = _run("reamp", folder / "riff.wav", folder / "over.nam", folder / "out.wav")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert not (folder / "out.wav").exists()


def test_inspect_lists_the_models_in_a_capture(folder: Path) -> None:
    amp = nano_capture(metadata={"gear_type": "amp", "input_level_dbu": 12.5})
    (folder / "rig.nam").write_bytes(_sequential(amp, plain_gain(0.5)))
    (shown,) = json.loads(_run("inspect", folder / "rig.nam", "--json").stdout)
    assert shown["architecture"] == "Sequential"
    assert shown["input_level_dbu"] == 12.5
    assert [(part["pointer"], part["architecture"]) for part in shown["parts"]] == [
        ("/config/models/0", "WaveNet"),
        ("/config/models/1", "Linear"),
    ]
    table = _run("inspect", folder / "rig.nam").stdout
    assert "WaveNet nano, 842 parameters, amp, input level 12.5 dBu (/config/models/0)" in table
    assert "Linear custom, 1 parameters, gear not stated, input level not stated (/config/models/1)" in table


def test_inspect_shows_what_differs_between_the_sizes_of_a_container(folder: Path) -> None:
    submodels = [
        {"max_value": limit, "model": json.loads(nano_capture(metadata={"gear_type": "amp", "input_level_dbu": level}))}
        for limit, level in ((0.5, 10.0), (1.0, 12.0))
    ]
    document = {
        "version": "0.7.0",
        "architecture": "SlimmableContainer",
        "config": {"submodels": submodels},
        "weights": [],
    }
    (folder / "sizes.nam").write_text(json.dumps(document))
    (shown,) = json.loads(_run("inspect", folder / "sizes.nam", "--json").stdout)
    assert shown["input_level_dbu"] == 12.0
    assert [(size["below"], size["input_level_dbu"]) for size in shown["sizes"]] == [(0.5, 10.0), (1.0, 12.0)]


def test_incomparable_drives_give_a_warning_everywhere(folder: Path) -> None:
    (folder / "uneven.toml").write_text(SPEC)
    result = _run("render", folder / "uneven.toml", "--out", folder / "out", "--no-plots", "--no-page")
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("Warning: /chains/1: The input of “Leveled” is calibrated")
    manifest = decode_manifest((folder / "out" / "manifest.json").read_bytes())
    (notice,) = manifest.notices
    assert (notice.code, notice.pointer) == ("uneven_calibration", "/chains/1")
    assert [any("not calibrated" in note for note in segment.notes) for segment in manifest.segments] == [False, True]
    assert f"Note: {notice.detail}" in (folder / "out" / "description.txt").read_text()
