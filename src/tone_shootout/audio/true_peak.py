"""True peak: the highest level between the samples (ITU-R BS.1770-5, annex 2)."""

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import firwin

from tone_shootout.audio.signals import Float64, Signal, as_channels, check_rate, decibels

# Half the interpolator's length, in input samples.
REACH = 24
KAISER_BETA = 6.0
# Input samples whose surroundings are computed at once, and by one row of the product that does it.
BLOCK = 4_096
ROW = 16


def oversampling(rate: int) -> int:
    """Return the oversampling factor: 8 below 88.2 kHz, else 4 (annex 2 asks for 4 at 48 kHz)."""
    return 8 if rate < 88_200 else 4


def true_peak_dbtp(x: Signal, rate: int) -> float:
    """Measure the true peak level in dBTP, the highest of all channels.

    The signal, zero before and after, is interpolated with a Kaiser-windowed sinc of 48 taps per phase, flat within
    0.01 dB up to 0.46 of the sample rate. What an inter-sample peak can lose between two interpolated points is
    20·log10(cos(π·f/(rate·factor))): at most 0.14 dB at 0.45 of the sample rate for a factor of 8, 0.02 dB at a sixth.
    The result is never below the sample peak.

    Args:
        x: samples, shape (T,) or (channels, T), full scale ±1.
        rate: sample rate in Hz.

    Returns:
        dBTP; −inf for silence.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate`.
    """
    factor = oversampling(check_rate(rate))
    return decibels(max(_peak(channel, factor) for channel in as_channels(x)))


@cache
def _interpolator(factor: int) -> Float64:
    """Return the low-pass filter at the oversampled rate, each of its phases at unit gain for a constant."""
    taps = factor * firwin(2 * REACH * factor + 1, 1.0 / factor, window=("kaiser", KAISER_BETA))
    phases = [slice(phase, None, factor) for phase in range(factor)]
    for phase in phases:
        taps[phase] /= taps[phase].sum()
    return np.asarray(taps, dtype=np.float64)


@cache
def _bank(factor: int) -> Float64:
    """Return the interpolator at each of its places over `ROW` samples, shape (ROW + 2·REACH, ROW·factor).

    A row of samples with the neighbours that the interpolation reaches into, times this, is the signal between them:
    a product of matrices does twice the sums that filtering needs, and takes a seventh of the time.
    """
    taps = _interpolator(factor)
    sample = np.arange(ROW + 2 * REACH)[:, np.newaxis]
    place = np.arange(ROW * factor)
    tap = place + (2 * REACH - sample) * factor
    return np.where((tap >= 0) & (tap < len(taps)), taps[np.clip(tap, 0, len(taps) - 1)], 0.0)


def _peak(channel: Signal, factor: int) -> float:
    bank = _bank(factor)
    peak = max(float(channel.max()), -float(channel.min()))
    block = np.zeros(BLOCK + 2 * REACH)
    rows = sliding_window_view(block, ROW + 2 * REACH)[::ROW]
    for start in range(-REACH, len(channel) + REACH, BLOCK):
        part = channel[max(0, start - REACH) : start + BLOCK + REACH]
        before = max(0, REACH - start)
        block[:before] = 0.0
        block[before : before + len(part)] = part
        block[before + len(part) :] = 0.0
        between = np.ascontiguousarray(rows) @ bank
        peak = max(peak, float(between.max()), -float(between.min()))
    return peak
