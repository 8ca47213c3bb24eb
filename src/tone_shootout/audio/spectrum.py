"""Long-term spectrum: third-octave levels, centroid, tilt, and the power shares of bass, middle and treble."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tone_shootout.audio.fourier import rfft
from tone_shootout.audio.signals import Float64, Signal, as_channels, check_mono, check_rate

# IEC 61260-1 exact mid-band frequencies, base ten: 1000·10^(n/10), nominally 25 Hz to 20 kHz.
THIRD_OCTAVES_HZ: Float64 = 1000.0 * 10.0 ** (np.arange(-16, 14) / 10)
AUDIBLE_HZ = (20.0, 20_000.0)
TILT_HZ = (80.0, 8_000.0)
MIDDLE_HZ = (250.0, 2_000.0)
MEL_BANDS = 64
MEL_HZ = (40.0, 16_000.0)
FLOOR_DB = -200.0
RESOLUTION_S = 0.17
# A batch of frames stays in the processor's cache.
BATCH_VALUES = 1 << 15


@dataclass(frozen=True)
class Spectrum:
    """Features of the long-term spectrum of a signal.

    Attributes:
        third_octaves_db: level of each band of `THIRD_OCTAVES_HZ` in dB relative to a mean square of 1; −200 for an
            empty band and for a band above the Nyquist frequency.
        centroid_hz: power-weighted mean frequency from 20 Hz to 20 kHz; 0 for silence.
        tilt_db_per_octave: slope of the least-squares line through the third-octave levels from 80 Hz to 8 kHz (pink
            noise 0, white noise 3); 0 for silence.
        bass_share: share of the power from 20 Hz to 20 kHz that lies below 250 Hz, 0 to 1; 0 for silence.
        middle_share: share from 250 Hz to 2 kHz.
        treble_share: share above 2 kHz.
    """

    third_octaves_db: tuple[float, ...]
    centroid_hz: float
    tilt_db_per_octave: float
    bass_share: float
    middle_share: float
    treble_share: float


def spectrum(x: Signal, rate: int) -> Spectrum:
    """Measure the long-term spectrum of a signal; that of a stereo signal is the mean of the power of its sides.

    Welch's method (IEEE Trans. Audio Electroacoust. 15, 1967): Hann windows of about 0.17 s with 50 % overlap. The
    power of a band is the integral of the density between its edges (IEC 61260-1).

    Args:
        x: samples, shape (T,) or (channels, T), full scale ±1.
        rate: sample rate in Hz.

    Returns:
        Spectral features.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate`.
    """
    densities = [power_density(side, rate) for side in as_channels(x)]
    frequency = densities[0][0]
    density = np.mean([density for _, density in densities], axis=0)
    powers = third_octave_powers(frequency, density)
    levels = power_db(powers)
    cumulative = _cumulative(frequency, density)
    low, bass, middle, high = np.interp((AUDIBLE_HZ[0], *MIDDLE_HZ, AUDIBLE_HZ[1]), frequency, cumulative)
    audible = (frequency >= AUDIBLE_HZ[0]) & (frequency <= AUDIBLE_HZ[1])
    weight, total = density[audible].sum(), high - low
    if not (weight > 0 and total > 0):
        return Spectrum(tuple(levels.tolist()), 0.0, 0.0, 0.0, 0.0, 0.0)
    return Spectrum(
        third_octaves_db=tuple(levels.tolist()),
        centroid_hz=float(frequency[audible] @ density[audible] / weight),
        tilt_db_per_octave=_tilt(levels),
        bass_share=float((bass - low) / total),
        middle_share=float((middle - bass) / total),
        treble_share=float((high - middle) / total),
    )


def third_octave_powers(frequency: Float64, density: Float64) -> Float64:
    """Integrate a power density over the third-octave bands.

    Args:
        frequency: frequencies in Hz, shape (bins,), ascending from 0.
        density: power density at these frequencies, shape (bins,).

    Returns:
        Power per band of `THIRD_OCTAVES_HZ`, shape (bands,); 0 for a band above the last frequency.
    """
    edges = THIRD_OCTAVES_HZ[:, np.newaxis] * 10.0 ** np.array([-0.05, 0.05])
    inside = np.interp(edges, frequency, _cumulative(frequency, density))
    return np.where(edges[:, 1] <= frequency[-1], np.maximum(inside[:, 1] - inside[:, 0], 0.0), 0.0)


def third_octave_parts(frequency: Float64, density: Float64, parts: int) -> Float64:
    """Integrate a power density over equal parts of the third-octave bands, equal on the logarithm of the frequency.

    Args:
        frequency: frequencies in Hz, shape (bins,), ascending from 0.
        density: power density at these frequencies, shape (bins,).
        parts: number of parts of a band.

    Returns:
        Power per band of `THIRD_OCTAVES_HZ` and part, shape (bands, parts); 0 for a band above the last frequency.
    """
    edges = THIRD_OCTAVES_HZ[:, np.newaxis] * 10.0 ** np.linspace(-0.05, 0.05, parts + 1)
    powers = np.maximum(np.diff(np.interp(edges, frequency, _cumulative(frequency, density))), 0.0)
    return np.where(edges[:, -1:] <= frequency[-1], powers, 0.0)


@cache
def mel_bands(rate: int, frame: int) -> Float64:
    """Return a mel filter bank: 64 triangular bands of height 1 from 40 Hz to 16 kHz, evenly spaced in mel.

    Mel is 2595·log10(1 + f/700) (O'Shaughnessy, 1987).

    Args:
        rate: sample rate in Hz; below 32 kHz the bands end at the Nyquist frequency.
        frame: length of the transform in samples.

    Returns:
        Weights, shape (bands, bins).
    """
    frequency = np.fft.rfftfreq(frame, 1 / rate)
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (MEL_HZ[0], min(MEL_HZ[1], rate / 2)))
    edges = 700 * (10 ** (np.linspace(lowest, highest, MEL_BANDS + 2) / 2595) - 1)
    low, middle, high = (edges[i : i + MEL_BANDS, np.newaxis] for i in range(3))
    rising = (frequency - low) / (middle - low)
    falling = (high - frequency) / (high - middle)
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


def mel_spectrogram(x: Signal, rate: int, *, frame: int, hop: int) -> Float64:
    """Return the mel power spectrogram of a mono signal, with Hann windows.

    Args:
        x: samples, shape (T,); a signal shorter than a frame is padded to one frame.
        rate: sample rate in Hz.
        frame: frame length in samples.
        hop: distance of frames in samples.

    Returns:
        Power per band of `mel_bands` and frame, shape (bands, frames).

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate`.
    """
    signal = check_mono(x)
    padded = signal if len(signal) >= frame else np.pad(signal, (0, frame - len(signal)))
    bands = mel_bands(check_rate(rate), frame)
    return np.concatenate([bands @ powers.T for powers in _frame_powers(padded, frame, hop, frame)], axis=1)


def power_density(x: Signal, rate: int) -> tuple[Float64, Float64]:
    """Estimate the power spectral density of a mono signal by Welch's method.

    Args:
        x: samples, shape (T,), full scale ±1.
        rate: sample rate in Hz.

    Returns:
        Frequencies in Hz and power density in full scale² per Hz, each of shape (bins,).

    Raises:
        AudioError: as for `spectrum`.
    """
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
    """Yield the power spectra of windowed frames in batches of bounded size, shape (frames of the batch, bins)."""
    frames = sliding_window_view(signal, frame)[::hop]
    batch = max(1, BATCH_VALUES // size)
    window = _window(frame)
    for start in range(0, len(frames), batch):
        transformed = rfft(frames[start : start + batch] * window, size)
        powers = np.square(transformed.real)
        powers += np.square(transformed.imag)
        yield powers


def _window(frame: int) -> Float64:
    """Return a periodic Hann window."""
    if frame == 1:
        return np.ones(1)
    return 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, frame + 1)[:-1])


def _cumulative(frequency: Float64, density: Float64) -> Float64:
    """Integrate a density from 0 Hz up to each frequency (trapezoidal rule)."""
    steps = np.diff(frequency) * (density[1:] + density[:-1]) / 2
    return np.concatenate(([0.0], np.cumsum(steps)))


def power_db(power: Float64) -> Float64:
    """Return 10·log10(power), floored at −200 dB."""
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))))


def _tilt(levels: Float64) -> float:
    bands = THIRD_OCTAVES_HZ
    used = (bands >= TILT_HZ[0]) & (bands <= TILT_HZ[1]) & (levels > FLOOR_DB)
    if used.sum() < 2:
        return 0.0
    octaves = np.log2(bands[used])
    octaves -= octaves.mean()
    return float(octaves @ levels[used] / (octaves @ octaves))
