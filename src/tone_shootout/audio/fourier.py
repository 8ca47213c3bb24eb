"""Fourier transforms of real signals as in `scipy.fft`, by its compiled functions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.scipy_parts import load_part
from tone_shootout.audio.signals import Float64, Signal

Complex128 = NDArray[np.complex128]

# Divisors of the result: none, or the number of samples.
_NO_DIVISOR, _BY_LENGTH = 0, 2


def rfft(x: Signal, size: int | None = None) -> Complex128:
    """Transform along the last axis.

    Args:
        x: samples, shape (..., T).
        size: number of samples that are transformed; the others are dropped, or zeros are added; None: T.

    Returns:
        Shape (..., size // 2 + 1).
    """
    samples = x if size is None else _with_length(x, size)
    spectrum: Complex128 = _pocketfft("r2c")(samples, (-1,), True, _NO_DIVISOR, None, 1)
    return spectrum


def irfft(spectrum: Complex128, size: int) -> Float64:
    """Transform back along the last axis.

    Args:
        spectrum: shape (..., bins); bins beyond size // 2 are dropped, missing ones are zeros.
        size: number of samples of the result.

    Returns:
        Samples, shape (..., size).
    """
    samples: Float64 = _pocketfft("c2r")(_with_length(spectrum, size // 2 + 1), (-1,), size, False, _BY_LENGTH, None, 1)
    return samples


def fast_length(size: int, *, real: bool = False) -> int:
    """Return the least number of samples from `size` on whose transform is fast.

    Args:
        size: least number, 1 or more.
        real: whether it is for real signals; complex ones may have factors of 7 and 11 as well.
    """
    return int(_pocketfft("good_size")(size, real))


def _with_length(x: NDArray[Any], length: int) -> NDArray[Any]:
    if x.shape[-1] >= length:
        return x[..., :length]
    padded = np.zeros((*x.shape[:-1], length), x.dtype)
    padded[..., : x.shape[-1]] = x
    return padded


def _pocketfft(function: str) -> Any:
    return load_part("fft._pocketfft.pypocketfft", function)
