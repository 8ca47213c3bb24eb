"""Results of input sweeps: one loudness at all levels, distances by level, a plot of them."""

from pathlib import Path

import msgspec
import pytest

from tests.support.ffmpeg import ebur128
from tests.support.render_inputs import lay_out
from tests.support.shootouts import Log, carry_out
from tests.support.specs import blocks
from tone_shootout.audio.files import read_audio
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.output.verify import verify
from tone_shootout.rendering.spec.document import SpecDocument
from tone_shootout.rendering.spec.grid import expand

DOCUMENT = {
    "di_tracks": [{"name": "Riff", "file": "riff.wav", "end_s": 1.0}],
    "chains": [
        {"name": "A", "blocks": blocks("a.nam", "cab-a.wav")},
        {"name": "B", "blocks": blocks("pedal.nam", "b.nam", "cab-a.wav")},
    ],
    "sweep": [{"input_db": [0, -18]}],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sources")
    lay_out(made)
    return made


@pytest.fixture(scope="module")
def manifest(folder: Path, out: Path, log: Log) -> Manifest:
    return carry_out(folder, expand(msgspec.convert(DOCUMENT, SpecDocument)).spec, out, plots=True, reporter=log)


def test_segments_are_grouped_by_level_and_as_loud_at_each(manifest: Manifest, out: Path) -> None:
    assert [(segment.chain, segment.input_gain_db) for segment in manifest.segments] == [
        ("A, 0 dB", 0.0),
        ("B, 0 dB", 0.0),
        ("A, -18 dB", -18.0),
        ("B, -18 dB", -18.0),
    ]
    for segment in manifest.segments:
        audio = read_audio(out / segment.file, max_seconds=10)
        assert ebur128(audio.samples, audio.rate)["I"] == pytest.approx(manifest.level.target_lufs, abs=0.1)
    assert len({segment.gain_db for segment in manifest.segments}) == 4


def test_the_manifest_states_how_tones_part(manifest: Manifest) -> None:
    (found,) = manifest.sweeps
    assert (found.di_track, found.input_db, found.tones) == ("Riff", (-18.0, 0.0), ("A", "B"))
    pairs = {(pair.reference, pair.position): pair.log_mel_db for pair in manifest.comparisons}
    assert found.distances_db == ((pairs[3, 4], pairs[1, 2]), (pairs[3, 4], pairs[1, 2]))


def test_the_plot_is_drawn_and_counted(manifest: Manifest, out: Path, log: Log) -> None:
    names = {item.path for item in manifest.files}
    assert {"plots/sweep-01-riff.png", "plots/sweep-01-riff.svg"} <= names
    drawn = (out / "plots" / "sweep-01-riff.svg").read_text()
    assert "How tones part as the input rises" in drawn
    assert "lower is more alike" in drawn
    done, total = log.shares[-1]
    assert done == pytest.approx(total)


def test_a_sweep_is_exact(manifest: Manifest, folder: Path, out: Path) -> None:
    paths = {item.name: folder / item.name for item in manifest.inputs}
    verified = verify(manifest, out, paths, processes=2, reporter=Log())
    assert [segment.verdict for segment in verified] == ["exact"] * 4
