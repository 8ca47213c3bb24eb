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
        ([MixedPath(np.array([np.nan], np.float32))], "not_finite"),
        ([MixedPath(np.array([3e38], np.float32))] * 2, "not_finite"),
    ],
)
def test_what_can_not_be_summed_is_an_error(paths: list[MixedPath], code: str) -> None:
    with pytest.raises(AudioError) as caught:
        sum_paths(paths)
    assert caught.value.code == code
