"""Equal loudness for all kinds of playing and gain, measured with FFmpeg's `ebur128`."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.ffmpeg import ebur128
from tests.support.render_inputs import RATE, plan_in
from tests.support.shootouts import Log
from tests.support.specs import spec
from tone_shootout.audio.files import read_audio, write_wav
from tone_shootout.demo import write_material
from tone_shootout.demo.riff import arpeggio
from tone_shootout.demo.strings import Note, play
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.produce import produce

CEILING_DBTP = -1.0


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory, out: Path) -> Manifest:
    """Three ways of playing through the clean, crunch and high-gain captures of the demo and both cabs."""
    folder = tmp_path_factory.mktemp("sources")
    material = write_material(folder)
    chugs = [Note(beat=n / 4, beats=0.22, pitch=40, velocity=1.0, muted=True) for n in range(32) if n % 8 not in (3, 6)]
    mutes = play(chugs, bpm=120.0, seconds=4.0, seed=3)
    write_wav(folder / "arpeggio.wav", arpeggio()[: 4 * RATE], RATE)
    write_wav(folder / "palm mutes.wav", 0.9 * mutes / abs(mutes).max(), RATE)
    riff = material.di_tracks[0].path
    tracks: list[dict[str, Any]] = [
        {"name": "Arpeggio", "file": "arpeggio.wav"},
        {"name": "Palm mutes", "file": "palm mutes.wav"},
        {"name": "Riff", "file": str(riff.relative_to(folder)), "start_s": 6.0},
    ]
    chains: list[dict[str, Any]] = [
        {
            "name": f"{capture.name}, {cab.name}",
            "blocks": [
                {"type": "capture", "file": str(capture.path.relative_to(folder))},
                {"type": "cab_ir", "file": str(cab.path.relative_to(folder))},
            ],
        }
        for capture in material.captures
        for cab in material.cab_irs
    ]
    level = {"target_lufs": -14.0, "ceiling_dbtp": CEILING_DBTP}
    planned, paths = plan_in(folder, spec(*chains, tracks=tracks, level=level))
    return produce(planned, paths, out, processes=2, reporter=Log(), sound_only=True)


@pytest.fixture(scope="module")
def received(manifest: Manifest, out: Path) -> list[dict[str, float]]:
    """Measurements of the meter for every segment."""
    files = [read_audio(out / segment.file, max_seconds=20) for segment in manifest.segments]
    return [ebur128(audio.samples, audio.rate) for audio in files]


def test_all_segments_are_equally_loud_within_a_tenth_of_a_unit(
    manifest: Manifest, received: list[dict[str, float]]
) -> None:
    loudness = [reading["I"] for reading in received]
    assert len(loudness) == 18
    assert max(loudness) - min(loudness) <= 0.1
    assert loudness == pytest.approx([manifest.level.target_lufs] * 18, abs=0.1)


def test_no_segment_exceeds_the_ceiling_and_one_reaches_it(
    manifest: Manifest, received: list[dict[str, float]]
) -> None:
    peaks = [reading["TP"] for reading in received]
    assert max(peaks) <= CEILING_DBTP + 0.1
    assert manifest.level.limiting_segment is not None, "so much is asked for that a peak forbids it"
    assert peaks[manifest.level.limiting_segment - 1] == pytest.approx(CEILING_DBTP, abs=0.1)


def test_the_captures_have_different_loudness_before_the_match(manifest: Manifest) -> None:
    """The levels of the captures differ widely; only the match equalizes them."""
    before = [segment.loudness_before_lufs for segment in manifest.segments]
    assert max(before) - min(before) > 10.0
