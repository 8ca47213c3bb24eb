"""Results with stereo segments beside mono ones: files, loudness, video, page, comparison, verification."""

from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.ffmpeg import ebur128
from tests.support.render_inputs import RATE, cabinet, lay_out
from tests.support.shootouts import Log, Memory, carry_out
from tests.support.specs import blocks, spec, split
from tone_shootout.audio.files import read_audio, write_wav
from tone_shootout.rendering.listening_page.page import decode_page
from tone_shootout.rendering.metrics import Pair
from tone_shootout.rendering.output.manifest import Manifest, SegmentRecord
from tone_shootout.rendering.output.verify import verify
from tone_shootout.rendering.spec.schema import Spec

WITHOUT_DC = {"type": "eq", "bands": [{"type": "highpass", "frequency_hz": 40.0}]}
"""Random weights give a large DC offset, which loudness ignores and FFmpeg's fast AAC coder can't encode."""
BOTH = [{"pan": pan, "blocks": blocks("cab-a.wav"), "align": False} for pan in (-1.0, 1.0)]
CHAINS = [
    {"name": "Mono", "blocks": [*blocks("a.nam", "cab-a.wav"), WITHOUT_DC]},
    {"name": "Wide", "blocks": [*blocks("a.nam", "wide.wav"), WITHOUT_DC]},
    {"name": "Equal sides", "blocks": [*blocks("a.nam"), split(*BOTH), WITHOUT_DC]},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sources")
    lay_out(made)
    write_wav(made / "wide.wav", np.stack([cabinet(seed=6), cabinet(seed=7)]), 44_100)
    return made


@pytest.fixture(scope="module")
def document() -> Spec:
    return spec(*CHAINS, tracks=[{"name": "Riff", "file": "riff.wav"}])


@pytest.fixture(scope="module")
def manifest(folder: Path, document: Spec, out: Path, store: Memory) -> Manifest:
    return carry_out(folder, document, out, store=store, video=True, plots=True, page=True)


@pytest.fixture(scope="module")
def sound(manifest: Manifest, out: Path) -> dict[str, np.ndarray]:
    """The video's sound of each segment, shape (2, T)."""
    with av.open(str(out / "comparison.mp4")) as video:
        received = np.concatenate([frame.to_ndarray() for frame in video.decode(audio=0)], axis=1)
    return {
        each.chain: received[:, each.start_ms * 48 : each.start_ms * 48 + each.samples] for each in manifest.segments
    }


def test_mono_segments_stay_mono_files_and_stereo_ones_have_two_channels(manifest: Manifest, out: Path) -> None:
    shapes = [read_audio(out / segment.file, max_seconds=10).samples.shape for segment in manifest.segments]
    assert shapes == [(1, 2 * RATE), (2, 2 * RATE), (2, 2 * RATE)]
    assert [segment.channels for segment in manifest.segments] == [1, 2, 2]


def test_every_file_has_the_common_loudness_and_its_own_figures_by_ffmpeg(manifest: Manifest, out: Path) -> None:
    for segment in manifest.segments:
        audio = read_audio(out / segment.file, max_seconds=10)
        received = ebur128(audio.samples, audio.rate)
        assert received["I"] == pytest.approx(manifest.level.target_lufs, abs=0.1)
        assert received["TP"] <= manifest.level.ceiling_dbtp + 0.1
        assert segment.measured.integrated_lufs == pytest.approx(received["I"], abs=0.1)
        assert segment.measured.true_peak_dbtp == pytest.approx(received["TP"], abs=0.2)


def test_two_equal_sides_are_each_3_db_below_one(segments: dict[str, SegmentRecord], out: Path) -> None:
    mono, equal = (read_audio(out / segments[name].file, max_seconds=10).samples for name in ("Mono", "Equal sides"))
    np.testing.assert_allclose(equal[0], equal[1])
    np.testing.assert_allclose(equal[0], mono[0] * np.sqrt(0.5), atol=1e-5)


def test_the_video_plays_mono_as_loud_as_stereo(
    manifest: Manifest, segments: dict[str, SegmentRecord], sound: dict[str, np.ndarray], out: Path
) -> None:
    for name in ("Wide", "Equal sides"):
        expected = read_audio(out / segments[name].file, max_seconds=10).samples
        error = np.square(sound[name] - expected).mean() / np.square(expected).mean()
        assert 10 * np.log10(error) < -35.0
    loudness = [ebur128(samples, RATE)["I"] for samples in sound.values()]
    assert loudness == pytest.approx([manifest.level.target_lufs] * 3, abs=0.1)
    assert np.corrcoef(*sound["Wide"])[0, 1] < 0.99


def test_the_page_plays_mono_as_loud_as_stereo(manifest: Manifest, out: Path) -> None:
    page = decode_page((out / "listen" / "page.json").read_bytes())
    assert page.channels == 2
    gains = [(segment.channels, round(segment.playback_gain_db, 2)) for segment in page.segments]
    assert gains == [(1, -3.01), (2, 0.0), (2, 0.0)]
    assert [notice.code for notice in page.notices] == ["gear_not_stated", "mono_and_stereo"][-len(page.notices) :]


def _between(manifest: Manifest, one: int, other: int) -> Pair:
    return next(pair for pair in manifest.comparisons if (pair.reference, pair.position) == (one, other))


def test_mono_does_not_differ_from_two_equal_sides(manifest: Manifest) -> None:
    same, wide = _between(manifest, 1, 3), _between(manifest, 1, 2)
    assert same.esr < 1e-6
    assert same.log_mel_db < 0.05
    assert max(map(abs, same.third_octaves_db)) < 0.05
    assert wide.esr > 0.05


def test_the_metrics_are_those_of_both_sides(segments: dict[str, SegmentRecord]) -> None:
    mono, equal = segments["Mono"].metrics, segments["Equal sides"].metrics
    assert mono is not None
    assert equal is not None
    assert np.subtract(mono.third_octaves_db, equal.third_octaves_db) == pytest.approx(3.01, abs=0.01)
    assert equal.attack_ms == pytest.approx(mono.attack_ms)


def test_a_stereo_result_is_exact_and_cached(
    manifest: Manifest, folder: Path, document: Spec, out: Path, store: Memory, tmp_path: Path
) -> None:
    paths = {item.name: folder / item.name for item in manifest.inputs}
    verified = verify(manifest, out, paths, processes=2, reporter=Log())
    assert [segment.verdict for segment in verified] == ["exact"] * 3
    again = carry_out(folder, document, tmp_path, store=store, sound_only=True)
    assert [(each.cache_hit, each.sha256) for each in again.segments] == [
        (True, segment.sha256) for segment in manifest.segments
    ]
