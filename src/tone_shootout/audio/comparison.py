"""How far two signals are apart. Meant for pairs that are level-matched and aligned."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tone_shootout.audio.signals import AudioError, Float64, Signal, as_mono, check_rate
from tone_shootout.audio.spectrum import mel_spectrogram, power_db, power_density, third_octave_powers

PRE_EMPHASIS = 0.95
MEL_FRAME_S, MEL_HOP_S = 0.040, 0.010
HEARD_DB = 80.0
THIRD_OCTAVE_HEARD_DB = 60.0
BLOCK = 1 << 14
TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Comparison:
    """How far a signal is from a reference.

    `esr` is the error-to-signal ratio Σ(reference − x)² / Σ reference², 0 for equal signals; `esr_pre_emphasised` the
    same after the high-pass 1 − 0.95·z⁻¹ on both (Wright and Välimäki, "Perceptual Loss Function for Neural Modelling
    of Audio Systems", ICASSP 2020). `correlation` is the cosine of the two at no lag, −1 to 1. `log_mel_db` is the
    root-mean-square difference of their log-mel spectrograms, in which what lies 80 dB under the loudest point of
    either counts as equal. `third_octaves_db` is x minus reference, per band of `spectrum.THIRD_OCTAVES_HZ`, equal from
    60 dB under the strongest band of either.
    """

    esr: float
    esr_pre_emphasised: float
    correlation: float
    log_mel_db: float
    third_octaves_db: tuple[float, ...]


def compare(reference: Signal, x: Signal, rate: int) -> Comparison:
    """Compare a mono signal with a reference, both of shape (T,) and at the same rate.

    Raises:
        AudioError: `silent` for a silent reference or signal, `bad_shape` for lengths that differ, `empty`,
            `not_finite` or `unsupported_rate`.
    """
    return compare_all([reference, x], rate)[0, 1]


def compare_all(signals: Sequence[Signal], rate: int) -> dict[tuple[int, int], Comparison]:
    """Compare each of several mono signals, of one length and rate, with those before it, which are the references.

    Spectra are taken once per signal, which is what makes many pairs cheap. Returned by the indices of reference and
    signal, (0, 1), (0, 2), (1, 2), … Errors as for `compare`.
    """
    check_rate(rate)
    if len({as_mono(signal).shape for signal in signals}) > 1:
        lengths = " and ".join(str(len(signal)) for signal in signals)
        raise AudioError("bad_shape", f"expected signals of one length, got {lengths} samples")
    peaks = [float(np.abs(signal).max()) for signal in signals]
    if not all(peaks):
        raise AudioError("silent", "expected signals to compare, got silence")
    # One common scale keeps squares in the range of floating point and changes no ratio.
    scale = max(peaks, default=1.0)
    spectra = [_spectra(as_mono(signal) / scale, rate) for signal in signals]
    plain, emphasised, products = _energies(signals, scale)
    found = {}
    for one, other in combinations(range(len(signals)), 2):
        mel, other_mel = _floored(spectra[one].mel, spectra[other].mel, HEARD_DB)
        bands, other_bands = _floored(spectra[one].third_octaves, spectra[other].third_octaves, THIRD_OCTAVE_HEARD_DB)
        both = float(np.sqrt(plain[one, one]) * np.sqrt(plain[other, other]))
        found[one, other] = Comparison(
            esr=float(plain[one, other] / max(plain[one, one], TINY)),
            esr_pre_emphasised=float(emphasised[one, other] / max(emphasised[one, one], TINY)),
            correlation=float(np.clip(products[one, other] / both, -1.0, 1.0)) if both > 0 else 0.0,
            log_mel_db=float(np.sqrt(np.mean(np.square(mel - other_mel)))),
            third_octaves_db=tuple((other_bands - bands).tolist()),
        )
    return found


@dataclass(frozen=True)
class _Spectra:
    """Power of a signal per mel band and frame, and per third octave."""

    mel: Float64
    third_octaves: Float64


def _spectra(signal: Float64, rate: int) -> _Spectra:
    frame, hop = round(MEL_FRAME_S * rate), round(MEL_HOP_S * rate)
    return _Spectra(
        mel=mel_spectrogram(signal, rate, frame=frame, hop=hop),
        third_octaves=third_octave_powers(*power_density(signal, rate)),
    )


def _energies(signals: Sequence[Signal], scale: float) -> tuple[Float64, Float64, Float64]:
    """Sum squares, plain and high-passed, of signals (in the diagonal) and differences of every two; and products.

    Block by block, so that what all pairs read stays in the processor's cache. The high-pass of a difference is the
    difference of the high-passed.
    """
    count, length = len(signals), len(signals[0]) if signals else 0
    plain, emphasised, products = (np.zeros((count, count)) for _ in range(3))
    for start in range(0, length, BLOCK):
        # With the sample before the block, which the high-pass needs.
        block = np.zeros((count, 1 + min(BLOCK, length - start)))
        for row, signal in zip(block, signals, strict=True):
            part = signal[max(0, start - 1) : start + BLOCK]
            np.divide(part, scale, out=row[-len(part) :], dtype=np.float64)
        for one in range(count):
            for other in range(one, count):
                apart = block[one] - block[other] if one != other else block[one]
                high = apart[1:] - PRE_EMPHASIS * apart[:-1]
                plain[one, other] += apart[1:] @ apart[1:]
                emphasised[one, other] += high @ high
                products[one, other] += block[one, 1:] @ block[other, 1:]
    return plain, emphasised, products


def _floored(reference: Float64, x: Float64, heard_db: float) -> tuple[Float64, Float64]:
    """Return both powers in dB, nothing lower than `heard_db` under the highest of either."""
    floor = float(max(reference.max(), x.max())) * 10 ** (-heard_db / 10)
    return power_db(np.maximum(reference, floor)), power_db(np.maximum(x, floor))
