"""Latency and polarity of a capture or chain, found with a probe: a linear sweep run through it.

Knapp and Carter, "The Generalized Correlation Method for Estimation of Time Delay" (IEEE TASSP 24, 1976), with the
soft whitening, gates and probe that a survey of 11,463 public captures settled on (TONE3000 plugin,
`docs/model-latency.md`). A probe and not playing: guitar is periodic and low-frequency heavy, so that correlating it
lands on a pitch period.
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import chirp

from tone_shootout.audio.signals import AudioError, Float32, Float64, Signal, amplitude, as_float32, as_mono, check_rate

SEARCH_S = 0.010
SWEEP_S = 0.100
FADE_S = 0.005
SWEEP_HZ = (20.0, 20_000.0)
PROBE_DBFS = -20.0
# Full whitening would raise empty bins to noise.
WHITENING = 0.8
# A rival peak counts against the main one from here on; nearer ones are lobes of the same response.
RIVAL_S = 0.001
LEAST_RATIO = 2.0
ONSET_SHARE = 10 ** (-10 / 20)


@dataclass(frozen=True)
class Latency:
    """Where a response to the probe lies.

    `samples` is the delay to compensate, None when it is ambiguous. `confidence` is the main peak over its best rival
    more than 1 ms away; below 2 the delay is ambiguous, and so is one of more than 10 ms. `onset` is where the response
    starts, and `polarity` its sign there, 1 or −1; None and 0 for silence.
    """

    samples: int | None
    confidence: float
    onset: int | None
    polarity: int


def probe(rate: int) -> Float32:
    """Return the probe for a sample rate: 100 ms of linear sweep at −20 dBFS, then 10 ms of silence, shape (T,).

    The sweep runs from 20 Hz to 20 kHz, or to 0.45 of a lower sample rate, faded over 5 ms at both ends: its spectrum
    is white, so that its correlation is sharp.

    Raises:
        AudioError: `unsupported_rate`.
    """
    count, fade = round(SWEEP_S * check_rate(rate)), round(FADE_S * rate)
    seconds = np.arange(count) / rate
    sweep = chirp(seconds, SWEEP_HZ[0], SWEEP_S, min(SWEEP_HZ[1], 0.45 * rate), phi=-90.0)
    ramp = np.minimum(1.0, np.arange(count) / fade)
    faded = amplitude(PROBE_DBFS) * sweep * ramp * ramp[::-1]
    return as_float32(np.pad(faded, (0, round(SEARCH_S * rate))))


def latency(response: Signal, rate: int) -> Latency:
    """Find the delay, 0 to 10 ms, and the polarity of a response to `probe(rate)`.

    Args:
        response: what came back, shape (T,), as long as the probe and starting with it.
        rate: sample rate in Hz.

    Raises:
        AudioError: `empty`, `not_finite`, `unsupported_rate`, or `bad_shape` for a response of another length.
    """
    sent = as_mono(probe(rate))
    heard = as_mono(response)
    if len(heard) != len(sent):
        raise AudioError("bad_shape", f"expected a response of {len(sent)} samples, got {len(heard)}")
    heard -= heard.mean()
    if np.abs(heard).max() < np.finfo(np.float32).tiny:
        return Latency(None, 0.0, None, 0)
    longest = round(SEARCH_S * rate)
    # As far again behind it, so that what comes too late isn't taken for the flank that reaches into the search.
    plain, whitened = _correlations(sent, heard / np.abs(heard).max(), 2 * longest + 1)
    strength = np.abs(whitened)
    peak = int(strength.argmax())
    rivals = strength[np.abs(np.arange(len(strength)) - peak) > round(RIVAL_S * rate)]
    confidence = float(strength[peak] / rivals.max())
    onset = int((np.abs(plain) >= ONSET_SHARE * np.abs(plain).max()).argmax())
    return Latency(
        samples=peak if confidence >= LEAST_RATIO and peak <= longest else None,
        confidence=confidence,
        onset=onset,
        polarity=1 if plain[onset] > 0 else -1,
    )


def advanced(x: Signal, samples: int) -> Float32:
    """Take a delay off a signal, shape (T,) or (channels, T): it starts `samples` later, silence fills its end.

    Raises:
        AudioError: `out_of_range` for a negative delay.
    """
    if samples < 0:
        raise AudioError("out_of_range", f"expected a delay of 0 samples or more, got {samples}")
    kept = as_float32(x[..., samples:])
    return np.pad(kept, [(0, 0)] * (x.ndim - 1) + [(0, x.shape[-1] - kept.shape[-1])])


def _correlations(sent: Float64, heard: Float64, lags: int) -> tuple[Float64, Float64]:
    """Cross-correlate at lags from 0 on: plain, and whitened."""
    size = next_fast_len(2 * len(sent), real=True)
    cross = rfft(heard, size) * np.conj(rfft(sent, size))
    magnitude = np.abs(cross)
    whitening = np.maximum(magnitude, 1e-12 * magnitude.max()) ** -WHITENING
    return irfft(cross, size)[:lags], irfft(cross * whitening, size)[:lags]
