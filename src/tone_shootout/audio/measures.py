"""How a signal moves: dynamic range, transients, attack, sustain, noise floor, clipping."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import maximum_filter1d, median_filter, minimum_filter1d

from tone_shootout.audio.signals import BLOCK, Float32, Float64, Signal, check_mono, check_rate
from tone_shootout.audio.spectrum import mel_spectrogram

FRAME_S = 0.050
HOP_S = 0.010
SILENCE_DB = -200.0
DYNAMIC_PERCENTILES = (10.0, 95.0)
NOISE_PERCENTILE = 5.0

# Onsets: compression of the spectrum; rise of the flux over its running median that makes an onset (notes of every kind
# rise by 0.26 to 4.9, noise and vibrato by 0.15 at the most); and how far apart two onsets are at the least.
COMPRESSION = 1_000.0
FLUX_RISE = 0.2
THRESHOLD_S = 0.5
APART_S = 0.060
ONSET_FRAME_S = 0.021

ATTACK_SHARES = (0.1, 0.9)
ATTACK_WITHIN_S = 0.150
ENVELOPE_S = 0.005
SUSTAIN_DROP_DB = 20.0
SUSTAIN_LEAST_S = 0.100
SUSTAIN_MOST_S = 60.0
CLIPPED_RUN = 4


@dataclass(frozen=True)
class Playing:
    """How a signal moves.

    `dynamic_range_db` is the distance from the 10th to the 95th percentile of the RMS levels of 50 ms frames that are
    not silent. `transients_per_second` counts onsets. `attack_ms` and `sustain_s` are medians over the notes that
    follow them, None where no note allows it: the time from 10 to 90 % of a note's first maximum, and the time in which
    it would fall by 20 dB at the rate at which it falls until the next note (60 s at the most). `noise_floor_dbfs` is
    the 5th percentile of the RMS levels of 50 ms frames, −200 for silence: what is left in the pauses if there are any.
    `clipped_samples` counts those in runs of four or more that stay exactly at the signal's highest magnitude.
    """

    dynamic_range_db: float
    transients_per_second: float
    attack_ms: float | None
    sustain_s: float | None
    noise_floor_dbfs: float
    clipped_samples: int


def playing(x: Signal, rate: int) -> Playing:
    """Measure how a mono signal, shape (T,), moves.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate`.
    """
    signal = check_mono(x)
    levels = _frame_levels(signal, check_rate(rate))
    sounding = levels[levels > SILENCE_DB]
    low, high = np.percentile(sounding, DYNAMIC_PERCENTILES) if sounding.size else (0.0, 0.0)
    starts = onsets(signal, rate)
    attacks, sustains = _notes(signal, starts, rate)
    return Playing(
        dynamic_range_db=float(high - low),
        transients_per_second=len(starts) * rate / len(signal),
        attack_ms=float(np.median(attacks)) if attacks else None,
        sustain_s=float(np.median(sustains)) if sustains else None,
        noise_floor_dbfs=float(np.percentile(levels, NOISE_PERCENTILE)),
        clipped_samples=_clipped(signal),
    )


def onsets(x: Signal, rate: int) -> list[int]:
    """Find where notes start, in samples, to about 10 ms, in a mono signal of shape (T,).

    Half-wave rectified flux of a logarithmically compressed mel spectrum, and peaks of it over a running median (Bello
    et al., "A Tutorial on Onset Detection in Music Signals", IEEE TSAP 13, 2005). The signal's level does not matter.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate`.
    """
    signal = check_mono(x)
    peak = _highest(signal)
    hop, frame = round(HOP_S * check_rate(rate)), 2 * round(ONSET_FRAME_S * rate / 2)
    if peak == 0.0 or len(signal) < 2 * frame:
        return []
    # Silence first lets a note on the first sample be an onset too.
    padded = np.zeros(2 * frame + len(signal))
    np.divide(signal, peak, out=padded[2 * frame :], dtype=np.float64)
    strength = np.sqrt(mel_spectrogram(padded, rate, frame=frame, hop=hop))
    if not strength.any():  # the frames end before what little there is to hear
        return []
    compressed = np.log1p(COMPRESSION * strength / strength.max())
    flux = np.maximum(np.diff(compressed, axis=1), 0.0).mean(axis=0)
    typical = median_filter(flux, size=round(THRESHOLD_S / HOP_S), mode="nearest")
    reach = round(APART_S / HOP_S)
    peaks = (flux == maximum_filter1d(flux, 2 * reach + 1)) & (flux > typical + FLUX_RISE)
    at = (np.flatnonzero(peaks) + 1) * hop + frame // 2 - 2 * frame
    return [int(start) for start in np.clip(at, 0, len(signal) - 1)]


def _highest(signal: Signal) -> float:
    """Return the highest magnitude."""
    return max(float(signal.max()), -float(signal.min()))


def _frame_levels(signal: Signal, rate: int) -> Float64:
    """Return RMS levels in dBFS of frames of 50 ms, half overlapping; of everything where that is shorter."""
    frame = min(len(signal), round(FRAME_S * rate))
    frames = sliding_window_view(signal, frame)[:: max(1, frame // 2)]
    power = np.array([np.square(one, dtype=np.float64).mean() for one in frames])
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (SILENCE_DB / 10))))


def _notes(signal: Signal, starts: list[int], rate: int) -> tuple[list[float], list[float]]:
    """Measure attack (ms) and sustain (s) of each note from one onset to the next."""
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
        risen = int((rise >= high).argmax())
        below = np.flatnonzero(rise[:risen] < low)
        attacks.append(1000.0 * (risen - int(below[-1]) - 1) / rate if below.size else 0.0)
        fall = note[top:]
        if len(fall) >= SUSTAIN_LEAST_S * rate and fall.min() > 0.0:
            sustains.append(_sustain(fall, rate))
    return attacks, sustains


def _envelope(signal: Signal, width: int) -> Float32:
    """Close a signal's magnitude over `width` samples; in single precision, because it is as long as the recording."""
    envelope = np.empty(len(signal), dtype=np.float32)
    for start in range(0, len(signal), BLOCK):
        # Both filters together see as far as a width to each side.
        first = max(0, start - width)
        magnitude = np.abs(signal[first : start + BLOCK + width].astype(np.float32, copy=False))
        closed = minimum_filter1d(maximum_filter1d(magnitude, width), width)
        part = envelope[start : start + BLOCK]
        part[:] = closed[start - first : start - first + len(part)]
    return envelope


def _sustain(fall: Float32, rate: int) -> float:
    """Return the time to fall by 20 dB along the straight line that fits the levels best (least squares)."""
    middle, moment = (len(fall) - 1) / 2, 0.0
    for start in range(0, len(fall), BLOCK):
        levels = 20 * np.log10(fall[start : start + BLOCK], dtype=np.float64)
        moment += float((np.arange(start, start + len(levels)) - middle) @ levels)
    slope = 12 * moment / (len(fall) * (len(fall) ** 2 - 1)) * rate
    return min(SUSTAIN_DROP_DB / -slope, SUSTAIN_MOST_S) if slope < 0 else SUSTAIN_MOST_S


def _clipped(signal: Signal) -> int:
    peak = _highest(signal)
    if peak == 0.0:
        return 0
    at_peak = np.concatenate(([False], (signal == peak) | (signal == -peak), [False]))
    edges = np.flatnonzero(at_peak[1:] != at_peak[:-1])
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= CLIPPED_RUN].sum())
