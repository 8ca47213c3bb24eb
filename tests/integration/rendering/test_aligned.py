"""Aligned files: late and inverted chains give the same sound at the same time, and it is stated."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.render_inputs import RATE, lay_out, plain_gain
from tests.support.shootouts import Log, carry_out
from tests.support.specs import blocks, spec
from tone_shootout.audio.files import read_audio, write_wav
from tone_shootout.rendering.output.manifest import Manifest, SegmentRecord
from tone_shootout.rendering.output.verify import verify

LATE = 90
CHAINS = [
    {"name": "Plain", "blocks": blocks("unity.nam", "cab.wav")},
    {"name": "Late", "blocks": blocks("unity.nam", "late.wav")},
    {"name": "Inverted", "blocks": blocks("inverted.nam", "late.wav")},
    {"name": "Gated", "blocks": [*blocks("unity.nam", "cab.wav"), {"type": "noise_gate", "threshold_db": -15.0}]},
]
CUT = [{"name": "Riff", "file": "riff.wav", "start_s": 0.3, "end_s": 1.3}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sources")
    lay_out(made)
    (made / "unity.nam").write_bytes(plain_gain(1.0, metadata={"gear_type": "amp"}))
    (made / "inverted.nam").write_bytes(plain_gain(-1.0, metadata={"gear_type": "amp"}))
    response = np.array([0.8, 0.1, -0.05], np.float32)
    write_wav(made / "cab.wav", response, RATE)
    write_wav(made / "late.wav", np.append(np.zeros(LATE, np.float32), response), RATE)
    return made


@pytest.fixture(scope="module")
def manifest(folder: Path, out: Path, log: Log) -> Manifest:
    document = spec(*CHAINS, tracks=CUT, export={"aligned": True, "right_polarity": True})
    return carry_out(folder, document, out, reporter=log)


def _sound(out: Path, segment: SegmentRecord) -> NDArray[Any]:
    samples = read_audio(out / segment.file, max_seconds=10).samples[0]
    leveled: NDArray[Any] = samples / np.abs(samples).max()
    return leveled


def test_late_and_inverted_chains_give_the_same_file(out: Path, segments: dict[str, SegmentRecord]) -> None:
    plain = _sound(out, segments["Plain"])
    for name in ("Late", "Inverted"):
        assert len(plain) == RATE
        np.testing.assert_allclose(_sound(out, segments[name]), plain, atol=1e-4)


def test_the_manifest_states_shift_and_polarity(segments: dict[str, SegmentRecord]) -> None:
    stated = {name: (segment.shift_samples, segment.inverted) for name, segment in segments.items()}
    assert stated == {"Plain": (0, False), "Late": (LATE, False), "Inverted": (LATE, True), "Gated": (0, False)}
    for name in ("Plain", "Late", "Inverted"):
        latency = segments[name].latency
        assert latency is not None
        assert (latency.samples, latency.polarity) == (0, 1)


def test_a_chain_of_ambiguous_latency_stays_and_is_noted(segments: dict[str, SegmentRecord]) -> None:
    notes = {name: [note for note in segment.notes if "ambiguous" in note] for name, segment in segments.items()}
    assert [name for name, found in notes.items() if found] == ["Gated"]


def test_comparisons_are_those_of_the_aligned_sound(manifest: Manifest) -> None:
    pairs = [pair for pair in manifest.comparisons if pair.reference == 1 and pair.position in (2, 3)]
    assert len(pairs) == 2
    for pair in pairs:
        assert pair.aligned
        assert pair.esr < 1e-6
        assert pair.correlation == pytest.approx(1.0, abs=1e-6)


def test_no_file_begins_or_ends_with_a_step(out: Path, segments: dict[str, SegmentRecord]) -> None:
    for segment in segments.values():
        samples = read_audio(out / segment.file, max_seconds=10).samples[0]
        assert max(abs(samples[0]), abs(samples[-1])) < 1e-3


def test_an_aligned_result_is_exact_and_counted(manifest: Manifest, folder: Path, out: Path, log: Log) -> None:
    paths = {item.name: folder / item.name for item in manifest.inputs}
    verified = verify(manifest, out, paths, processes=2, reporter=Log())
    assert [segment.verdict for segment in verified] == ["exact"] * 4
    done, total = log.shares[-1]
    assert done == pytest.approx(total)


def test_each_choice_works_alone(folder: Path, tmp_path: Path) -> None:
    for export, expected in (({"aligned": True}, (LATE, False, -1)), ({"right_polarity": True}, (0, True, 1))):
        document = spec(CHAINS[2], tracks=CUT, export=export)
        (segment,) = carry_out(folder, document, tmp_path / next(iter(export)), plots=False).segments
        assert segment.latency is not None
        assert (segment.shift_samples, segment.inverted, segment.latency.polarity) == expected
