"""Samples as a 24-bit file holds them."""

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.signals import BLOCK, Float32, Signal

FULL_SCALE_24 = 2**23


def to_24_bits(x: Signal) -> NDArray[np.int32]:
    """Return samples as 24-bit integers in the upper bits of 32.

    A sample becomes round(x·2²³), ties to even; +1 becomes the largest integer, 2²³ − 1.

    Args:
        x: samples within ±1, any shape.
    """
    steps = np.rint(x.astype(np.float64) * FULL_SCALE_24)
    return np.minimum(steps, FULL_SCALE_24 - 1).astype(np.int32) << 8


def round_to_24_bits(x: Float32) -> Float32:
    """Round samples in place to what a 24-bit file of them decodes to, and return them.

    Every integer of 24 bits is exact in single precision, so decoding the file gives the same samples.

    Args:
        x: samples, shape (T,) or (channels, T), within ±1.
    """
    flat = x.reshape(-1)
    if not np.shares_memory(flat, x):
        raise ValueError("expected samples that are contiguous in memory")
    for start in range(0, len(flat), BLOCK):
        block = flat[start : start + BLOCK]
        # Scaling by a power of two is exact, so single precision rounds as `to_24_bits` does.
        block *= np.float32(FULL_SCALE_24)
        np.minimum(np.rint(block, out=block), np.float32(FULL_SCALE_24 - 1), out=block)
        block /= np.float32(FULL_SCALE_24)
    return x
