"""Sum of parallel paths, each with its gain, place between the sides, polarity and shift in time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tone_shootout.audio.constants import amplitude
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

MIX_RANGE_DB = (-120.0, 60.0)


@dataclass(frozen=True)
class MixedPath:
    """A path of a sum.

    Attributes:
        samples: shape (T,) or (2, T).
        gain_db: gain, −120 to 60 dB.
        pan: place between the sides, −1 (left) to 1 (right); ignored in a mono sum.
        inverted: whether its polarity is inverted.
        advance: samples by which it starts earlier, 0 or more; its end is padded with silence.
    """

    samples: Signal
    gain_db: float = 0.0
    pan: float = 0.0
    inverted: bool = False
    advance: int = 0


def sum_paths(paths: Sequence[MixedPath], *, stereo: bool = False) -> Float32:
    """Sum paths, computed in double precision.

    Args:
        paths: at least one, all of one length.
        stereo: whether the sum has two sides. A mono path gets the gains cos(π/4·(pan + 1)) on the left and
            sin(π/4·(pan + 1)) on the right, of equal power at every place: −3.01 dB each in the middle. Of a stereo
            path, the side that it is panned away from gets the gain cos(π/2·|pan|).

    Returns:
        Samples, shape (T,), or (2, T) if `stereo`.

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
        check_range("the pan of a path", path.pan, -1.0, 1.0, "")
        if path.samples.ndim == 2 and not (stereo and len(path.samples) == 2):
            raise AudioError("bad_shape", f"expected a mono path, got one of shape {path.samples.shape}")
        if path.samples.shape[-1] != length:
            raise AudioError("bad_shape", f"expected paths of {length} samples, got {path.samples.shape[-1]}")
        if path.advance < 0:
            raise AudioError("out_of_range", f"expected an advance of 0 samples or more, got {path.advance}")
    factors = [_factors(path, stereo=stereo) for path in paths]
    out = np.empty((2 if stereo else 1, length), dtype=np.float32)
    for start in range(0, length, BLOCK):
        total = np.zeros((len(out), min(BLOCK, length - start)))
        for path, factor in zip(paths, factors, strict=True):
            part = path.samples[..., start + path.advance : start + path.advance + total.shape[1]]
            total[:, : part.shape[-1]] += factor * part
        out[:, start : start + total.shape[1]] = as_float32(total)
    return out if stereo else out[0]


def _factors(path: MixedPath, *, stereo: bool) -> Float64:
    """Return the factors of a path in the sum, shape (sides, 1)."""
    factor = amplitude(path.gain_db) * (-1.0 if path.inverted else 1.0)
    if not stereo:
        return np.array([[factor]])
    if path.samples.ndim == 1:
        angle = np.pi / 4 * (path.pan + 1)
        sides = [np.cos(angle), np.sin(angle)]
    else:
        sides = [np.cos(np.pi / 2 * max(path.pan, 0.0)), np.cos(np.pi / 2 * max(-path.pan, 0.0))]
    # Exactly silent at the ends.
    return factor * np.where(np.abs(sides) < 1e-15, 0.0, sides)[:, np.newaxis]
