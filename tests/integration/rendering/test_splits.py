"""Results with splits: aligned cabs, what the manifest states, verification and cache."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.render_inputs import RATE, lay_out
from tests.support.shootouts import Log, Memory, carry_out
from tests.support.specs import blocks, spec, split
from tone_shootout.audio.files import read_audio, write_wav
from tone_shootout.rendering.metrics import Pair
from tone_shootout.rendering.output.manifest import Manifest, SegmentRecord
from tone_shootout.rendering.output.verify import verify
from tone_shootout.rendering.spec.schema import Spec

LATE = 37
"""Samples by which one cab is later than the other."""
UNSHIFTED = {"blocks": blocks("late.wav"), "align": False}
CHAINS = [
    {"name": "One cab", "blocks": blocks("a.nam", "cab.wav")},
    {"name": "Aligned", "blocks": [*blocks("a.nam"), split(blocks("cab.wav"), blocks("late.wav"))]},
    {"name": "As they are", "blocks": [*blocks("a.nam"), split(blocks("cab.wav"), UNSHIFTED)]},
    {"name": "Gated", "blocks": [split(blocks("a.nam", "cab.wav"), [{"type": "noise_gate", "threshold_db": -15.0}])]},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sources")
    lay_out(made)
    response = np.array([0.8, 0.3, -0.2, 0.1], np.float32)
    write_wav(made / "cab.wav", response, RATE)
    write_wav(made / "late.wav", np.append(np.zeros(LATE, np.float32), response), RATE)
    return made


@pytest.fixture(scope="module")
def document() -> Spec:
    return spec(*CHAINS, tracks=[{"name": "Riff", "file": "riff.wav", "end_s": 1.5}])


@pytest.fixture(scope="module")
def manifest(folder: Path, document: Spec, out: Path, store: Memory, log: Log) -> Manifest:
    return carry_out(folder, document, out, store=store, reporter=log)


def _between(manifest: Manifest, one: str, other: str) -> Pair:
    positions = {segment.chain: segment.position for segment in manifest.segments}
    return next(
        pair for pair in manifest.comparisons if (pair.reference, pair.position) == (positions[one], positions[other])
    )


def test_aligned_cabs_are_one_cab_of_twice_the_level(
    manifest: Manifest, segments: dict[str, SegmentRecord], out: Path
) -> None:
    one, aligned, plain = segments["One cab"], segments["Aligned"], segments["As they are"]
    assert _between(manifest, "One cab", "Aligned").correlation == pytest.approx(1.0, abs=1e-6)
    assert _between(manifest, "One cab", "Aligned").esr < 1e-6
    assert _between(manifest, "One cab", "As they are").esr > 0.01
    assert one.gain_db - aligned.gain_db == pytest.approx(20 * np.log10(2), abs=0.01)
    # The end of a moved path is silence.
    ends = -RATE // 100
    sounds = [read_audio(out / each.file, max_seconds=10).samples[0, :ends] for each in (one, aligned, plain)]
    assert np.corrcoef(sounds[0], sounds[1])[0, 1] == pytest.approx(1.0, abs=1e-6)
    assert np.corrcoef(np.diff(sounds[0]), np.diff(sounds[2]))[0, 1] < 0.9


def test_the_manifest_states_latencies_and_shifts(segments: dict[str, SegmentRecord]) -> None:
    assert segments["One cab"].splits == ()
    (aligned,) = segments["Aligned"].splits
    assert (aligned.block, aligned.sample_rate_hz) == (1, RATE)
    assert [(path.align, path.shift_samples) for path in aligned.paths] == [(True, 0), (True, LATE)]
    early, late = (path.latency for path in aligned.paths)
    assert early is not None
    assert late is not None
    assert (early.samples, late.samples, early.polarity) == (0, LATE, 1)
    (plain,) = segments["As they are"].splits
    assert [(path.align, path.shift_samples) for path in plain.paths] == [(True, 0), (False, 0)]


def test_a_path_of_ambiguous_latency_stays_and_is_noted(segments: dict[str, SegmentRecord]) -> None:
    (gated,) = segments["Gated"].splits
    assert [path.shift_samples for path in gated.paths] == [0, 0]
    assert [path.latency.samples is None for path in gated.paths if path.latency] == [False, True]
    assert "Path 2 of block 1 is not aligned: its latency is ambiguous." in segments["Gated"].notes


def test_the_shared_amp_runs_once(manifest: Manifest) -> None:
    assert sum(segment.inferences for segment in manifest.segments) == 1


def test_progress_ends_at_its_total(log: Log) -> None:
    done, total = log.shares[-1]
    assert done == pytest.approx(total)


def test_a_result_with_splits_is_exact(manifest: Manifest, folder: Path, out: Path) -> None:
    paths = {item.name: folder / item.name for item in manifest.inputs}
    verified = verify(manifest, out, paths, processes=2, reporter=Log())
    assert [segment.verdict for segment in verified] == ["exact"] * len(CHAINS)


def test_a_second_run_renders_and_measures_nothing(
    folder: Path, document: Spec, manifest: Manifest, store: Memory, tmp_path: Path
) -> None:
    before = dict(store.kept)
    again = carry_out(folder, document, tmp_path, store=store)
    assert [segment.cache_hit for segment in again.segments] == [True] * len(CHAINS)
    assert [segment.splits for segment in again.segments] == [segment.splits for segment in manifest.segments]
    assert [segment.sha256 for segment in again.segments] == [segment.sha256 for segment in manifest.segments]
    assert store.kept == before
