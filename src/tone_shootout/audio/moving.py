"""Maximum, minimum and median of moving windows."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tone_shootout.audio.signals import Float32, Float64, Signal


def moving_maximum(x: Signal, width: int) -> Any:
    """Return the maximum of a window around each sample; the ends are mirrored, as `scipy.ndimage` does by default.

    Args:
        x: samples, shape (T,), T at least `width` // 2.
        width: odd number of samples.

    Returns:
        Shape (T,).
    """
    return _moving(x, width, np.maximum)


def moving_minimum(x: Signal, width: int) -> Any:
    """Return the minimum of a window around each sample, as `moving_maximum`."""
    return _moving(x, width, np.minimum)


def moving_median(x: Float64, width: int) -> Float64:
    """Return the upper median of a window around each value; the ends are repeated.

    Args:
        x: values, shape (T,).
        width: number of values; if it is even, the window has one more before its value than behind.

    Returns:
        Shape (T,).
    """
    padded = np.pad(x, (width // 2, width - width // 2 - 1), mode="edge")
    return np.asarray(np.partition(sliding_window_view(padded, width), width // 2, axis=-1)[:, width // 2])


def _moving(x: Float32 | Float64, width: int, function: np.ufunc) -> Any:
    """Apply a function of the greatest or the least, by blocks of one width.

    A window is the end of one block and the start of the next one, so it needs two accumulated values (van Herk, "A
    fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels", Pattern Recognition
    Letters 13, 1992).
    """
    reach = width // 2
    padded = np.pad(x, reach, mode="symmetric")
    count = -(-len(padded) // width)
    blocks = np.pad(padded, (0, count * width - len(padded)), mode="edge").reshape(count, width)
    forward = function.accumulate(blocks, axis=1).ravel()
    backward = function.accumulate(blocks[:, ::-1], axis=1)[:, ::-1].ravel()
    return function(backward[: len(x)], forward[width - 1 : width - 1 + len(x)])
