"""Analytic cases, and signals 15 to 23 of EBU Tech 3341 (table 1, tolerance +0.2/−0.4 dB)."""

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.support.examples import examples
from tests.support.signals import RATE, riff, sine
from tone_shootout.audio.signals import AudioError
from tone_shootout.audio.true_peak import true_peak_dbtp


def faded(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fade in and out, so that the start of the sine is not the highest peak."""
    ramp = np.minimum(1.0, np.arange(len(signal)) / (len(signal) // 8))
    return signal * ramp * ramp[::-1]


@pytest.mark.parametrize(
    ("divisor", "degrees", "full_scale", "expected"),
    [
        pytest.param(4, 0.0, 0.50, -6.0, id="15"),
        pytest.param(4, 45.0, 0.50, -6.0, id="16"),
        pytest.param(6, 60.0, 0.50, -6.0, id="17"),
        pytest.param(8, 67.5, 0.50, -6.0, id="18"),
        pytest.param(4, 45.0, 1.41, 3.0, id="19"),
    ],
)
def test_true_peak_of_tech_3341_sines(divisor: int, degrees: float, full_scale: float, expected: float) -> None:
    signal = faded(full_scale * sine(0, 1.0, hz=RATE / divisor, degrees=degrees))
    assert expected - 0.4 <= true_peak_dbtp(np.stack([signal, signal]), RATE) <= expected + 0.2


@pytest.mark.parametrize("offset", range(4), ids=["20", "21", "22", "23"])
def test_true_peak_of_one_loud_period_does_not_depend_on_the_sampling_phase(offset: int) -> None:
    fast = 4 * RATE
    signal = 0.5 * sine(0, 1.0, hz=fast / 24, rate=fast)
    middle = 24 * (len(signal) // 48)
    signal[middle : middle + 24] *= 2.0
    band_limited = scipy.signal.resample_poly(np.concatenate([np.zeros(offset), faded(signal)]), 1, 4)
    analytic = 20 * np.log10(np.abs(scipy.signal.resample_poly(band_limited, 64, 1)).max())
    measured = true_peak_dbtp(band_limited, RATE)
    assert -0.4 <= measured <= 0.2
    assert measured == pytest.approx(analytic, abs=0.1)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000, 192_000])
def test_quarter_rate_sine_at_45_degrees_peaks_3_db_above_its_samples(rate: int) -> None:
    signal = faded(sine(-3.0, 1.0, hz=rate / 4, rate=rate, degrees=45.0))
    assert 20 * np.log10(np.abs(signal).max()) == pytest.approx(-6.01, abs=0.01)
    assert true_peak_dbtp(signal, rate) == pytest.approx(-3.0, abs=0.01)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.3, 0.4, 0.45])
def test_sine_reads_low_by_at_most_the_documented_bound(share: float) -> None:
    for degrees in (0.0, 20.0, 45.0, 70.0):
        signal = faded(sine(0, 0.3, hz=share * RATE, degrees=degrees))
        bound = 20 * np.log10(np.cos(np.pi * share / 8))
        assert bound - 0.01 <= true_peak_dbtp(signal, RATE) <= 0.01


def test_loudest_channel_counts_at_any_position() -> None:
    signal = riff(3.0)
    alone = true_peak_dbtp(signal, RATE)
    assert true_peak_dbtp(np.stack([signal / 2, signal]), RATE) == alone
    for silence in (1, 1000, 65_536 + 17):
        assert true_peak_dbtp(np.pad(signal, (silence, 0)), RATE) == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize("samples", [1, 2, 65_535, 65_537])
def test_peak_at_the_end_of_the_signal_counts(samples: int) -> None:
    signal = np.zeros(samples)
    signal[-1] = 0.5
    assert true_peak_dbtp(signal, RATE) == pytest.approx(-6.02, abs=0.01)


def test_true_peak_of_silence_is_minus_infinity() -> None:
    assert true_peak_dbtp(np.zeros(100), RATE) == -np.inf


@pytest.mark.parametrize("signal", [np.zeros(0), np.array([np.nan]), np.array([np.inf])])
def test_invalid_signal_is_refused(signal: NDArray[np.float64]) -> None:
    with pytest.raises(AudioError):
        true_peak_dbtp(signal, RATE)


@settings(max_examples=examples(100), deadline=None)
@given(arrays.arrays(np.float32, st.integers(1, 500), elements=st.floats(-(2.0**60), 2.0**60, width=32)))
def test_true_peak_is_never_below_the_sample_peak(signal: NDArray[np.float32]) -> None:
    with np.errstate(divide="ignore"):
        sample_peak = 20 * np.log10(np.abs(signal.astype(np.float64)).max())
    assert true_peak_dbtp(signal, RATE) >= sample_peak - 1e-9
