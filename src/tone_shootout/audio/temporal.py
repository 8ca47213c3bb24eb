"""Temporal features of a signal: dynamic range, onsets, attack, sustain, noise floor, clipping."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tone_shootout.audio.moving import moving_maximum, moving_median, moving_minimum
from tone_shootout.audio.signals import BLOCK, Float32, Float64, Signal, check_mono, check_rate
from tone_shootout.audio.spectrum import mel_spectrogram

FRAME_S = 0.050
HOP_S = 0.010
SILENCE_DB = -200.0
DYNAMIC_PERCENTILES = (10.0, 95.0)
NOISE_PERCENTILE = 5.0

# Onset detection: factor of the logarithmic compression; threshold of the spectral flux over its running median (notes
# of every kind reach 0.26 to 4.9, noise and vibrato at most 0.15); length of that median; minimum distance of onsets.
COMPRESSION = 1_000.0
FLUX_RISE = 0.2
THRESHOLD_S = 0.5
MIN_DISTANCE_S = 0.060
ONSET_FRAME_S = 0.021

ATTACK_SHARES = (0.1, 0.9)
ATTACK_WITHIN_S = 0.150
ENVELOPE_S = 0.005
SUSTAIN_DROP_DB = 20.0
MIN_DECAY_S = 0.100
MAX_SUSTAIN_S = 60.0
MIN_CLIPPED_RUN = 4


@dataclass(frozen=True)
class TemporalFeatures:
    """Temporal features of a signal.

    Attributes:
        dynamic_range_db: difference of the 95th and the 10th percentile of the RMS levels of 50 ms frames that are not
            silent.
        transients_per_second: number of onsets per second.
        attack_ms: median over the notes of the rise time from 10 to 90 % of the first maximum; None without a
            measurable note.
        sustain_s: median over the notes of the time to decay by 20 dB at the average rate of decay until the next note,
            at most 60 s; None without a measurable note.
        noise_floor_dbfs: 5th percentile of the RMS levels of 50 ms frames, −200 for silence; the level of the pauses,
            if the signal has any.
        clipped_samples: number of samples in runs of four or more that stay exactly at the highest magnitude.
    """

    dynamic_range_db: float
    transients_per_second: float
    attack_ms: float | None
    sustain_s: float | None
    noise_floor_dbfs: float
    clipped_samples: int


def temporal_features(x: Signal, rate: int) -> TemporalFeatures:
    """Measure the temporal features of a mono signal.

    Args:
        x: samples, shape (T,), full scale ±1.
        rate: sample rate in Hz.

    Returns:
        All features.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate`.
    """
    signal = check_mono(x)
    levels = _frame_levels(signal, check_rate(rate))
    audible = levels[levels > SILENCE_DB]
    low, high = np.percentile(audible, DYNAMIC_PERCENTILES) if audible.size else (0.0, 0.0)
    starts = detect_onsets(signal, rate)
    attacks, sustains = _attacks_and_sustains(signal, starts, rate)
    return TemporalFeatures(
        dynamic_range_db=float(high - low),
        transients_per_second=len(starts) * rate / len(signal),
        attack_ms=float(np.median(attacks)) if attacks else None,
        sustain_s=float(np.median(sustains)) if sustains else None,
        noise_floor_dbfs=float(np.percentile(levels, NOISE_PERCENTILE)),
        clipped_samples=_count_clipped(signal),
    )


def detect_onsets(x: Signal, rate: int) -> list[int]:
    """Detect the onsets of notes in a mono signal, with a resolution of about 10 ms.

    Onsets are peaks of the half-wave rectified flux of a logarithmically compressed mel spectrogram above a running
    median (Bello et al., "A Tutorial on Onset Detection in Music Signals", IEEE TSAP 13, 2005). The result does not
    depend on the level of the signal.

    Args:
        x: samples, shape (T,).
        rate: sample rate in Hz.

    Returns:
        Positions of the onsets in samples, ascending.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate`.
    """
    signal = check_mono(x)
    peak = _peak(signal)
    hop, frame = round(HOP_S * check_rate(rate)), 2 * round(ONSET_FRAME_S * rate / 2)
    if peak == 0.0 or len(signal) < 2 * frame:
        return []
    # Leading silence makes a note at the first sample detectable.
    padded = np.zeros(2 * frame + len(signal))
    np.divide(signal, peak, out=padded[2 * frame :], dtype=np.float64)
    strength = np.sqrt(mel_spectrogram(padded, rate, frame=frame, hop=hop))
    if not strength.any():  # the signal lies beyond the last complete frame
        return []
    compressed = np.log1p(COMPRESSION * strength / strength.max())
    flux = np.maximum(np.diff(compressed, axis=1), 0.0).mean(axis=0)
    baseline = moving_median(flux, round(THRESHOLD_S / HOP_S))
    distance = round(MIN_DISTANCE_S / HOP_S)
    peaks = (flux == moving_maximum(flux, 2 * distance + 1)) & (flux > baseline + FLUX_RISE)
    positions = (np.flatnonzero(peaks) + 1) * hop + frame // 2 - 2 * frame
    return [int(position) for position in np.clip(positions, 0, len(signal) - 1)]


def _peak(signal: Signal) -> float:
    """Return the highest magnitude."""
    return max(float(signal.max()), -float(signal.min()))


def _frame_levels(signal: Signal, rate: int) -> Float64:
    """Return the RMS levels in dBFS of 50 ms frames with 50 % overlap; a shorter signal is one frame."""
    frame = min(len(signal), round(FRAME_S * rate))
    frames = sliding_window_view(signal, frame)[:: max(1, frame // 2)]
    power = np.array([np.square(samples, dtype=np.float64).mean() for samples in frames])
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (SILENCE_DB / 10))))


def _attacks_and_sustains(signal: Signal, starts: list[int], rate: int) -> tuple[list[float], list[float]]:
    """Measure the attack (ms) and the sustain (s) of each note between two onsets."""
    width = 2 * round(ENVELOPE_S * rate / 2) + 1
    envelope = _envelope(signal, width)
    attacks, sustains = [], []
    lead = round(HOP_S * rate)
    for start, end in pairwise([*starts, len(signal)]):
        note = envelope[max(0, start - 2 * lead) : max(0, end - 2 * lead)]
        rise = note[: 2 * lead + round(ATTACK_WITHIN_S * rate)]
        if len(rise) == 0 or rise.max() == 0.0:
            continue
        top = int(rise.argmax())
        base = float(rise[: top + 1].min())
        low, high = (base + share * (rise[top] - base) for share in ATTACK_SHARES)
        rise_end = int((rise >= high).argmax())
        below = np.flatnonzero(rise[:rise_end] < low)
        attacks.append(1000.0 * (rise_end - int(below[-1]) - 1) / rate if below.size else 0.0)
        decay = note[top:]
        if len(decay) >= MIN_DECAY_S * rate and decay.min() > 0.0:
            sustains.append(_sustain(decay, rate))
    return attacks, sustains


def _envelope(signal: Signal, width: int) -> Float32:
    """Return the magnitude of a signal after a morphological closing over `width` samples, in single precision.

    Single precision halves the memory, because the envelope is as long as the recording.
    """
    envelope = np.empty(len(signal), dtype=np.float32)
    for start in range(0, len(signal), BLOCK):
        # The two filters together span one width on each side.
        first = max(0, start - width)
        magnitude = np.abs(signal[first : start + BLOCK + width].astype(np.float32, copy=False))
        closed = moving_minimum(moving_maximum(magnitude, width), width)
        part = envelope[start : start + BLOCK]
        part[:] = closed[start - first : start - first + len(part)]
    return envelope


def _sustain(decay: Float32, rate: int) -> float:
    """Return the time to decay by 20 dB along the least-squares line through the levels."""
    middle, moment = (len(decay) - 1) / 2, 0.0
    for start in range(0, len(decay), BLOCK):
        levels = 20 * np.log10(decay[start : start + BLOCK], dtype=np.float64)
        moment += float((np.arange(start, start + len(levels)) - middle) @ levels)
    slope = 12 * moment / (len(decay) * (len(decay) ** 2 - 1)) * rate
    return min(SUSTAIN_DROP_DB / -slope, MAX_SUSTAIN_S) if slope < 0 else MAX_SUSTAIN_S


def _count_clipped(signal: Signal) -> int:
    peak = _peak(signal)
    if peak == 0.0:
        return 0
    at_peak = np.concatenate(([False], (signal == peak) | (signal == -peak), [False]))
    edges = np.flatnonzero(at_peak[1:] != at_peak[:-1])
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= MIN_CLIPPED_RUN].sum())
