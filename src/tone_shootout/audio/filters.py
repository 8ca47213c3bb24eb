"""Equalizer bands: the biquads of Robert Bristow-Johnson's Audio EQ Cookbook (W3C note, 2021)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from tone_shootout.audio.sections import filter_sections
from tone_shootout.audio.signals import (
    BLOCK,
    AudioError,
    Float32,
    Float64,
    Signal,
    as_channels,
    as_float32,
    check_range,
)

Kind = Literal["highpass", "lowpass", "low_shelf", "high_shelf", "peak"]
KINDS: tuple[Kind, ...] = get_args(Kind)
BUTTERWORTH_Q = 2**-0.5
# Closer than this to 0 Hz or to the Nyquist frequency, the poles reach the unit circle.
EDGE_HZ = 1.0
Q_RANGE = (0.1, 20.0)
DB_RANGE = (-24.0, 24.0)


@dataclass(frozen=True)
class Band:
    """One equalizer band.

    Attributes:
        kind: filter type.
        hz: corner or center frequency, 1 Hz to 1 Hz below the Nyquist frequency.
        q: quality factor, 0.1 to 20.
        db: gain of a shelf or peak, −24 to 24 dB; ignored by `highpass` and `lowpass`.
    """

    kind: Kind
    hz: float
    q: float = BUTTERWORTH_Q
    db: float = 0.0


def equalize(x: Signal, rate: int, bands: Sequence[Band]) -> Float32:
    """Filter a signal through equalizer bands in series, computed in double precision.

    Args:
        x: samples, shape (T,) or (channels, T).
        rate: sample rate in Hz.
        bands: equalizer bands in order; an empty sequence leaves the samples unchanged.

    Returns:
        Samples in the shape of `x`.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape`, `out_of_range` or `unknown_kind`.
    """
    as_channels(x)
    if not bands:
        return as_float32(x)
    sections = np.concatenate([biquad(band, rate) for band in bands])
    out = np.empty(x.shape, dtype=np.float32)
    state = np.zeros((len(sections), *x.shape[:-1], 2))
    for start in range(0, x.shape[-1], BLOCK):
        part = slice(start, start + BLOCK)
        filtered, state = filter_sections(sections, x[..., part].astype(np.float64), state)
        out[..., part] = as_float32(filtered)
    return out


def biquad(band: Band, rate: int) -> Float64:
    """Return the second-order section of a band.

    Args:
        band: equalizer band.
        rate: sample rate in Hz.

    Returns:
        Coefficients b0, b1, b2, a0, a1, a2, shape (1, 6), with a0 = 1.

    Raises:
        AudioError: `out_of_range` or `unknown_kind`.
    """
    if band.kind not in KINDS:
        raise AudioError("unknown_kind", f"expected a band of kind {', '.join(KINDS)}, got {band.kind!r}")
    check_range("the band's frequency", band.hz, EDGE_HZ, rate / 2 - EDGE_HZ, "Hz")
    check_range("the band's Q", band.q, *Q_RANGE, "")
    check_range("the band's gain", band.db, *DB_RANGE, "dB")
    w0 = 2 * np.pi * band.hz / rate
    cos, alpha = np.cos(w0), np.sin(w0) / (2 * band.q)
    if band.kind in ("highpass", "lowpass"):
        sign = 1 if band.kind == "highpass" else -1
        edge = (1 + sign * cos) / 2
        numerator = (edge, -sign * 2 * edge, edge)
        denominator = (1 + alpha, -2 * cos, 1 - alpha)
    elif band.kind == "peak":
        a = 10 ** (band.db / 40)
        numerator = (1 + alpha * a, -2 * cos, 1 - alpha * a)
        denominator = (1 + alpha / a, -2 * cos, 1 - alpha / a)
    else:
        sign = 1 if band.kind == "low_shelf" else -1
        numerator, denominator = _shelf_coefficients(10 ** (band.db / 40), cos, alpha, sign)
    return np.array([[c / denominator[0] for c in (*numerator, *denominator)]])


def _shelf_coefficients(
    a: float, cos: float, alpha: float, sign: int
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return numerator and denominator of a low shelf (`sign` 1) or a high shelf (`sign` −1)."""
    plus, minus, slope = a + 1, a - 1, 2 * np.sqrt(a) * alpha
    numerator = (
        a * (plus - sign * minus * cos + slope),
        sign * 2 * a * (minus - sign * plus * cos),
        a * (plus - sign * minus * cos - slope),
    )
    denominator = (
        plus + sign * minus * cos + slope,
        -sign * 2 * (minus + sign * plus * cos),
        plus + sign * minus * cos - slope,
    )
    return numerator, denominator
