"""The A/B round of the video: one performance, tones that change before notes, without a click, at one level."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.ffmpeg import ebur128
from tests.support.phrases import PHRASE_S, two_tones
from tests.support.shootouts import carry_out
from tone_shootout.audio.files import read_audio
from tone_shootout.rendering.output.manifest import Manifest, TurnRecord
from tone_shootout.rendering.video.layout import WIDE

RATE = 48_000
FRAME = RATE // 30


@pytest.fixture(scope="module")
def manifest(phrases: Path, out: Path) -> Manifest:
    return carry_out(phrases, two_tones("Plexi", "Combo", title="Two amps"), out, video=True)


@pytest.fixture(scope="module")
def turns(manifest: Manifest) -> list[TurnRecord]:
    return list(manifest.ab_round)


@pytest.fixture(scope="module")
def sound(manifest: Manifest, out: Path) -> NDArray[np.float32]:
    """The decoded sound of the video, one of two equal sides."""
    with av.open(str(out / "comparison.mp4")) as video:
        return np.concatenate([frame.to_ndarray()[0] for frame in video.decode(audio=0)])


@pytest.fixture(scope="module")
def tones(manifest: Manifest, out: Path) -> dict[int, NDArray[np.float32]]:
    """The samples of the segments' files, by position."""
    return {each.position: read_audio(out / each.file, max_seconds=10).samples[0] for each in manifest.segments}


def test_both_tones_have_two_turns_each_with_the_other_phrase_the_second_time(turns: list[TurnRecord]) -> None:
    phrase_ms = turns[1].segment_ms
    assert [(turn.position, turn.segment_ms) for turn in turns] == [(1, 0), (2, phrase_ms), (2, 0), (1, phrase_ms)]
    assert [turn.start_ms for turn in turns[1:]] == [turn.end_ms for turn in turns[:-1]]
    assert all(2000 <= turn.end_ms - turn.start_ms <= 5000 for turn in turns)


def test_the_tone_changes_just_before_the_note_after_the_longest_gap(turns: list[TurnRecord]) -> None:
    """A crossfade of 60 ms, and up to a frame for the picture."""
    assert 0.03 <= PHRASE_S - turns[1].segment_ms / 1000 <= 0.03 + 0.01 + 0.034 + 0.01


def test_the_round_is_one_chapter_between_tones_and_results(manifest: Manifest, out: Path) -> None:
    assert (out / "chapters.txt").read_text() == (
        "0:00 Phrases – Plexi\n0:09 Phrases – Combo\n0:14 A/B round\n0:24 Results and credits\n"
    )
    assert manifest.ab_round[0].start_ms == 14_000
    assert "changes are crossfades of 60 ms" in (out / "description.txt").read_text()


def test_the_picture_changes_within_a_frame_of_the_sound(
    turns: list[TurnRecord], tones: dict[int, NDArray[np.float32]], sound: NDArray[np.float32], out: Path
) -> None:
    """The third turn is the start of the repetition, with the same tone: the picture stays."""
    shown = _changes_of_the_picture(out / "comparison.mp4", turns[0].start_ms // 1000, turns[-1].end_ms // 1000)
    assert shown == [round(turns[number].start_ms * 30 / 1000) for number in (1, 3)]
    heard = [_change_of_the_sound(turns[n], turns[n + 1], tones, sound) for n in (0, 2)]
    assert shown == pytest.approx(heard, abs=1.0)


def _changes_of_the_picture(path: Path, start_s: int, end_s: int) -> list[float]:
    """Return the numbers of the frames in which anything but the strip differs from the frame before."""
    changes: list[float] = []
    before: NDArray[np.int16] | None = None
    with av.open(str(path), options={"err_detect": "explode"}) as video:
        video.seek(start_s * 1_000_000)
        for frame in video.decode(video=0):
            time = float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base else 0.0
            if time >= end_s:
                break
            pixels = frame.to_ndarray()[: WIDE.height : 8, ::8].astype(np.int16)
            around = np.delete(pixels, slice(WIDE.strip_top // 8, WIDE.strip_bottom // 8), axis=0)
            if before is not None and np.abs(around - before).max() > 24:
                changes.append(round(time * 30))
            before = around
    return changes


def _change_of_the_sound(
    before: TurnRecord, after: TurnRecord, tones: dict[int, NDArray[np.float32]], sound: NDArray[np.float32]
) -> float:
    """Return when the sound is half of each tone, in frames of the video: the share of the new one by least squares."""
    change = _sample(after.start_ms)
    around = np.arange(change - 3 * FRAME, change + 3 * FRAME)
    one, other = (_expected(turn, tones, around) for turn in (before, after))
    difference, received = other - one, sound[around] - one
    width = FRAME // 4
    shares = [
        float(received[at : at + width] @ difference[at : at + width] / np.square(difference[at : at + width]).sum())
        for at in range(0, len(around) - width, width)
    ]
    assert shares[0] == pytest.approx(0.0, abs=0.05)
    assert shares[-1] == pytest.approx(1.0, abs=0.05)
    half = next(number for number, share in enumerate(shares) if share >= 0.5)
    return float(around[0] + (half + 0.5) * width) / FRAME


def _expected(turn: TurnRecord, tones: dict[int, NDArray[np.float32]], at: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return what a tone is at places in the video, if it went on before and after its turn."""
    place = at - _sample(turn.start_ms) + _sample(turn.segment_ms)
    tone = tones[turn.position]
    found = np.zeros(len(at), np.float32)
    inside = (place >= 0) & (place < len(tone))
    found[inside] = tone[place[inside]]
    return found


def _sample(ms: int) -> int:
    """Return the sample of a time that is a whole frame, rounded to ms."""
    return round(ms * 30 / 1000) * FRAME


def test_every_turn_has_the_samples_of_its_file_at_the_same_gain(
    turns: list[TurnRecord], tones: dict[int, NDArray[np.float32]], sound: NDArray[np.float32]
) -> None:
    for turn in turns:
        at = np.arange(_sample(turn.start_ms) + 2048, _sample(turn.end_ms) - 2048)
        expected, received = _expected(turn, tones, at), sound[at]
        gain = float(received @ expected / np.square(expected).sum())
        assert gain == pytest.approx(1.0, abs=0.01)
        assert 10 * np.log10(np.square(expected).mean() / np.square(received - expected).mean()) > 40.0


def test_no_change_makes_a_step_of_minus_60_dbfs(
    turns: list[TurnRecord], tones: dict[int, NDArray[np.float32]], sound: NDArray[np.float32]
) -> None:
    """From sample to sample, the sound changes by no more than either tone does, but for less than 0.001."""
    for before, after in pairwise(turns):
        change = _sample(after.start_ms)
        at = np.arange(change - 2 * FRAME, change + 2 * FRAME)
        steps = [np.abs(np.diff(_expected(turn, tones, at))) for turn in (before, after)]
        assert (np.abs(np.diff(sound[at])) - np.maximum(*steps)).max() < 0.001


def test_title_and_results_are_silent_and_the_round_is_under_the_peak_of_the_tones(
    manifest: Manifest, turns: list[TurnRecord], sound: NDArray[np.float32]
) -> None:
    start, end = _sample(turns[0].start_ms), _sample(turns[-1].end_ms)
    for silent in (sound[: 4 * RATE - 2048], sound[end + FRAME + 2048 : len(sound)]):
        assert np.abs(silent).max() < 1e-3
    in_tones, in_round = (ebur128(part[None], RATE) for part in (sound[4 * RATE : start], sound[start:end]))
    assert in_round["TP"] <= in_tones["TP"] + 0.1
    assert in_round["I"] == pytest.approx(in_tones["I"], abs=0.5)
    assert manifest.video is not None
    assert manifest.video.true_peak_dbtp <= manifest.level.ceiling_dbtp + 0.3
