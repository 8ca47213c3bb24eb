"""Where the tone changes in an A/B round, and whose turn it is."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.render_inputs import plucks
from tone_shootout.rendering.video.ab_round import HALF_FADE, Turn, changes, turns
from tone_shootout.rendering.video.mixing import mixed
from tone_shootout.rendering.video.video_frames import Part, Take

RATE = 48_000


def _onsets(*seconds: float) -> list[int]:
    return [round(each * RATE) for each in seconds]


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(st.floats(0, 60), max_size=200), st.floats(4, 60))
def test_every_turn_takes_two_to_five_seconds(times: list[float], seconds: float) -> None:
    found = changes(_onsets(*sorted(each for each in times if each < seconds)), round(seconds * RATE))
    assert all(60 <= end - start <= 150 for start, end in pairwise([0, *found, round(seconds * 30)]))


def test_the_tone_changes_before_the_note_after_the_longest_gap() -> None:
    """60 ms of crossfade and the resolution of onsets, 10 ms, end before the note: 40 ms, and up to a frame more."""
    (frame, *_) = changes(_onsets(0.5, 1.0, 2.0, 2.5, 3.0, 4.2, 4.6), 9 * RATE)
    assert frame == (4.2 * RATE - 1440 - 480) // 1600
    assert 4.2 - frame / 30 < 0.04 + 1 / 30


def test_of_equal_gaps_the_one_near_three_and_a_half_seconds_is_chosen() -> None:
    even = [number / 2 for number in range(40)]
    found = changes(_onsets(*even), 20 * RATE)
    assert [round(frame / 30 + 0.06, 1) for frame in found] == [3.5, 7.0, 10.5, 14.0, 17.5]


def test_a_held_chord_is_divided_without_notes() -> None:
    assert changes([], 10 * RATE) == (105, 210)


@pytest.mark.parametrize(
    ("tones", "phrases", "order"),
    [
        (2, 2, "AB BA"),
        (2, 3, "ABA BAB"),
        (3, 2, "AB CA BC"),
        (2, 9, "ABAB"),
        (4, 4, "ABCD BCDA"),
        (6, 4, "ABCD EFAB"),
        (16, 4, "ABCD EFGH IJKL MNOP"),
        (5, 30, "ABCDEABCDE"),
    ],
)
def test_every_tone_has_its_turn(tones: int, phrases: int, order: str) -> None:
    cuts = [90 * number for number in range(1, phrases)]
    found = turns(list(range(tones)), cuts, 90 * phrases)
    assert "".join("ABCDEFGHIJKLMNOP"[turn.position] for turn in found) == order.replace(" ", "")
    assert [turn.first for turn in found] == [90 * (number % phrases) for number in range(len(found))]


def test_a_turn_is_a_part_of_the_performance() -> None:
    assert turns([7, 9], [60], 130)[:2] == (Turn(7, 0, 60), Turn(9, 60, 70))


def test_a_crossfade_of_a_tone_with_itself_is_the_tone(tmp_path_factory: pytest.TempPathFactory) -> None:
    raw = tmp_path_factory.mktemp("raw") / "a.npy"
    samples = plucks(4.0)
    np.save(raw, samples)
    half = 2 * RATE
    takes = (
        Take(raw=str(raw), gain_db=0.0, samples=half, fade_out=True),
        Take(raw=str(raw), gain_db=0.0, samples=half, first=half, at=half, fade_in=True),
    )
    np.testing.assert_allclose(mixed(Part(120, takes), channels=1)[0], samples, atol=2**-22)


def test_the_worst_crossfade_makes_a_step_below_minus_60_dbfs(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two constants at opposite ceilings of -1 dBTP: all that changes is the fade."""
    folder = tmp_path_factory.mktemp("raw")
    for name, sign in (("a", 1), ("b", -1)):
        np.save(folder / f"{name}.npy", np.full(4 * RATE, sign * 10 ** (-1 / 20), np.float32))
    half = 2 * RATE
    takes = (
        Take(raw=str(folder / "a.npy"), gain_db=0.0, samples=half, fade_out=True),
        Take(raw=str(folder / "b.npy"), gain_db=0.0, samples=half, first=half, at=half, fade_in=True),
    )
    sound = mixed(Part(120, takes), channels=2)
    np.testing.assert_array_equal(sound[0], sound[1])
    assert np.abs(np.diff(sound[0])).max() < 0.001
    assert sound[0][half - 1 : half + 1] == pytest.approx([0.0, 0.0], abs=0.001)
    assert np.abs(np.diff(sound[0]))[: half - HALF_FADE - 1].max() == 0.0
