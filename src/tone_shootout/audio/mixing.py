"""Sum of parallel paths, each with its gain, polarity and shift in time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tone_shootout.audio.constants import amplitude
from tone_shootout.audio.signals import (
    BLOCK,
    AudioError,
    Float32,
    Signal,
    as_channels,
    as_float32,
    check_range,
)

MIX_RANGE_DB = (-120.0, 60.0)


@dataclass(frozen=True)
class MixedPath:
    """A path of a sum.

    Attributes:
        samples: shape (T,).
        gain_db: gain, −120 to 60 dB.
        inverted: whether its polarity is inverted.
        advance: samples by which it starts earlier, 0 or more; its end is padded with silence.
    """

    samples: Signal
    gain_db: float = 0.0
    inverted: bool = False
    advance: int = 0


def sum_paths(paths: Sequence[MixedPath]) -> Float32:
    """Sum paths, computed in double precision.

    Args:
        paths: at least one, all of one length.

    Returns:
        Samples, shape (T,).

    Raises:
        AudioError: `empty`, `bad_shape` for different lengths, `out_of_range`, or `not_finite` for input or a result
            with NaN or infinity.
    """
    if not paths:
        raise AudioError("empty", "expected at least one path, got none")
    length = paths[0].samples.shape[-1]
    for path in paths:
        as_channels(path.samples)
        check_range("the gain of a path", path.gain_db, *MIX_RANGE_DB, "dB")
        if path.samples.shape[-1] != length:
            raise AudioError("bad_shape", f"expected paths of {length} samples, got {path.samples.shape[-1]}")
        if path.advance < 0:
            raise AudioError("out_of_range", f"expected an advance of 0 samples or more, got {path.advance}")
    factors = [amplitude(path.gain_db) * (-1.0 if path.inverted else 1.0) for path in paths]
    out = np.empty(length, dtype=np.float32)
    for start in range(0, length, BLOCK):
        total = np.zeros(min(BLOCK, length - start))
        for path, factor in zip(paths, factors, strict=True):
            part = path.samples[start + path.advance : start + path.advance + len(total)]
            total[: len(part)] += factor * part
        out[start : start + len(total)] = as_float32(total)
    return out
