"""Shared conventions of the signal code: array types and shapes, sample rates, the error for invalid input."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.floating[Any]]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

BLOCK = 1 << 18
"""Block size in samples for operations in double precision, which bounds their memory on long recordings."""

MIN_RATE = 8_000
MAX_RATE = 192_000


class AudioError(ValueError):
    """Invalid audio or parameter.

    Attributes:
        code: stable identifier.
        detail: one-line message for the user.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


def check_rate(rate: int) -> int:
    """Return a sample rate in Hz after validation.

    Raises:
        AudioError: `unsupported_rate` outside 8 to 192 kHz.
    """
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError("unsupported_rate", f"expected a sample rate of {MIN_RATE} to {MAX_RATE} Hz, got {rate} Hz")
    return rate


def check_range(name: str, value: float, low: float, high: float, unit: str) -> float:
    """Return a value after validation.

    Args:
        name: name of the value for the error message.
        value: number to validate.
        low: minimum, inclusive.
        high: maximum, inclusive.
        unit: unit for the error message; may be empty.

    Raises:
        AudioError: `out_of_range` unless `low <= value <= high`; also for NaN.
    """
    if not low <= value <= high:
        unit = f" {unit}" if unit else ""
        raise AudioError("out_of_range", f"expected {name} from {low:g} to {high:g}{unit}, got {value:g}{unit}")
    return value


def as_channels(x: Signal) -> Signal:
    """View a signal as (channels, T), without a copy.

    Args:
        x: samples, shape (T,) or (channels, T), at least one sample.

    Raises:
        AudioError: `bad_shape`, `empty` or `not_finite`.
    """
    if x.ndim not in (1, 2):
        raise AudioError("bad_shape", f"expected samples of shape (T,) or (channels, T), got {x.shape}")
    if x.size == 0:
        raise AudioError("empty", "expected at least one sample, got none")
    if not np.isfinite(x).all():
        raise AudioError("not_finite", "expected finite samples, got NaN or infinity")
    return np.atleast_2d(x)


def is_equal(one: Signal, other: Signal) -> bool:
    """Return whether two signals of one length, shape (T,), are equal, block by block, so that it takes no memory."""
    blocks = range(0, len(one), BLOCK)
    return all(np.array_equal(one[start : start + BLOCK], other[start : start + BLOCK]) for start in blocks)


def check_mono(x: Signal) -> Signal:
    """Return a mono signal of shape (T,) after validation, unchanged.

    Raises:
        AudioError: `bad_shape`, `empty` or `not_finite`.
    """
    if x.ndim != 1:
        raise AudioError("bad_shape", f"expected mono samples of shape (T,), got {x.shape}")
    as_channels(x)
    return x


def as_mono(x: Signal) -> Float64:
    """Return a mono signal of shape (T,) in double precision; errors as for `check_mono`."""
    return np.asarray(check_mono(x), dtype=np.float64)


def as_float32(x: Signal) -> Float32:
    """Convert samples to single precision, without a copy if they already are.

    Raises:
        AudioError: `not_finite` for NaN, infinity and magnitudes above 3.4e38.
    """
    with np.errstate(over="ignore"):
        y = x.astype(np.float32, copy=False)
    if not np.isfinite(y).all():
        raise AudioError("not_finite", "the result overflows 32-bit floating point")
    return y


def decibels(amplitude: float) -> float:
    """Return 20·log10(amplitude); −inf for zero."""
    return 20.0 * float(np.log10(amplitude)) if amplitude > 0.0 else -np.inf


def mix_dry_wet(dry: Signal, wet: Signal, mix: float) -> Float32:
    """Mix two signals linearly, computed in double precision.

    Args:
        dry: samples, shape (T,).
        wet: samples, shape (T,).
        mix: 0 (dry only) to 1 (wet only).

    Returns:
        Samples, shape (T,).

    Raises:
        AudioError: `out_of_range` or `not_finite`.
    """
    check_range("mix", mix, 0.0, 1.0, "")
    out = np.empty(dry.shape, dtype=np.float32)
    for start in range(0, len(dry), BLOCK):
        part = slice(start, start + BLOCK)
        out[part] = as_float32((1.0 - mix) * dry[part].astype(np.float64) + mix * wet[part].astype(np.float64))
    return out
