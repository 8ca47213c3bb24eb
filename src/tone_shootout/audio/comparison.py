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
    spectra = [_spectra(_scaled(signal, scale), rate) for signal in signals]
    return {
        (one, other): _compare(
            _scaled(signals[one], scale), _scaled(signals[other], scale), spectra[one], spectra[other]
        )
        for one, other in combinations(range(len(signals)), 2)
    }


@dataclass(frozen=True)
class _Spectra:
    """Power of a signal per mel band and frame, and per third octave."""

    mel: Float64
    third_octaves: Float64


def _scaled(signal: Signal, scale: float) -> Float64:
    return as_mono(signal) / scale


def _spectra(signal: Float64, rate: int) -> _Spectra:
    frame, hop = round(MEL_FRAME_S * rate), round(MEL_HOP_S * rate)
    return _Spectra(
        mel=mel_spectrogram(signal, rate, frame=frame, hop=hop),
        third_octaves=third_octave_powers(*power_density(signal, rate)),
    )


def _compare(first: Float64, second: Float64, first_spectra: _Spectra, second_spectra: _Spectra) -> Comparison:
    energies = float(np.sqrt(first @ first) * np.sqrt(second @ second))
    mel, other_mel = _floored(first_spectra.mel, second_spectra.mel, HEARD_DB)
    bands, other_bands = _floored(first_spectra.third_octaves, second_spectra.third_octaves, THIRD_OCTAVE_HEARD_DB)
    return Comparison(
        esr=_esr(first, second),
        esr_pre_emphasised=_esr(_emphasised(first), _emphasised(second)),
        correlation=float(np.clip(first @ second / energies, -1.0, 1.0)) if energies > 0 else 0.0,
        log_mel_db=float(np.sqrt(np.mean(np.square(mel - other_mel)))),
        third_octaves_db=tuple((other_bands - bands).tolist()),
    )


def _esr(reference: Float64, x: Float64) -> float:
    energy = max(float(reference @ reference), float(np.finfo(np.float64).tiny))
    return float((reference - x) @ (reference - x)) / energy


def _emphasised(x: Float64) -> Float64:
    return x - PRE_EMPHASIS * np.concatenate(([0.0], x[:-1]))


def _floored(reference: Float64, x: Float64, heard_db: float) -> tuple[Float64, Float64]:
    """Return both powers in dB, nothing lower than `heard_db` under the highest of either."""
    floor = float(max(reference.max(), x.max())) * 10 ** (-heard_db / 10)
    return power_db(np.maximum(reference, floor)), power_db(np.maximum(x, floor))
