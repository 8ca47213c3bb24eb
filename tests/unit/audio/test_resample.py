import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.support.examples import examples
from tests.support.signals import riff, sine
from tone_shootout.audio.resample import resample
from tone_shootout.audio.signals import AudioError

PAIRS = [(44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (48_000, 96_000), (192_000, 8_000), (44_100, 44_101)]


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
@pytest.mark.parametrize("samples", [1, 2, 7, 999, 44_100])
def test_length_is_rounded_up(from_rate: int, to_rate: int, samples: int) -> None:
    assert len(resample(np.zeros(samples), from_rate, to_rate)) == -(-samples * to_rate // from_rate)


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_impulse_keeps_its_position_in_time(from_rate: int, to_rate: int) -> None:
    impulse = np.zeros(from_rate)
    impulse[from_rate // 3] = 1.0
    moved = resample(impulse, from_rate, to_rate)
    assert np.abs(moved).argmax() == round(from_rate // 3 * to_rate / from_rate)


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
@pytest.mark.parametrize("share", [0.001, 0.1, 0.3, 0.45])
def test_sine_keeps_its_level_and_phase_up_to_the_edge_of_the_pass_band(
    from_rate: int, to_rate: int, share: float
) -> None:
    hz = share * min(from_rate, to_rate)
    moved = resample(sine(0, 1.0, hz=hz, rate=from_rate), from_rate, to_rate)
    expected = sine(0, 1.0, hz=hz, rate=to_rate)
    middle = slice(to_rate // 4, 3 * to_rate // 4)
    ripple = 10 ** (0.01 / 20) - 1
    assert np.abs(moved[middle] - expected[middle]).max() < ripple


@pytest.mark.parametrize(("from_rate", "to_rate"), [(48_000, 44_100), (96_000, 48_000), (192_000, 8_000)])
@pytest.mark.parametrize("share", [0.5, 0.55, 0.7])
def test_frequencies_above_the_lower_nyquist_frequency_are_removed(from_rate: int, to_rate: int, share: float) -> None:
    hz = min(share * to_rate, from_rate / 2 - 1)
    moved = resample(sine(0, 1.0, hz=hz, rate=from_rate, degrees=30.0), from_rate, to_rate)
    assert np.abs(moved[to_rate // 4 : 3 * to_rate // 4]).max() < 1e-6


@pytest.mark.parametrize("via", [44_100, 96_000])
def test_conversion_there_and_back_restores_the_signal(via: int) -> None:
    signal = resample(riff(1.0), 40_000, 48_000)
    back = resample(resample(signal, 48_000, via), via, 48_000)
    assert len(back) >= len(signal)
    assert np.abs(back[2400 : len(signal) - 2400] - signal[2400:-2400]).max() < 1e-3


def test_channels_are_converted_independently() -> None:
    left, right = riff(0.5, seed=1), riff(0.5, seed=2)
    both = resample(np.stack([left, right]), 48_000, 44_100)
    assert np.array_equal(both, np.stack([resample(left, 48_000, 44_100), resample(right, 48_000, 44_100)]))


def test_equal_rates_leave_the_signal_unchanged() -> None:
    assert np.array_equal(resample(riff(0.1), 48_000, 48_000), riff(0.1))


@pytest.mark.parametrize(
    ("signal", "rates", "code"),
    [
        ([], (48_000, 44_100), "empty"),
        ([np.nan], (48_000, 48_000), "not_finite"),
        ([0.0], (0, 48_000), "unsupported_rate"),
        ([0.0], (48_000, -1), "unsupported_rate"),
        ([0.0], (48_000, 10**9), "unsupported_rate"),
    ],
)
def test_invalid_conversion_is_refused(signal: list[float], rates: tuple[int, int], code: str) -> None:
    with pytest.raises(AudioError) as caught:
        resample(np.array(signal), *rates)
    assert caught.value.code == code


@settings(max_examples=examples(60), deadline=None)
@given(
    signal=arrays.arrays(np.float32, st.integers(1, 300), elements=st.floats(-1e9, 1e9, width=32)),
    rates=st.tuples(st.integers(8_000, 192_000), st.integers(8_000, 192_000)),
)
def test_output_is_finite_at_any_pair_of_rates(signal: NDArray[np.float32], rates: tuple[int, int]) -> None:
    assert np.isfinite(resample(signal, *rates)).all()
