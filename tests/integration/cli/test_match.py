"""`match`: what it writes is pasted into a spec and rendered; errors."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.support.render_inputs import RATE, plain_gain
from tests.support.signals import riff
from tone_shootout.audio.files import read_audio, write_wav
from tone_shootout.cli import main
from tone_shootout.demo.cabinets import CLOSED_4X12, OPEN_1X12, impulse_response
from tone_shootout.jobs.matching import match_read, match_response
from tone_shootout.rendering.matching import eq_block_toml
from tone_shootout.rendering.output.manifest import decode_manifest

SPEC = """
title = "Matched"
[output]
page = false
plots = false
video = false
[[di_tracks]]
name = "Riff"
file = "riff.wav"
"""
REST_RMS_DB, REST_MAX_DB = 1.0, 4.0
"""What may be left after the equalizer that REST computes from levels of third octaves, as docs/measures.md states."""
CHAIN = """
[[chains]]
name = "{name}"
blocks = [
{{ type = "capture", file = "amp.nam" }}, {{ type = "cab_ir", file = "cab-{cab}.wav" }},
{block}
]
allow = ["multiple_irs"]
"""


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _render(folder: Path, out: Path, *chains: tuple[str, str, str]) -> dict[str, tuple[Path, np.ndarray]]:
    """Render chains of name, cab and block; file and third octaves of each."""
    written = SPEC + "".join(CHAIN.format(name=name, cab=cab, block=block) for name, cab, block in chains)
    (folder / "spec.toml").write_text(written)
    result = _run("render", folder / "spec.toml", "--out", out)
    assert result.exit_code == 0, result.output
    found = {}
    for segment in decode_manifest((out / "manifest.json").read_bytes()).segments:
        assert segment.metrics is not None
        found[segment.chain] = (out / segment.file, np.array(segment.metrics.third_octaves_db))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_wav(tmp_path / "riff.wav", riff(3.0), RATE)
    (tmp_path / "amp.nam").write_bytes(plain_gain(1.0, metadata={"gear_type": "amp"}))
    for name, cabinet in (("a", OPEN_1X12), ("b", CLOSED_4X12)):
        write_wav(tmp_path / f"cab-{name}.wav", impulse_response(cabinet), RATE)
    return tmp_path


def test_a_tone_with_the_pasted_block_or_the_response_is_the_other_one(folder: Path) -> None:
    first = _render(folder, folder / "out", ("Target", "a", ""), ("Source", "b", ""))
    (target, wanted), (source, given) = first["Target"], first["Source"]
    shown = _run("match", target, source, "--ir", folder / "match.wav")
    assert shown.exit_code == 0, shown.output
    block = shown.stdout[shown.stdout.index("{ type") : shown.stdout.index("] },") + 4]
    written = json.loads(_run("match", target, source, "--json").stdout)
    response = read_audio(folder / "match.wav", max_seconds=1)
    assert (response.samples.shape, response.rate) == ((1, 4096), 48_000)

    # Over REST, from the levels of the manifest alone.
    manifest = decode_manifest((folder / "out" / "manifest.json").read_bytes())
    computed = asyncio.run(match_read(manifest, 1, 2))
    (folder / "rest.wav").write_bytes(asyncio.run(match_response(manifest, 1, 2)))

    second = _render(
        folder,
        folder / "again",
        ("By block", "b", block),
        ("By response", "b", '{ type = "cab_ir", file = "match.wav" }'),
        ("By block of REST", "b", eq_block_toml(computed.eq)),
        ("By response of REST", "b", '{ type = "cab_ir", file = "rest.wav" }'),
    )
    matched = np.array([point["matched"] for point in written["curve"]])
    before = (wanted - given)[matched]
    assert np.std(before) == pytest.approx(written["before"]["rms_db"], abs=0.1)
    assert np.std(before) > 2
    for name, figure, rms, most in (("By block", "after_eq", 0.6, 2.0), ("By response", "after_ir", 0.3, 1.0)):
        left = (wanted - second[name][1])[matched]
        left -= left.mean()
        # What the command states is what a render has, apart from the fades and the order of the blocks.
        assert np.std(left) == pytest.approx(written[figure]["rms_db"], abs=0.15), name
        assert np.std(left) < rms, name
        assert np.abs(left).max() < most, name
    for name in ("By block of REST", "By response of REST"):
        left = (wanted - second[name][1])[matched]
        assert np.std(left) < REST_RMS_DB < computed.before.rms_db, name
        assert np.abs(left - left.mean()).max() < REST_MAX_DB, name
    assert f"{written['after_eq']['rms_db']:.2f} dB RMS" in shown.stdout
    assert [band["type"] for band in written["eq"]["bands"]] == ["peak"] * block.count("frequency_hz")


def test_rates_channels_and_lengths_may_differ(folder: Path) -> None:
    sound = riff(3.0)
    write_wav(folder / "stereo.wav", np.stack([sound, sound / 2]), 44_100)
    found = json.loads(_run("match", folder / "riff.wav", folder / "stereo.wav", "--json").stdout)
    assert found["ir"] is None
    assert found["after_ir"]["rms_db"] < found["before"]["rms_db"]


def test_what_can_not_be_matched_is_one_line_of_an_error(folder: Path) -> None:
    write_wav(folder / "silent.wav", np.zeros(RATE), RATE)
    write_wav(folder / "short.wav", riff(3.0)[:9_600], RATE)
    (folder / "broken.flac").write_bytes(b"fLaC" + bytes(50))
    riff_file = folder / "riff.wav"
    for target, source, options, reported in (
        ("gone.wav", "riff.wav", (), "gone.wav: No such file or directory"),
        ("riff.wav", "silent.wav", (), "silent.wav: expected sound to match, got silence"),
        ("short.wav", "riff.wav", (), "short.wav: expected at least 0.5 s of sound to match, got 0.20 s (too_short)"),
        ("broken.flac", "riff.wav", (), "broken.flac: "),
        ("amp.nam", "riff.wav", (), "(not_audio)"),
        ("riff.wav", "riff.wav", ("--ir", folder / "ir.flac"), "expected a name that ends in .wav"),
        ("riff.wav", "riff.wav", ("--ir", riff_file), "expected a file that is not one of the inputs"),
        ("riff.wav", "riff.wav", ("--ir", folder / "no" / "ir.wav"), "No such file or directory"),
    ):
        result = _run("match", folder / target, folder / source, *options)
        assert result.exit_code == 1, result.output
        assert reported in result.stderr
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
    assert _run("match", riff_file).exit_code == 2
    assert read_audio(riff_file, max_seconds=9).samples.shape == (1, 3 * RATE)
