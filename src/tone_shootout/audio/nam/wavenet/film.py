"""FiLM: a signal scaled and shifted per sample by functions of a condition (docs/nam.md section 4.2)."""

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.nam.convolution import Signal, pointwise


class Film:
    """out = v · s[0:dim] + s[dim:2·dim] with s = W·c + b; the scale has no offset of 1."""

    def __init__(self, weight: NDArray[np.float32], bias: NDArray[np.float32], dim: int, *, shift: bool) -> None:
        """Create the modulation.

        Args:
            weight: W, shape (2·dim or dim, conditions, 1).
            bias: b, shape (2·dim or dim,).
            dim: channels of the signal.
            shift: whether the rows after the first dim are a shift.
        """
        self._weight = weight[:, :, 0]
        self._bias = bias[:, np.newaxis]
        self._dim = dim
        self._shift = shift

    def apply(self, v: Signal, c: Signal, out: Signal) -> Signal:
        """Modulate v (dim, time) by the condition c (conditions, time) into out (dim, time), which may be v."""
        s = pointwise(self._weight, c)
        s += self._bias
        np.multiply(v, s[: self._dim], out=out)
        if self._shift:
            out += s[self._dim :]
        return out
