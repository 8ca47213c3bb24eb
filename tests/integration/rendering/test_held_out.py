"""Specs that no other test has, rendered from their files and measured by FFmpeg from outside.

Splits of two cabs in stereo, wide reverbs, sweeps, tails, slices, grids, mono beside stereo: all files of a result have
one loudness, and none is over the ceiling.
"""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.support.ffmpeg import ebur128
from tests.support.render_inputs import cabinet
from tone_shootout.audio.files import read_audio, write_wav
from tone_shootout.cli import main
from tone_shootout.demo import write_material
from tone_shootout.rendering.output.manifest import decode_manifest

pytestmark = pytest.mark.thorough

HEAD = """
title = "Held out"
[output]
page = false
plots = false
video = false
[[di_tracks]]
name = "Slice"
file = "riff.wav"
start_s = 1.37
end_s = 5.21
"""
SPECS = {
    "split in stereo": """
[level]
target_lufs = -18.0
[export]
tail_s = 1.5
[[sweep]]
input_db = [-12.0, 0.0, 6.0]
[[chains]]
name = "Two cabs"
[[chains.blocks]]
type = "capture"
file = "crunch.nam"
[[chains.blocks]]
type = "split"
paths = [
  { pan = -0.8, blocks = [{ type = "cab_ir", file = "open-1x12.wav" }] },
  { pan = 0.6, mix_db = -4.0, polarity = "inverted", blocks = [{ type = "cab_ir", file = "closed-4x12.wav" }] },
]
[[chains]]
name = "Mono"
blocks = [{ type = "capture", file = "clean.nam" }, { type = "cab_ir", file = "open-1x12.wav", high_cut_hz = 6000 }]
""",
    "grid of blends": """
[level]
target_lufs = -9.0
ceiling_dbtp = -3.0
[[di_tracks]]
name = "Whole"
file = "riff.wav"
end_s = 4.0
[grid]
captures = ["clean.nam", { file = "high-gain.nam", input_gain_db = -7.5 }]
cab_irs = ["open-1x12.wav", { file = "wide.wav", mix = 0.8 }]
template = [
  { type = "noise_gate", threshold_db = -65 },
  { type = "capture" },
  { type = "split", paths = [{ blocks = [{ type = "cab_ir" }] }, { mix_db = -9, blocks = [
    { type = "cab_ir", file = "closed-4x12.wav" }, { type = "delay", time_ms = 21 } ] }] },
]
""",
    "wide reverbs": """
[export]
tail_s = 3.0
aligned = true
right_polarity = true
[[chains]]
name = "Hall"
blocks = [
  { type = "capture", file = "clean.nam" }, { type = "cab_ir", file = "closed-4x12.wav" },
  { type = "reverb", reverb_type = "hall", mix = 0.6, decay_s = 3.5, width = 1.0 },
]
[[chains]]
name = "Spring on the left"
blocks = [
  { type = "capture", file = "crunch.nam" }, { type = "cab_ir", file = "wide.wav", channel = "left" },
  { type = "reverb", reverb_type = "spring", width = 0.7, channel = "left" },
]
[[chains]]
name = "Room, squeezed"
blocks = [
  { type = "capture", file = "high-gain.nam" }, { type = "cab_ir", file = "wide.wav" },
  { type = "reverb", width = 0.4 }, { type = "compressor", threshold_db = -40, ratio = 12 },
]
""",
    "quiet and dry": """
[level]
target_lufs = -35.0
ceiling_dbtp = -20.0
[[chains]]
name = "Dry beside wet"
allow = ["no_cab"]
input_gain_db = [-18.0, 3.0]
blocks = [
  { type = "split", paths = [{ blocks = [{ type = "capture", file = "crunch.nam" }] }, { mix_db = -3, pan = 1.0 }] },
  { type = "eq", bands = [{ type = "lowpass", frequency_hz = 900 }] },
]
[[chains]]
name = "Bright"
allow = ["no_cab"]
blocks = [
  { type = "capture", file = "clean.nam" },
  { type = "eq", bands = [
    { type = "highpass", frequency_hz = 3000 }, { type = "peak", frequency_hz = 5000, gain_db = 20 } ] },
]
""",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("held-out")
    write_material(made)
    write_wav(made / "wide.wav", np.stack([cabinet(seed=6), 0.4 * cabinet(seed=7)]), 44_100)
    return made


@pytest.mark.parametrize("name", SPECS)
def test_files_have_one_loudness_and_none_is_over_the_ceiling(folder: Path, name: str) -> None:
    spec, out = folder / "spec.toml", folder / name
    spec.write_text(HEAD + SPECS[name])
    result = CliRunner().invoke(main, ["render", str(spec), "--out", str(out), "--quiet"])
    assert result.exit_code == 0, result.output
    manifest = decode_manifest((out / "manifest.json").read_bytes())
    ceiling = manifest.spec.level.ceiling_dbtp
    received = []
    lengths: dict[str, set[int]] = {}
    for segment in manifest.segments:
        audio = read_audio(out / segment.file, max_seconds=60)
        assert len(audio.samples) == segment.channels
        lengths.setdefault(segment.di_track, set()).add(audio.samples.shape[1])
        assert np.abs(audio.samples[:, [0, -1]]).max() < 10 ** (-60 / 20), "no click at the ends"
        received.append(ebur128(audio.samples, audio.rate))
    assert all(len(each) == 1 for each in lengths.values())
    loudness = [each["I"] for each in received]
    assert max(loudness) - min(loudness) <= 0.1
    assert loudness == pytest.approx([manifest.level.target_lufs] * len(loudness), abs=0.1)
    assert max(each["TP"] for each in received) <= ceiling + 0.05
    assert {segment.channels for segment in manifest.segments} == {1, 2}
    verified = CliRunner().invoke(main, ["verify", str(out)])
    assert verified.exit_code == 0, verified.output
