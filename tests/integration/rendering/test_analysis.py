"""Metrics of a whole shootout: inserted properties are measured, with any number of processes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.ffmpeg import ebur128
from tests.support.render_inputs import RATE, lay_out, plain_gain
from tests.support.shootouts import Log, carry_out, two_by_two
from tests.support.specs import blocks, spec
from tone_shootout.audio.files import read_audio, write_wav
from tone_shootout.audio.spectrum import spectrum
from tone_shootout.audio.temporal import temporal_features
from tone_shootout.rendering.metrics import Latency, Pair
from tone_shootout.rendering.output.manifest import Manifest, decode_manifest, encode_manifest

DELAY = 37
CHAINS: list[dict[str, Any]] = [
    {"name": "As it is", "blocks": blocks("unity.nam", "cab.wav")},
    {"name": "Quieter", "trim_db": -2.0, "blocks": blocks("quarter.nam", "cab.wav")},
    {"name": "Inverted", "blocks": blocks("inverted.nam", "cab.wav")},
    {"name": "Late cab", "blocks": blocks("unity.nam", "late.wav")},
    {"name": "Late capture", "blocks": blocks("late.nam", "cab.wav")},
    {"name": "Other", "blocks": blocks("a.nam", "cab.wav")},
    {
        "name": "Gated",
        "blocks": blocks("unity.nam", "cab.wav", {"type": "noise_gate", "threshold_db": -12.0}),
    },
]


def _linear(taps: list[float]) -> bytes:
    """A capture that is an FIR filter; its first tap is the current sample's."""
    document = json.loads(plain_gain(1.0))
    return json.dumps({**document, "config": {"receptive_field": len(taps), "bias": False}, "weights": taps}).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sources")
    lay_out(made)
    for name, gain in (("unity", 1.0), ("quarter", 0.25), ("inverted", -1.0)):
        (made / f"{name}.nam").write_bytes(plain_gain(gain))
    (made / "late.nam").write_bytes(_linear([*[0.0] * DELAY, 1.0]))
    response = np.array([0.8, 0.1, -0.05], np.float32)
    write_wav(made / "cab.wav", response, RATE)
    write_wav(made / "late.wav", np.concatenate([np.zeros(DELAY, np.float32), response]), RATE)
    return made


@pytest.fixture(scope="module")
def manifest(folder: Path, out: Path, log: Log) -> Manifest:
    return carry_out(folder, spec(*CHAINS), out, plots=True, reporter=log)


@pytest.fixture(scope="module")
def latencies(manifest: Manifest) -> dict[str, Latency]:
    return {segment.chain: segment.latency for segment in manifest.segments if segment.latency}


def _between(manifest: Manifest, one: str, other: str) -> Pair:
    positions = {segment.chain: segment.position for segment in manifest.segments}
    return next(
        pair for pair in manifest.comparisons if (pair.reference, pair.position) == (positions[one], positions[other])
    )


@pytest.mark.parametrize(
    ("chain", "samples", "polarity"),
    [("As it is", 0, 1), ("Quieter", 0, 1), ("Inverted", 0, -1), ("Late cab", DELAY, 1), ("Late capture", DELAY, 1)],
)
def test_an_inserted_delay_is_measured(latencies: dict[str, Latency], chain: str, samples: int, polarity: int) -> None:
    found = latencies[chain]
    assert (found.samples, found.polarity) == (samples, polarity)
    assert found.confidence >= 2.0


def test_the_latency_of_a_chain_that_mutes_the_probe_is_ambiguous(out: Path, manifest: Manifest) -> None:
    written = json.loads((out / "manifest.json").read_bytes())
    (gated,) = (segment for segment in written["segments"] if segment["chain"] == "Gated")
    assert gated["latency"] == {"samples": None, "confidence": 0.0, "polarity": 0}
    assert not _between(manifest, "As it is", "Gated").aligned


@pytest.mark.parametrize("chain", ["Quieter", "Inverted", "Late cab", "Late capture"])
def test_gain_polarity_and_delay_do_not_count_as_differences(manifest: Manifest, chain: str) -> None:
    found = _between(manifest, "As it is", chain)
    assert found.aligned
    assert found.esr < 1e-6
    assert found.correlation == pytest.approx(1.0, abs=1e-6)
    assert found.log_mel_db < 0.05
    assert max(map(abs, found.third_octaves_db)) < 0.05


def test_equal_tones_are_adjacent_in_the_difference_matrix(manifest: Manifest) -> None:
    (found,) = manifest.difference
    same = [chain in {"As it is", "Quieter", "Inverted", "Late cab", "Late capture"} for chain in found.chains]
    assert same in ([True] * 5 + [False] * 2, [False] * 2 + [True] * 5, [False] + [True] * 5 + [False])
    assert found.di_track == "Riff in E"


def test_each_capture_is_measured_once(manifest: Manifest) -> None:
    captures = {capture.name: capture for capture in manifest.captures}
    assert list(captures) == ["unity.nam", "quarter.nam", "inverted.nam", "late.nam", "a.nam"]
    assert captures["late.nam"].latency.samples == DELAY
    assert captures["inverted.nam"].latency.polarity == -1
    quarter = captures["quarter.nam"].behavior
    assert quarter is not None
    for point in quarter.drive:
        assert point.output_dbfs == pytest.approx(point.input_dbfs - 12.04, abs=0.01)


def test_metrics_are_those_of_the_written_file(out: Path, manifest: Manifest) -> None:
    for segment in manifest.segments:
        samples = read_audio(out / segment.file, max_seconds=10).samples[0]
        assert segment.metrics is not None
        assert segment.metrics.centroid_hz == spectrum(samples, RATE).centroid_hz
        assert segment.metrics.transients_per_second == temporal_features(samples, RATE).transients_per_second


def test_the_manifest_is_strict_json_and_reads_back(out: Path, manifest: Manifest) -> None:
    text = (out / "manifest.json").read_text()

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(text, parse_constant=refuse)
    assert encode_manifest(manifest) == encode_manifest(decode_manifest(text.encode())) == text.encode()


def test_every_plot_is_drawn_as_png_and_svg(out: Path, manifest: Manifest, log: Log) -> None:
    stems = {"levels", "drive", "spectra-01-riff-in-e", "difference-01-riff-in-e"}
    stems |= {f"waveform-{Path(segment.file).stem}" for segment in manifest.segments}
    expected = {f"plots/{stem}.{kind}" for stem in stems for kind in ("png", "svg")}
    assert {item.path for item in manifest.files if item.path.startswith("plots/")} == expected
    assert {f"plots/{path.name}" for path in (out / "plots").iterdir()} == expected
    assert log.phases == ["render", "level", "plots"]
    assert log.shares[-1][0] == pytest.approx(log.shares[-1][1])


@pytest.mark.thorough
def test_metrics_and_plots_do_not_depend_on_the_number_of_processes(folder: Path, tmp_path: Path) -> None:
    document = two_by_two()
    for processes in (1, 3):
        carry_out(folder, document, tmp_path / str(processes), plots=True, processes=processes)
    one, three = ((tmp_path / name / "manifest.json").read_bytes() for name in ("1", "3"))
    assert one == three


def test_the_levels_of_the_video_agree_with_ffmpeg(folder: Path, tmp_path: Path) -> None:
    made = carry_out(folder, spec(*CHAINS[:2]), tmp_path, video=True)
    assert made.video is not None
    audio = read_audio(tmp_path / "comparison.mp4", max_seconds=60)
    received = ebur128(audio.samples, audio.rate)
    assert made.video.integrated_lufs == pytest.approx(received["I"], abs=0.1)
    assert made.video.true_peak_dbtp == pytest.approx(received["TP"], abs=0.2)
    stated = f"{made.video.integrated_lufs:.1f} LUFS, {made.video.true_peak_dbtp:.1f} dBTP."
    assert stated in (tmp_path / "description.txt").read_text()
