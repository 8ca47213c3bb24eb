"""Sums of parallel paths."""

import numpy as np
import pytest

from tone_shootout.audio.mixing import MixedPath, sum_paths
from tone_shootout.audio.signals import AudioError

NOISE = np.random.default_rng(1).uniform(-0.5, 0.5, (3, 600_000)).astype(np.float32)
"""Longer than a block of the sum."""


def test_a_sum_is_that_of_numpy_with_gains_polarities_and_shifts() -> None:
    one, two, three = NOISE.astype(np.float64)
    expected = one + 10 ** (-6 / 20) * -np.append(two[100:], np.zeros(100)) + 10 ** (3 / 20) * three
    paths = [
        MixedPath(NOISE[0]),
        MixedPath(NOISE[1], gain_db=-6.0, inverted=True, advance=100),
        MixedPath(NOISE[2], gain_db=3.0),
    ]
    np.testing.assert_allclose(sum_paths(paths), expected, atol=1e-7)


def test_two_equal_paths_are_twice_one_and_opposite_ones_are_silence() -> None:
    np.testing.assert_array_equal(sum_paths([MixedPath(NOISE[0])] * 2), 2 * NOISE[0])
    assert not sum_paths([MixedPath(NOISE[0]), MixedPath(NOISE[0], inverted=True)]).any()


def test_a_path_that_is_moved_beyond_its_end_is_silent() -> None:
    received = sum_paths([MixedPath(NOISE[0]), MixedPath(NOISE[1], advance=NOISE.shape[1] + 1)])
    np.testing.assert_array_equal(received, NOISE[0])


@pytest.mark.parametrize(
    ("paths", "code"),
    [
        ([], "empty"),
        ([MixedPath(NOISE[0]), MixedPath(NOISE[1, :-1])], "bad_shape"),
        ([MixedPath(NOISE[0], gain_db=61.0)], "out_of_range"),
        ([MixedPath(NOISE[0], advance=-1)], "out_of_range"),
        ([MixedPath(NOISE[0], pan=1.1)], "out_of_range"),
        ([MixedPath(np.array([np.nan], np.float32))], "not_finite"),
        ([MixedPath(np.array([3e38], np.float32))] * 2, "not_finite"),
    ],
)
def test_what_can_not_be_summed_is_an_error(paths: list[MixedPath], code: str) -> None:
    with pytest.raises(AudioError) as caught:
        sum_paths(paths)
    assert caught.value.code == code


@pytest.mark.parametrize("pan", [-1.0, -0.3, 0.0, 0.5, 1.0])
def test_a_panned_path_has_the_same_power_everywhere(pan: float) -> None:
    left, right = sum_paths([MixedPath(NOISE[0], pan=pan)], stereo=True).astype(np.float64)
    power = np.square(NOISE[0].astype(np.float64)).sum()
    assert np.square(left).sum() + np.square(right).sum() == pytest.approx(power)
    angle = np.arctan2(np.abs(right).max(), np.abs(left).max())
    assert angle == pytest.approx(np.pi / 4 * (pan + 1), abs=1e-6)


def test_paths_at_the_ends_leave_the_other_side_silent() -> None:
    left, right = sum_paths([MixedPath(NOISE[0], pan=-1.0), MixedPath(NOISE[1], pan=1.0)], stereo=True)
    np.testing.assert_array_equal(left, NOISE[0])
    np.testing.assert_array_equal(right, NOISE[1])


def test_a_stereo_path_keeps_its_sides_and_loses_the_one_it_is_panned_away_from() -> None:
    np.testing.assert_array_equal(sum_paths([MixedPath(NOISE[:2])], stereo=True), NOISE[:2])
    left, right = sum_paths([MixedPath(NOISE[:2], pan=1.0)], stereo=True)
    assert not left.any()
    np.testing.assert_array_equal(right, NOISE[1])


def test_a_stereo_path_in_a_mono_sum_is_an_error() -> None:
    with pytest.raises(AudioError, match="expected a mono path"):
        sum_paths([MixedPath(NOISE[:2])])
