"""Filtering through second-order sections, by the compiled filter of `scipy.signal`."""

from collections.abc import Callable
from typing import cast

import numpy as np

from tone_shootout.audio.scipy_parts import load_part
from tone_shootout.audio.signals import Float64


def filter_sections(sections: Float64, x: Float64, state: Float64 | None = None) -> tuple[Float64, Float64]:
    """Filter along the last axis, as `scipy.signal.sosfilt` does.

    Args:
        sections: coefficients b0, b1, b2, a0, a1, a2 of each section, shape (sections, 6), with a0 = 1.
        x: samples, shape (..., T).
        state: state after the preceding samples, shape (sections, ..., 2); None: at rest.

    Returns:
        The filtered samples, shape (..., T), and the state after them.
    """
    filtered = np.array(x, np.float64, order="C").reshape(-1, x.shape[-1])
    shape = (len(sections), *x.shape[:-1], 2)
    before = np.zeros(shape) if state is None else state
    # The compiled filter expects the sections next to the last axis, and changes both arrays.
    after = np.array(np.moveaxis(before, 0, -2), np.float64, order="C").reshape(-1, len(sections), 2)
    _compiled()(np.ascontiguousarray(sections, np.float64), filtered, after)
    moved = np.moveaxis(after.reshape(*x.shape[:-1], len(sections), 2), -2, 0)
    return filtered.reshape(x.shape), moved


def _compiled() -> Callable[[Float64, Float64, Float64], None]:
    return cast(Callable[[Float64, Float64, Float64], None], load_part("signal._sosfilt", "_sosfilt"))
