"""Distances between two signals. Align the signals and match their levels first."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tone_shootout.audio.signals import AudioError, Float64, Signal, as_mono, check_rate
from tone_shootout.audio.spectrum import mel_spectrogram, power_db, power_density, third_octave_powers

PRE_EMPHASIS = 0.95
MEL_FRAME_S, MEL_HOP_S = 0.040, 0.010
MEL_RANGE_DB = 80.0
THIRD_OCTAVE_RANGE_DB = 60.0
BLOCK = 1 << 14
TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Comparison:
    """Distances of a signal x from a reference.

    Attributes:
        esr: error-to-signal ratio Σ(reference − x)² / Σ reference²; 0 for equal signals.
        esr_pre_emphasized: error-to-signal ratio after the pre-emphasis filter 1 − 0.95·z⁻¹ on both (Wright and
            Välimäki, "Perceptual Loss Function for Neural Modelling of Audio Systems", ICASSP 2020).
        correlation: normalized cross-correlation at lag 0, −1 to 1.
        log_mel_db: root-mean-square difference of the log-mel spectrograms in dB. Levels are floored at 80 dB below
            the highest level of either.
        third_octaves_db: level of x minus level of the reference, in dB, per band of `spectrum.THIRD_OCTAVES_HZ`.
            Levels are floored at 60 dB below the highest band of either.
    """

    esr: float
    esr_pre_emphasized: float
    correlation: float
    log_mel_db: float
    third_octaves_db: tuple[float, ...]


def compare(reference: Signal, x: Signal, rate: int) -> Comparison:
    """Compare a mono signal with a reference.

    Args:
        reference: samples, shape (T,).
        x: samples, shape (T,), of the same length and rate.
        rate: sample rate in Hz.

    Returns:
        Distances of `x` from `reference`.

    Raises:
        AudioError: `silent` for a silent reference or signal, `bad_shape` for different lengths, `empty`, `not_finite`
            or `unsupported_rate`.
    """
    return compare_all([reference, x], rate)[0, 1]


def compare_all(signals: Sequence[Signal], rate: int) -> dict[tuple[int, int], Comparison]:
    """Compare every pair of several mono signals.

    Each spectrum is computed once per signal, so many pairs cost little more than one.

    Args:
        signals: samples, each of shape (T,), of the same length and rate.
        rate: sample rate in Hz.

    Returns:
        Comparisons by (index of the reference, index of the signal): (0, 1), (0, 2), (1, 2), …; empty for fewer than
        two signals.

    Raises:
        AudioError: as for `compare`.
    """
    check_rate(rate)
    if len({as_mono(signal).shape for signal in signals}) > 1:
        lengths = " and ".join(str(len(signal)) for signal in signals)
        raise AudioError("bad_shape", f"expected signals of one length, got {lengths} samples")
    peaks = [float(np.abs(signal).max()) for signal in signals]
    if not all(peaks):
        raise AudioError("silent", "expected signals to compare, got silence")
    # A common scale keeps squares within the floating-point range and leaves every ratio unchanged.
    scale = max(peaks, default=1.0)
    spectra = [_spectra(as_mono(signal) / scale, rate) for signal in signals]
    plain, emphasized, products = _energies(signals, scale)
    comparisons = {}
    for i, j in combinations(range(len(signals)), 2):
        mel_i, mel_j = _floored(spectra[i].mel_db, spectra[j].mel_db, MEL_RANGE_DB)
        bands_i, bands_j = _floored(spectra[i].third_octaves_db, spectra[j].third_octaves_db, THIRD_OCTAVE_RANGE_DB)
        norm = float(np.sqrt(plain[i, i]) * np.sqrt(plain[j, j]))
        comparisons[i, j] = Comparison(
            esr=float(plain[i, j] / max(plain[i, i], TINY)),
            esr_pre_emphasized=float(emphasized[i, j] / max(emphasized[i, i], TINY)),
            correlation=float(np.clip(products[i, j] / norm, -1.0, 1.0)) if norm > 0 else 0.0,
            log_mel_db=float(np.sqrt(np.mean(np.square(mel_i - mel_j)))),
            third_octaves_db=tuple((bands_j - bands_i).tolist()),
        )
    return comparisons


@dataclass(frozen=True)
class _Spectra:
    """Level per mel band and frame, and per third-octave band, in dB."""

    mel_db: Float64
    third_octaves_db: Float64


def _spectra(signal: Float64, rate: int) -> _Spectra:
    frame, hop = round(MEL_FRAME_S * rate), round(MEL_HOP_S * rate)
    return _Spectra(
        mel_db=power_db(mel_spectrogram(signal, rate, frame=frame, hop=hop)),
        third_octaves_db=power_db(third_octave_powers(*power_density(signal, rate))),
    )


def _energies(signals: Sequence[Signal], scale: float) -> tuple[Float64, Float64, Float64]:
    """Return three matrices of shape (signals, signals): energies, energies after pre-emphasis, inner products.

    The energies are those of the signals on the diagonal, and of the difference of each pair above it. The computation
    runs block by block, so that the block that all pairs read stays in the processor's cache. The filter is linear: the
    filtered difference equals the difference of the filtered signals.
    """
    count, length = len(signals), len(signals[0]) if signals else 0
    plain, emphasized, products = (np.zeros((count, count)) for _ in range(3))
    for start in range(0, length, BLOCK):
        # Includes the sample before the block, which the filter needs.
        block = np.zeros((count, 1 + min(BLOCK, length - start)))
        for row, signal in zip(block, signals, strict=True):
            part = signal[max(0, start - 1) : start + BLOCK]
            np.divide(part, scale, out=row[-len(part) :], dtype=np.float64)
        samples = block[:, 1:]
        filtered = samples - PRE_EMPHASIS * block[:, :-1]
        products += samples @ samples.T
        for i in range(count):
            for j in range(i, count):
                for signals_of, sums in ((samples, plain), (filtered, emphasized)):
                    difference = signals_of[i] - signals_of[j] if i != j else signals_of[i]
                    sums[i, j] += difference @ difference
    return plain, emphasized, products


def _floored(reference_db: Float64, x_db: Float64, range_db: float) -> tuple[Float64, Float64]:
    """Return both levels, floored at `range_db` below the highest of either."""
    floor_db = max(reference_db.max(), x_db.max()) - range_db
    return np.maximum(reference_db, floor_db), np.maximum(x_db, floor_db)
