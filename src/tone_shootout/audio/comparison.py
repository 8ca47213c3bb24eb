"""How far two signals are apart. Meant for pairs that are level-matched and aligned."""

from dataclasses import dataclass

import numpy as np

from tone_shootout.audio.signals import AudioError, Float64, Signal, as_mono, check_rate
from tone_shootout.audio.spectrum import mel_spectrogram, power_db, power_density, third_octave_powers

PRE_EMPHASIS = 0.95
MEL_FRAME_S, MEL_HOP_S = 0.040, 0.010
HEARD_DB = 80.0
THIRD_OCTAVE_HEARD_DB = 60.0


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
    first, second = as_mono(reference), as_mono(x)
    check_rate(rate)
    if len(first) != len(second):
        raise AudioError("bad_shape", f"expected two signals of one length, got {len(first)} and {len(second)} samples")
    # One common scale keeps squares in the range of floating point and changes no ratio.
    scale = max(np.abs(first).max(), np.abs(second).max())
    if not (first.any() and second.any()):
        raise AudioError("silent", "expected two signals to compare, got silence")
    first, second = first / scale, second / scale
    energies = float(np.sqrt(first @ first) * np.sqrt(second @ second))
    return Comparison(
        esr=_esr(first, second),
        esr_pre_emphasised=_esr(_emphasised(first), _emphasised(second)),
        correlation=float(np.clip(first @ second / energies, -1.0, 1.0)) if energies > 0 else 0.0,
        log_mel_db=_log_mel_distance(first, second, rate),
        third_octaves_db=_third_octave_difference(first, second, rate),
    )


def _esr(reference: Float64, x: Float64) -> float:
    energy = max(float(reference @ reference), float(np.finfo(np.float64).tiny))
    return float((reference - x) @ (reference - x)) / energy


def _emphasised(x: Float64) -> Float64:
    return x - PRE_EMPHASIS * np.concatenate(([0.0], x[:-1]))


def _log_mel_distance(reference: Float64, x: Float64, rate: int) -> float:
    frame, hop = round(MEL_FRAME_S * rate), round(MEL_HOP_S * rate)
    powers = [mel_spectrogram(signal, rate, frame=frame, hop=hop) for signal in (reference, x)]
    first, second = _floored(powers[0], powers[1], HEARD_DB)
    return float(np.sqrt(np.mean(np.square(first - second))))


def _third_octave_difference(reference: Float64, x: Float64, rate: int) -> tuple[float, ...]:
    powers = [third_octave_powers(*power_density(signal, rate)) for signal in (reference, x)]
    first, second = _floored(powers[0], powers[1], THIRD_OCTAVE_HEARD_DB)
    return tuple((second - first).tolist())


def _floored(reference: Float64, x: Float64, heard_db: float) -> tuple[Float64, Float64]:
    """Return both powers in dB, nothing lower than `heard_db` under the highest of either."""
    floor = float(max(reference.max(), x.max())) * 10 ** (-heard_db / 10)
    return power_db(np.maximum(reference, floor)), power_db(np.maximum(x, floor))
