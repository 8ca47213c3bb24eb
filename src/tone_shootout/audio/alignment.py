"""Latency and polarity of a capture or chain, estimated from its response to a probe, a linear sweep.

Source: Knapp and Carter, "The Generalized Correlation Method for Estimation of Time Delay" (IEEE TASSP 24, 1976), with
the partial whitening, thresholds and probe from a survey of 11,463 public captures (TONE3000 plugin,
`docs/model-latency.md`). The signal is a probe instead of guitar, because guitar is periodic and dominated by low
frequencies: the peak of its correlation can be a pitch period away from the delay.
"""

from dataclasses import dataclass

import numpy as np

from tone_shootout.audio.constants import LATEST_S, amplitude
from tone_shootout.audio.fourier import fast_length, irfft, rfft
from tone_shootout.audio.signals import AudioError, Float32, Float64, Signal, as_float32, as_mono, check_rate

SEARCH_S = LATEST_S
SWEEP_S = 0.100
FADE_S = 0.005
SWEEP_HZ = (20.0, 20_000.0)
PROBE_DBFS = -20.0
# Exponent of the whitening. Full whitening (1.0) would amplify the noise in empty bins.
WHITENING = 0.8
# Peaks closer to the main peak than this are side lobes of the same response.
MIN_SEPARATION_S = 0.001
MIN_CONFIDENCE = 2.0
ONSET_THRESHOLD = 10 ** (-10 / 20)


@dataclass(frozen=True)
class Latency:
    """Latency and polarity of a response to the probe.

    Attributes:
        samples: delay to compensate, in samples, 0 to 10 ms; None if it is ambiguous: `confidence` below 2 or a delay
            above 10 ms.
        confidence: ratio of the main correlation peak to the highest peak more than 1 ms away.
        onset: start of the response, in samples; None for silence.
        polarity: sign of the response at its onset, 1 or −1; 0 for silence.
    """

    samples: int | None
    confidence: float
    onset: int | None
    polarity: int


def latency_probe(rate: int) -> Float32:
    """Return the probe signal for a sample rate.

    A linear sweep has a white spectrum, so its autocorrelation has a sharp peak.

    Args:
        rate: sample rate in Hz.

    Returns:
        Shape (T,): a sweep of 100 ms at −20 dBFS peak, from 20 Hz to 20 kHz (or to 0.45 of a lower sample rate), faded
        over 5 ms at both ends, then 10 ms of silence.

    Raises:
        AudioError: `unsupported_rate`.
    """
    count, fade = round(SWEEP_S * check_rate(rate)), round(FADE_S * rate)
    seconds = np.arange(count) / rate
    rise = (min(SWEEP_HZ[1], 0.45 * rate) - SWEEP_HZ[0]) / SWEEP_S
    sweep = np.cos(2 * np.pi * (SWEEP_HZ[0] * seconds + 0.5 * rise * seconds * seconds) - np.pi / 2)
    ramp = np.minimum(1.0, np.arange(count) / fade)
    faded = amplitude(PROBE_DBFS) * sweep * ramp * ramp[::-1]
    return as_float32(np.pad(faded, (0, round(SEARCH_S * rate))))


def estimate_latency(response: Signal, rate: int) -> Latency:
    """Estimate the delay, 0 to 10 ms, and the polarity of a response to `latency_probe(rate)`.

    Args:
        response: samples, shape (T,), as long as the probe and starting at the same time.
        rate: sample rate in Hz.

    Returns:
        Delay, confidence, onset and polarity.

    Raises:
        AudioError: `empty`, `not_finite`, `unsupported_rate`, or `bad_shape` for a response of another length.
    """
    excitation = as_mono(latency_probe(rate))
    received = as_mono(response)
    if len(received) != len(excitation):
        raise AudioError("bad_shape", f"expected a response of {len(excitation)} samples, got {len(received)}")
    received -= received.mean()
    if np.abs(received).max() < np.finfo(np.float32).tiny:
        return Latency(None, 0.0, None, 0)
    max_lag = round(SEARCH_S * rate)
    # Search twice the range: the rising flank of a later peak must not count as a peak within the range.
    plain, whitened = _correlations(excitation, received / np.abs(received).max(), 2 * max_lag + 1)
    strength = np.abs(whitened)
    peak = int(strength.argmax())
    others = strength[np.abs(np.arange(len(strength)) - peak) > round(MIN_SEPARATION_S * rate)]
    confidence = float(strength[peak] / others.max())
    onset = int((np.abs(plain) >= ONSET_THRESHOLD * np.abs(plain).max()).argmax())
    return Latency(
        samples=peak if confidence >= MIN_CONFIDENCE and peak <= max_lag else None,
        confidence=confidence,
        onset=onset,
        polarity=1 if plain[onset] > 0 else -1,
    )


def remove_delay(x: Signal, samples: int) -> Float32:
    """Remove a delay: drop the first `samples` samples and pad the end with zeros.

    Args:
        x: samples, shape (T,) or (channels, T).
        samples: delay in samples, 0 or more.

    Returns:
        Samples in the shape of `x`.

    Raises:
        AudioError: `out_of_range` for a negative delay, `not_finite`.
    """
    if samples < 0:
        raise AudioError("out_of_range", f"expected a delay of 0 samples or more, got {samples}")
    remaining = as_float32(x[..., samples:])
    return np.pad(remaining, [(0, 0)] * (x.ndim - 1) + [(0, x.shape[-1] - remaining.shape[-1])])


def _correlations(excitation: Float64, received: Float64, lags: int) -> tuple[Float64, Float64]:
    """Return the plain and the whitened cross-correlation at lags from 0 on, each of shape (lags,)."""
    size = fast_length(2 * len(excitation), real=True)
    cross = rfft(received, size) * np.conj(rfft(excitation, size))
    magnitude = np.abs(cross)
    whitening = np.maximum(magnitude, 1e-12 * magnitude.max()) ** -WHITENING
    return irfft(cross, size)[:lags], irfft(cross * whitening, size)[:lags]
