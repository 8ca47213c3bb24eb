"""`render`, `reamp`, `inspect` and `measure`: results and errors."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
import pytest
from click.testing import CliRunner, Result

from tests.support.ffmpeg import ebur128
from tests.support.render_inputs import RATE, cabinet, lay_out, nano_capture, plain_gain, plucks
from tests.support.shared import shared_folder
from tone_shootout.audio.files import read_audio, write_wav
from tone_shootout.audio.nam import load
from tone_shootout.cli import main
from tone_shootout.rendering.output.manifest import decode_manifest

SPEC = """
title = "Two crunches"
[[di_tracks]]
name = "Riff in E"
file = "riff.wav"
[[chains]]
name = "A"
blocks = [{ type = "capture", file = "a.nam" }, { type = "cab_ir", file = "cab-a.wav" }]
[[chains]]
name = "B"
blocks = [{ type = "capture", file = "b.nam" }, { type = "cab_ir", file = "cab-b.wav" }]
"""
VECTORS = shared_folder()
CASES = ["a1_nano", "a1_standard_repo"] if VECTORS else []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lay_out(tmp_path)
    (tmp_path / "two.toml").write_text(SPEC)
    return tmp_path


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _refused(*arguments: str | Path, errors: int = 1) -> str:
    """Run a command that must fail with one line for each error, and return them."""
    result = _run(*arguments)
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == errors
    return result.stderr.removeprefix("Error: ").rstrip("\n")


def test_render_writes_a_result_and_prints_its_folder(folder: Path) -> None:
    result = _run("render", folder / "two.toml", "--out", folder / "out", "--jobs", "2", "--no-video")
    assert result.exit_code == 0, result.output
    manifest = decode_manifest((folder / "out" / "manifest.json").read_bytes())
    assert [segment.chain for segment in manifest.segments] == ["A", "B"]
    assert f"Common loudness: {manifest.level.target_lufs:.2f} LUFS" in result.stdout
    assert f"Results: {folder / 'out'}" in result.stdout
    assert "(one_sided_calibration)\nRendering\n  segment " in result.stderr


def test_render_gives_the_same_result_from_json(folder: Path) -> None:
    import tomllib

    (folder / "two.json").write_text(json.dumps(tomllib.loads(SPEC)))
    for name in ("two.toml", "two.json"):
        assert _run("render", folder / name, "--out", folder / name.replace(".", "-"), "--no-video").exit_code == 0
    first, second = ((folder / f"two-{end}" / "manifest.json").read_bytes() for end in ("toml", "json"))
    assert first == second


@pytest.mark.parametrize(
    ("old", "new", "reported"),
    [
        ("riff.wav", "gone.wav", "DI track “Riff in E”, file: gone.wav: No such file or directory (missing_asset)"),
        (
            '"a.nam"',
            '"riff.wav"',
            "block 1 (capture), file: expected a capture, 'riff.wav' is audio (wrong_kind)",
        ),
        (', { type = "cab_ir", file = "cab-a.wav" }', "", "chain “A”, blocks: the amp's capture has no cabinet"),
        (
            'name = "A"',
            'name = "A"\nnam = 1',
            "chain “A”, nam: Object contains unknown field `nam`; did you mean",
        ),
        ('"a.nam"', '"cab-a.wav"', 'This is audio: is type = "cab_ir" meant? (not_json)'),
        ('"cab-b.wav"', '"b.nam"', "expected a cab IR, 'b.nam' is a capture. This is a capture: is type"),
        ("title =", "title", "expected TOML: "),
        (
            'name = "Riff in E"',
            'name = "Riff in E"\nend_s = 3.0',
            "“Riff in E”, end_s: expected an end no later than",
        ),
    ],
)
def test_render_names_the_place_of_a_spec_error(folder: Path, old: str, new: str, reported: str) -> None:
    path = folder / "two.toml"
    path.write_text(SPEC.replace(old, new, 1))
    assert reported in _refused("render", path, "--out", folder / "out")
    assert not (folder / "out").exists()


def test_render_rejects_invalid_spec_paths_and_folders_with_other_files(folder: Path) -> None:
    assert _refused("render", folder / "gone.toml", "--out", folder / "out").endswith("No such file or directory")
    assert "expected a name that ends in .toml or .json" in _refused("render", folder / "a.nam", "--out", folder / "o")
    assert "expected an empty folder or an earlier result" in _refused("render", folder / "two.toml", "--out", folder)
    reported = _refused("render", folder / "two.toml", "--out", folder / "riff.wav")
    assert reported == f"{folder / 'riff.wav'}: Not a directory"
    assert _run("render", folder / "two.toml").exit_code == 2


def test_render_names_the_segment_that_fails(folder: Path) -> None:
    gated = 'file = "cab-b.wav" }, { type = "noise_gate", threshold_db = 0.0 }'
    (folder / "two.toml").write_text(SPEC.replace('file = "cab-b.wav" }', gated))
    reported = _refused_last_line("render", folder / "two.toml", "--out", folder / "out")
    assert reported.startswith("Error: “Riff in E” through “B”: block 3 (noise gate) outputs silence")
    assert not (folder / "out").exists()


def _refused_last_line(*arguments: str | Path) -> str:
    result = _run(*arguments)
    assert result.exit_code == 1
    return result.stderr.splitlines()[-1]


def test_ctrl_c_stops_a_rendering_cleanly(folder: Path) -> None:
    """Send SIGINT to the whole process group, like a terminal."""
    write_wav(folder / "riff.wav", np.tile(plucks(4.0), 15), RATE)
    command = [sys.executable, "-m", "tone_shootout", "render", str(folder / "two.toml"), "--out", str(folder / "out")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        assert "(one_sided_calibration)" in process.stderr.readline()
        assert process.stderr.readline() == "Rendering\n"
        others = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        reported = process.stderr.read()
        assert process.wait() == 1
    assert reported == "Error: stopped; no results were written\n"
    assert not (folder / "out").exists()
    assert psutil.wait_procs(others, timeout=20)[1] == []


def test_reamp_writes_the_samples_of_the_engine(folder: Path) -> None:
    result = _run("reamp", folder / "riff.wav", folder / "a.nam", folder / "out.wav")
    assert result.exit_code == 0, result.output
    received = read_audio(folder / "out.wav", max_seconds=10)
    expected = load((folder / "a.nam").read_bytes()).start().process(plucks(2.0))
    assert received.rate == RATE
    np.testing.assert_array_equal(received.samples[0], expected)


@pytest.mark.parametrize("case", CASES)
def test_reamp_agrees_with_the_canonical_engine(tmp_path: Path, case: str) -> None:
    assert VECTORS is not None
    public = VECTORS / "nam" / "public"
    described = next(c for c in json.loads((public / "cases.json").read_text())["cases"] if c["id"] == case)
    result = _run("reamp", public / "input.wav", public / described["model"], tmp_path / "out.wav")
    assert result.exit_code == 0, result.output
    received = read_audio(tmp_path / "out.wav", max_seconds=60).samples[0]
    expected = np.load(public / described["expected"])
    np.testing.assert_allclose(received, expected, atol=described["tolerance"])


def test_reamp_preserves_length_and_sample_rate(folder: Path) -> None:
    assert _run("reamp", folder / "arpeggio.wav", folder / "a.nam", folder / "o.wav").exit_code == 0
    received = read_audio(folder / "o.wav", max_seconds=10)
    assert (received.samples.shape, received.rate) == ((1, round(1.23456 * 44_100)), 44_100)


def test_reamp_applies_a_cab_ir_without_changing_the_level(folder: Path) -> None:
    (folder / "loud.nam").write_bytes(plain_gain(8.0))
    impulse = np.zeros(100, np.float32)
    impulse[3] = 1.0
    write_wav(folder / "delay.wav", impulse, RATE)
    arguments = ("reamp", folder / "riff.wav", folder / "loud.nam", folder / "o.wav", "--ir", folder / "delay.wav")
    assert _run(*arguments).exit_code == 0
    received = read_audio(folder / "o.wav", max_seconds=10).samples[0]
    np.testing.assert_allclose(received[3:], 8.0 * plucks(2.0)[:-3], atol=1e-6)
    assert np.abs(received).max() == pytest.approx(4.0, rel=1e-3)


def test_reamp_needs_ir_channel_for_a_stereo_ir(folder: Path) -> None:
    sides = [cabinet(seed=4), cabinet(seed=5)]
    write_wav(folder / "wide.wav", np.stack(sides), 44_100)
    write_wav(folder / "right.wav", sides[1], 44_100)
    write_wav(folder / "long.wav", plucks(10.5), RATE)
    command = ("reamp", folder / "riff.wav", folder / "a.nam", folder / "out.wav", "--ir")
    reported = _refused(*command, folder / "wide.wav")
    assert reported.endswith("differ: choose --ir-channel left, right or mean (stereo_ir)")
    assert "expected at most 10 seconds" in _refused(*command, folder / "long.wav")
    received = []
    for arguments in (("wide.wav", "--ir-channel", "right"), ("right.wav",)):
        assert _run(*command, folder / arguments[0], *arguments[1:]).exit_code == 0
        received.append((folder / "out.wav").read_bytes())
    assert received[0] == received[1]


def test_reamp_and_inspect_report_notices(folder: Path) -> None:
    write_wav(folder / "opposite.wav", np.stack([plucks(), -plucks()]), RATE)
    late = np.concatenate([np.zeros(882, np.float32), cabinet(seed=4)])
    write_wav(folder / "late.wav", late, 44_100)
    command = ("reamp", folder / "opposite.wav", folder / "a.nam", folder / "out.wav", "--ir", folder / "late.wav")
    reported = _run(*command)
    assert reported.exit_code == 0, reported.output
    assert [line.rpartition(" ")[2] for line in reported.stderr.splitlines()] == ["(sides_cancel)", "(late_onset)"]
    reported = _run(*command, "--channel", "left")
    assert [line.rpartition(" ")[2] for line in reported.stderr.splitlines()] == ["(late_onset)"]
    shown = _run("inspect", folder / "opposite.wav", folder / "late.wav", "--json")
    opposite, response = json.loads(shown.stdout)
    assert opposite["as_di_track"]["usable"] is True
    assert opposite["as_di_track"]["detail"].startswith('with channel set to "left" or "right"')
    assert [notice["code"] for notice in opposite["notices"]] == ["sides_cancel"]
    assert [notice["code"] for notice in response["notices"]] == ["late_onset"]
    assert "starts 20.0 ms after" in _run("inspect", folder / "late.wav").stdout


def test_inspect_names_the_type_of_an_unsupported_file(folder: Path) -> None:
    page, expected = b"<!DOCTYPE html><html>", "the file is an HTML page"
    for name, wanted in (("page.nam", "expected a Neural Amp Modeler capture"), ("page.wav", "expected WAV, ")):
        (folder / name).write_bytes(page)
        reported = _refused("inspect", folder / name)
        assert wanted in reported
        assert expected in reported


def test_render_uses_one_channel_and_records_notices(folder: Path) -> None:
    write_wav(folder / "riff.wav", np.stack([plucks() + 0.1, -plucks() - 0.1]), RATE)
    write_wav(folder / "cab-b.wav", np.stack([cabinet(seed=4), cabinet(seed=5)]), 44_100)
    reported = _refused("render", folder / "two.toml", "--out", folder / "out")
    assert "DI track “Riff in E”, channel: the sides of this DI track cancel to silence" in reported
    text = SPEC.replace('file = "riff.wav"', 'file = "riff.wav"\nchannel = "left"')
    text = text.replace('"cab-b.wav" }', '"cab-b.wav", channel = "right" }')
    (folder / "two.toml").write_text(text)
    result = _run("render", folder / "two.toml", "--out", folder / "out", "--no-plots")
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("Note: /di_tracks/0: DI track “Riff in E”: the recording has a DC offset of +0.1")
    manifest = decode_manifest((folder / "out" / "manifest.json").read_bytes())
    notice, advice = manifest.notices
    assert (notice.code, notice.pointer) == ("dc_offset", "/di_tracks/0")
    text = (folder / "out" / "description.txt").read_text()
    assert f"Note: {notice.detail}" in text
    assert advice.code == "one_sided_calibration"
    assert advice.detail not in text


def test_reamp_reports_errors_in_one_line(folder: Path) -> None:
    riff, amp, out = folder / "riff.wav", folder / "a.nam", folder / "o.wav"
    (folder / "text.wav").write_text("no audio")
    (folder / "bad.nam").write_text("{}")
    assert _refused("reamp", folder / "gone.wav", amp, out) == f"{folder / 'gone.wav'}: No such file or directory"
    assert _refused("reamp", folder / "text.wav", amp, out).endswith("(not_audio)")
    assert _refused("reamp", riff, folder / "bad.nam", out).startswith(f"{folder / 'bad.nam'}: ")
    assert _refused("reamp", riff, amp, out, "--ir", folder / "text.wav").endswith("(not_audio)")
    assert _refused("reamp", riff, amp, folder / "gone" / "o.wav").endswith("No such file or directory")
    assert "ends in .wav" in _refused("reamp", riff, amp, folder / "o.flac")
    assert "expected a file that is not one of the inputs" in _refused("reamp", riff, amp, riff)
    assert "only one size" in _refused("reamp", riff, amp, out, "--size", "0.5")
    assert _run("reamp", riff, amp, out, "--size", "2").exit_code == 2
    assert not out.exists()


def _json(*arguments: str | Path) -> Any:
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_inspect_shows_properties_of_files(folder: Path) -> None:
    (folder / "named.nam").write_bytes(nano_capture(metadata={"gear_type": "amp", "modeled_by": "me", "gain": 0.5}))
    (folder / "bare.nam").write_bytes(nano_capture(metadata={}))
    files = (folder / name for name in ("named.nam", "cab-a.wav", "riff.wav", "bare.nam"))
    capture, cab, riff, bare = _json("inspect", *files)
    assert [notice["code"] for notice in bare["notices"]] == ["gear_not_stated"]
    assert (capture["type"], capture["architecture"], capture["parameters"]) == ("capture", "WaveNet", 842)
    assert capture["metadata"] == {"gear_type": "amp", "modeled_by": "me", "gain": 0.5}
    assert capture["notices"] == []
    assert (cab["type"], cab["format"], cab["sample_rate_hz"], cab["as_cab_ir"]["usable"]) == (
        "audio",
        "WAV",
        44_100,
        True,
    )
    assert (riff["duration_s"], riff["channels"], riff["as_di_track"]["usable"]) == (2.0, 1, True)
    text = _run("inspect", folder / "named.nam", folder / "cab-a.wav").stdout
    assert "  architecture" in text
    assert "  metadata.modeled_by" in text


def test_measure_agrees_with_ffmpeg_s_meter(folder: Path) -> None:
    (measured,) = _json("measure", folder / "riff.wav")
    received = ebur128(plucks(2.0)[np.newaxis], RATE)
    assert measured["integrated_lufs"] == pytest.approx(received["I"], abs=0.1)
    assert measured["true_peak_dbtp"] == pytest.approx(received["TP"], abs=0.2)
    assert measured["duration_s"] == 2.0
    assert {"centroid_hz", "tilt_db_per_octave", "crest_factor_db", "rms_dbfs"} < measured.keys()


def test_measure_prints_a_row_per_file(folder: Path) -> None:
    write_wav(folder / "silence.wav", np.zeros(RATE, np.float32), RATE)
    result = _run("measure", folder / "riff.wav", folder / "silence.wav")
    heading, riff, silence = result.stdout.splitlines()
    assert heading.split()[:4] == ["LUFS", "LRA", "max", "M"]
    assert str(folder / "riff.wav") in riff
    assert silence.split()[1] == "-inf"
    assert _json("measure", folder / "silence.wav")[0]["integrated_lufs"] is None


@pytest.mark.parametrize("command", ["inspect", "measure"])
def test_one_bad_file_does_not_hide_the_others(folder: Path, command: str) -> None:
    (folder / "text.wav").write_text("no audio")
    result = _run(command, folder / "text.wav", folder / "riff.wav", folder / "gone.wav")
    assert result.exit_code == 1
    assert str(folder / "riff.wav") in result.stdout
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [
        ["Error", str(folder / "text.wav")],
        ["Error", str(folder / "gone.wav")],
    ]


def test_measure_agrees_with_the_manifest_of_a_result(folder: Path) -> None:
    assert (
        _run("render", folder / "two.toml", "--out", folder / "out", "--no-video", "--no-plots", "--no-page").exit_code
        == 0
    )
    files = sorted((folder / "out" / "segments").iterdir())
    manifest = decode_manifest((folder / "out" / "manifest.json").read_bytes())
    for measured, segment in zip(_json("measure", *files), manifest.segments, strict=True):
        assert measured["integrated_lufs"] == pytest.approx(manifest.level.target_lufs, abs=0.01)
        figures = msgspec.to_builtins(segment.measured) | msgspec.to_builtins(segment.metrics)
        assert {name: measured[name] for name in figures} == json.loads(msgspec.json.encode(figures))
    assert read_audio(files[0], max_seconds=10).rate == RATE
