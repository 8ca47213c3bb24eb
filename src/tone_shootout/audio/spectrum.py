"""The long-term spectrum: third octaves, centroid, tilt, and shares of bass, middle and treble."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft
from scipy.signal import get_window

from tone_shootout.audio.signals import Float64, Signal, check_mono, check_rate

# IEC 61260-1 exact mid-band frequencies, base ten: 1000·10^(n/10), nominally 25 Hz to 20 kHz.
THIRD_OCTAVES_HZ: Float64 = 1000.0 * 10.0 ** (np.arange(-16, 14) / 10)
HEARD_HZ = (20.0, 20_000.0)
TILT_HZ = (80.0, 8_000.0)
MIDDLE_HZ = (250.0, 2_000.0)
MEL_BANDS = 64
MEL_HZ = (40.0, 16_000.0)
FLOOR_DB = -200.0
RESOLUTION_S = 0.17
NUMBERS_AT_ONCE = 1 << 19


@dataclass(frozen=True)
class Spectrum:
    """What the long-term spectrum of a signal says.

    `third_octaves_db` holds the level of each band of `THIRD_OCTAVES_HZ`, in dB relative to a mean square of 1, −200
    where there is nothing or where the sample rate holds no such band. `centroid_hz` is the power-weighted mean
    frequency from 20 Hz to 20 kHz, 0 for silence. `tilt_db_per_octave` is the slope of a straight line through the
    third-octave levels from 80 Hz to 8 kHz (pink noise: 0, white noise: 3), 0 for silence. The shares are of the power
    from 20 Hz to 20 kHz, divided at 250 Hz and 2 kHz; all 0 for silence.
    """

    third_octaves_db: tuple[float, ...]
    centroid_hz: float
    tilt_db_per_octave: float
    bass_share: float
    middle_share: float
    treble_share: float


def spectrum(x: Signal, rate: int) -> Spectrum:
    """Measure the long-term spectrum of a mono signal, shape (T,).

    Welch's method (IEEE Trans. Audio Electroacoust. 15, 1967): Hann windows of about 0.17 s, half overlapping. A band's
    power is the integral of the density between its edges.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate`.
    """
    frequency, density = power_density(x, rate)
    powers = third_octave_powers(frequency, density)
    levels = power_db(powers)
    cumulated = _cumulated(frequency, density)
    low, bass, middle, high = np.interp((HEARD_HZ[0], *MIDDLE_HZ, HEARD_HZ[1]), frequency, cumulated)
    heard = (frequency >= HEARD_HZ[0]) & (frequency <= HEARD_HZ[1])
    weight, total = density[heard].sum(), high - low
    if not (weight > 0 and total > 0):
        return Spectrum(tuple(levels.tolist()), 0.0, 0.0, 0.0, 0.0, 0.0)
    return Spectrum(
        third_octaves_db=tuple(levels.tolist()),
        centroid_hz=float(frequency[heard] @ density[heard] / weight),
        tilt_db_per_octave=_tilt(levels),
        bass_share=float((bass - low) / total),
        middle_share=float((middle - bass) / total),
        treble_share=float((high - middle) / total),
    )


def third_octave_powers(frequency: Float64, density: Float64) -> Float64:
    """Integrate a power density over the bands of `THIRD_OCTAVES_HZ`; 0 for a band that it does not reach."""
    edges = THIRD_OCTAVES_HZ[:, np.newaxis] * 10.0 ** np.array([-0.05, 0.05])
    inside = np.interp(edges, frequency, _cumulated(frequency, density))
    return np.where(edges[:, 1] <= frequency[-1], np.maximum(inside[:, 1] - inside[:, 0], 0.0), 0.0)


@cache
def mel_bands(rate: int, frame: int) -> Float64:
    """Return 64 triangular bands from 40 Hz to 16 kHz, evenly spaced in mel, as a matrix (bands, bins) for a spectrum.

    Mel is 2595·log10(1 + f/700) (O'Shaughnessy, 1987); each triangle has height 1. `frame` is the length of the
    transform; below a rate of 32 kHz the bands end at half of it.
    """
    frequency = np.fft.rfftfreq(frame, 1 / rate)
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (MEL_HZ[0], min(MEL_HZ[1], rate / 2)))
    edges = 700 * (10 ** (np.linspace(lowest, highest, MEL_BANDS + 2) / 2595) - 1)
    low, middle, high = (edges[i : i + MEL_BANDS, np.newaxis] for i in range(3))
    rising = (frequency - low) / (middle - low)
    falling = (high - frequency) / (high - middle)
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


def mel_spectrogram(x: Signal, rate: int, *, frame: int, hop: int) -> Float64:
    """Return the power in each of `mel_bands`, shape (bands, frames), of Hann windows; a short signal is one frame.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate`.
    """
    signal = check_mono(x)
    padded = signal if len(signal) >= frame else np.pad(signal, (0, frame - len(signal)))
    bands = mel_bands(check_rate(rate), frame)
    return np.concatenate([bands @ powers.T for powers in _frame_powers(padded, frame, hop, frame)], axis=1)


def power_density(x: Signal, rate: int) -> tuple[Float64, Float64]:
    """Return frequencies in Hz and the power density (full scale² per Hz) there; arguments and errors as `spectrum`."""
    signal = check_mono(x)
    frame = min(len(signal), round(RESOLUTION_S * check_rate(rate)))
    size = 2 ** int(np.ceil(np.log2(RESOLUTION_S * rate)))
    total, count = np.zeros(size // 2 + 1), 0
    for powers in _frame_powers(signal, frame, max(1, frame // 2), size):
        total += powers.sum(axis=0)
        count += len(powers)
    total[1:-1] *= 2.0
    density: Float64 = total / (count * rate * np.square(_window(frame)).sum())
    return np.arange(len(density)) * (rate / size), density


def _frame_powers(signal: Signal, frame: int, hop: int, size: int) -> Iterator[Float64]:
    """Yield the squared magnitudes of windowed transforms, shape (some frames, bins), a bounded number at a time."""
    frames = sliding_window_view(signal, frame)[::hop]
    at_once = max(1, NUMBERS_AT_ONCE // size)
    for start in range(0, len(frames), at_once):
        yield np.square(np.abs(rfft(frames[start : start + at_once] * _window(frame), size)))


def _window(frame: int) -> Float64:
    return np.asarray(get_window("hann", frame))


def _cumulated(frequency: Float64, density: Float64) -> Float64:
    """Integrate a density from 0 Hz up to each frequency (trapezoids)."""
    steps = np.diff(frequency) * (density[1:] + density[:-1]) / 2
    return np.concatenate(([0.0], np.cumsum(steps)))


def power_db(power: Float64) -> Float64:
    """Return 10·log10(power), −200 at the least."""
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))))


def _tilt(levels: Float64) -> float:
    bands = THIRD_OCTAVES_HZ
    used = (bands >= TILT_HZ[0]) & (bands <= TILT_HZ[1]) & (levels > FLOOR_DB)
    if used.sum() < 2:
        return 0.0
    octaves = np.log2(bands[used])
    octaves -= octaves.mean()
    return float(octaves @ levels[used] / (octaves @ octaves))
