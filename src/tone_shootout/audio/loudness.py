"""Loudness by ITU-R BS.1770-5 and EBU R 128 (Tech 3341, Tech 3342), and level measures of a signal.

A mono signal counts as one channel of weight 1, as in the standard: it reads 3.01 LU below the same signal in two
channels. Window lengths are rounded down to whole samples at the rate of the signal.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tone_shootout.audio.sections import filter_sections
from tone_shootout.audio.signals import AudioError, Float64, Signal, as_channels, check_rate, decibels, is_equal
from tone_shootout.audio.true_peak import true_peak_dbtp

# Energy is summed in slots of 10 ms, of which every window is composed.
SLOTS_PER_SECOND = 100
MOMENTARY = 40
SHORT_TERM = 300
GATING_STEP = 10
ABSOLUTE_GATE = -70.0
INTEGRATED_GATE = -10.0
RANGE_GATE = -20.0
RANGE_PERCENTILES = (0.10, 0.95)
# Left, right, center, left surround, right surround (BS.1770-5, annex 1, table 3).
CHANNEL_WEIGHTS = {1: (1.0,), 2: (1.0, 1.0), 5: (1.0, 1.0, 1.0, 1.41, 1.41)}
CHUNK_SLOTS = 2_000
BLOCK = 1 << 16


@dataclass(frozen=True)
class Measures:
    """Loudness, peaks and levels of a signal; every level is −inf for silence.

    Attributes:
        integrated_lufs: integrated loudness.
        loudness_range_lu: loudness range, 0 for silence and below 3 s.
        max_momentary_lufs: highest momentary loudness (400 ms).
        max_short_term_lufs: highest short-term loudness (3 s).
        true_peak_dbtp: true peak of all channels.
        sample_peak_dbfs: highest sample magnitude of all channels, relative to full scale 1.0.
        rms_dbfs: RMS over all channels, relative to full scale 1.0; a full-scale sine has −3.01 dBFS.
        crest_factor_db: sample peak relative to RMS; 0 for silence.
        dc_offset: mean of the channel whose mean is furthest from zero.
        seconds: duration.
    """

    integrated_lufs: float
    loudness_range_lu: float
    max_momentary_lufs: float
    max_short_term_lufs: float
    true_peak_dbtp: float
    sample_peak_dbfs: float
    rms_dbfs: float
    crest_factor_db: float
    dc_offset: float
    seconds: float


def integrated_lufs(x: Signal, rate: int) -> float:
    """Measure integrated (program) loudness, gated at −70 LUFS and at 10 LU below the absolute-gated level.

    Source: ITU-R BS.1770-5, annex 1.

    Args:
        x: samples, shape (T,) or (channels, T) with 1, 2 or 5 channels (L, R, C, Ls, Rs), full scale ±1.
        rate: sample rate in Hz.

    Returns:
        LUFS; −inf if no block passes the absolute gate. A signal shorter than a gating block (400 ms) counts as one
        block of its own length.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape`, `unsupported_rate` or `too_many_channels`.
    """
    return _integrated(_weighted_energy(x, rate))


def loudness_range_lu(x: Signal, rate: int) -> float:
    """Measure the loudness range: the difference of the 95th and the 10th percentile of short-term loudness.

    Windows of 3 s every 100 ms, gated at −70 LUFS and at 20 LU below their mean. Source: EBU Tech 3342.

    Args:
        x: samples, as for `integrated_lufs`.
        rate: sample rate in Hz.

    Returns:
        LU; 0 for silence and for signals shorter than 3 s.

    Raises:
        AudioError: as for `integrated_lufs`.
    """
    return _range(_weighted_energy(x, rate))


def max_momentary_lufs(x: Signal, rate: int) -> float:
    """Measure the highest momentary loudness: windows of 400 ms every 10 ms, ungated. Source: EBU Tech 3341.

    Args:
        x: samples, as for `integrated_lufs`.
        rate: sample rate in Hz.

    Returns:
        LUFS; −inf for silence. A signal shorter than 400 ms counts as one window of its own length.

    Raises:
        AudioError: as for `integrated_lufs`.
    """
    return _loudest(_weighted_energy(x, rate), MOMENTARY)


def max_short_term_lufs(x: Signal, rate: int) -> float:
    """Measure the highest short-term loudness: windows of 3 s every 10 ms, ungated. Source: EBU Tech 3341.

    Args:
        x: samples, as for `integrated_lufs`.
        rate: sample rate in Hz.

    Returns:
        LUFS; −inf for silence. A signal shorter than 3 s counts as one window of its own length.

    Raises:
        AudioError: as for `integrated_lufs`.
    """
    return _loudest(_weighted_energy(x, rate), SHORT_TERM)


def measure(x: Signal, rate: int) -> Measures:
    """Measure loudness, peaks and levels of a signal; the K-weighting filter runs once.

    Args:
        x: samples, as for `integrated_lufs`.
        rate: sample rate in Hz.

    Returns:
        All measures.

    Raises:
        AudioError: as for `integrated_lufs`.
    """
    energy = _weighted_energy(x, rate)
    channels = as_channels(x)
    sample_peak = decibels(max(float(channels.max()), -float(channels.min())))
    blocks = range(0, channels.shape[1], BLOCK)
    energies = [np.square(channels[:, start : start + BLOCK], dtype=np.float64).sum() for start in blocks]
    rms = decibels(float(np.sqrt(np.sum(energies) / channels.size)))
    means = channels.mean(axis=1, dtype=np.float64)
    return Measures(
        integrated_lufs=_integrated(energy),
        loudness_range_lu=_range(energy),
        max_momentary_lufs=_loudest(energy, MOMENTARY),
        max_short_term_lufs=_loudest(energy, SHORT_TERM),
        true_peak_dbtp=true_peak_dbtp(x, rate),
        sample_peak_dbfs=sample_peak,
        rms_dbfs=rms,
        crest_factor_db=max(sample_peak - rms, 0.0) if np.isfinite(rms) else 0.0,
        dc_offset=float(means[np.abs(means).argmax()]),
        seconds=channels.shape[1] / rate,
    )


@cache
def k_weighting(rate: int) -> Float64:
    """Return the K-weighting filter for a sample rate as two second-order sections (BS.1770-5, annex 1).

    The standard tabulates the coefficients at 48 kHz only. This function applies the bilinear transform to the analog
    prototypes behind the tables, a high shelf (1682 Hz, +4.0 dB, Q 0.707) and a high-pass (38.1 Hz, Q 0.500). At 48 kHz
    the result equals the tables; at other rates the response stays the same.

    Args:
        rate: sample rate in Hz.

    Returns:
        Second-order sections, shape (2, 6).
    """
    k = np.tan(np.pi * 1681.974450955533 / rate)
    q = 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    high_shelf = [
        *((high + band * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - band * k / q + k * k) / a0),
        *(1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0),
    ]
    frequency, q = 38.13547087602444, 0.5003270373238773
    k, k48 = np.tan(np.pi * frequency / rate), np.tan(np.pi * frequency / 48_000)
    a0 = 1 + k / q + k * k
    # The tabulated numerator is exactly 1, −2, 1. The pass-band gain that this implies at 48 kHz is kept at every rate.
    gain = (1 + k48 / q + k48 * k48) / a0
    high_pass = [gain, -2 * gain, gain, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    return np.array([high_shelf, high_pass])


@dataclass(frozen=True)
class _Energy:
    """K-weighted and channel-weighted energy per slot of 10 ms; the last slot can be shorter."""

    sums: Float64
    lengths: NDArray[np.int64]
    complete: int

    def windows(self, slots: int, step: int) -> Float64:
        """Return the mean square of each complete window, or of the whole signal if no window is complete."""
        if self.complete < slots:
            return np.array([self.sums.sum() / self.lengths.sum()])
        sums = sliding_window_view(self.sums[: self.complete], slots)[::step].sum(axis=1)
        lengths = sliding_window_view(self.lengths[: self.complete], slots)[::step].sum(axis=1)
        return np.asarray(sums / lengths, dtype=np.float64)


def _weighted_energy(x: Signal, rate: int) -> _Energy:
    channels = as_channels(x)
    sections = k_weighting(check_rate(rate))
    weights = CHANNEL_WEIGHTS.get(len(channels))
    if weights is None:
        raise AudioError("too_many_channels", f"expected 1, 2 or 5 channels, got {len(channels)}")
    total = channels.shape[1]
    complete = total * SLOTS_PER_SECOND // rate
    edges = np.unique(np.append(np.arange(complete + 1) * rate // SLOTS_PER_SECOND, total))
    starts, lengths = edges[:-1], np.diff(edges)
    sums = np.zeros(len(starts))
    energy = np.zeros(len(starts))
    before = None
    for channel, weight in zip(channels, weights, strict=True):
        # Equal sides, such as those of a video's sound, are filtered once.
        if before is None or not is_equal(channel, before):
            state = np.zeros((len(sections), 2))
            for first in range(0, len(starts), CHUNK_SLOTS):
                part = slice(first, first + CHUNK_SLOTS)
                begin, end = starts[part][0], edges[part.start + len(starts[part])]
                weighted, state = filter_sections(sections, channel[begin:end].astype(np.float64), state)
                energy[part] = np.add.reduceat(np.square(weighted), starts[part] - begin)
        sums += weight * energy
        before = channel
    return _Energy(sums, lengths, complete)


def _lufs(mean_square: Float64) -> Float64:
    with np.errstate(divide="ignore"):
        return np.asarray(-0.691 + 10 * np.log10(mean_square), dtype=np.float64)


def _gated(mean_square: Float64, relative_gate: float) -> Float64:
    """Select the windows above the absolute gate, then those above the relative gate below their mean."""
    audible = mean_square[_lufs(mean_square) > ABSOLUTE_GATE]
    if audible.size == 0:
        return audible
    threshold = _lufs(audible.mean()) + relative_gate
    return audible[_lufs(audible) > threshold]


def _integrated(energy: _Energy) -> float:
    blocks = _gated(energy.windows(MOMENTARY, GATING_STEP), INTEGRATED_GATE)
    return float(_lufs(blocks.mean())) if blocks.size else -np.inf


def _range(energy: _Energy) -> float:
    levels = np.sort(_lufs(_gated(energy.windows(SHORT_TERM, GATING_STEP), RANGE_GATE)))
    if levels.size == 0:
        return 0.0
    low, high = (levels[int(np.floor((levels.size - 1) * share + 0.5))] for share in RANGE_PERCENTILES)
    return float(high - low)


def _loudest(energy: _Energy, slots: int) -> float:
    return float(_lufs(energy.windows(slots, 1).max()))
