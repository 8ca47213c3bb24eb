"""Fades at the ends of a signal."""

import numpy as np
import pytest
from scipy.signal.windows import cosine

from tone_shootout.audio.fades import fade_ends
from tone_shootout.audio.signals import AudioError

RATE = 48_000
FADE = 240


def test_both_ends_follow_the_square_of_scipys_cosine_window() -> None:
    expected = np.ones(RATE)
    window = cosine(2 * FADE) ** 2
    expected[:FADE], expected[-FADE:] = window[:FADE], window[FADE:]
    np.testing.assert_allclose(fade_ends(np.ones(RATE, np.float32), RATE), expected, atol=1e-7)


def test_each_side_of_a_stereo_signal_is_faded_as_if_it_were_alone() -> None:
    sides = np.random.default_rng(1).uniform(-1, 1, (2, RATE)).astype(np.float32)
    faded = fade_ends(sides, RATE)
    for side, received in zip(sides, faded, strict=True):
        np.testing.assert_array_equal(received, fade_ends(side, RATE))


@pytest.mark.parametrize(("start", "end"), [(True, False), (False, True), (False, False)])
def test_only_the_requested_ends_change(start: bool, end: bool) -> None:
    x = np.ones(RATE, np.float32)
    faded = fade_ends(x, RATE, start=start, end=end)
    assert (abs(faded[0]) < 1e-3, abs(faded[-1]) < 1e-3) == (start, end)
    np.testing.assert_array_equal(faded[FADE:-FADE], x[FADE:-FADE])
    assert x.min() == 1.0


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_a_fade_takes_5_ms_at_every_rate(rate: int) -> None:
    faded = fade_ends(np.ones(rate, np.float32), rate)
    assert np.count_nonzero(faded[: rate // 2] < 1.0) == pytest.approx(0.005 * rate, abs=1)


def test_a_signal_shorter_than_two_fades_is_faded_over_half_its_length() -> None:
    assert fade_ends(np.ones(5, np.float32), RATE)[2] == 1.0
    np.testing.assert_array_equal(fade_ends(np.ones(1, np.float32), RATE), [1.0])


def test_an_empty_signal_is_an_error() -> None:
    with pytest.raises(AudioError, match="at least one sample"):
        fade_ends(np.zeros(0, np.float32), RATE)
