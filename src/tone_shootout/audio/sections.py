"""Filtering through second-order sections, without importing `scipy.signal`.

Importing it imports `scipy.stats`, which takes most of a second: more than a short render. The compiled filter is an
extension module that imports nothing else, so it is loaded by itself.
"""

from collections.abc import Callable
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import cast

import numpy as np
import scipy

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


@cache
def _compiled() -> Callable[[Float64, Float64, Float64], None]:
    spec = PathFinder.find_spec("_sosfilt", [str(Path(scipy.__file__).parent / "signal")])
    if spec is None or spec.loader is None:  # another layout of SciPy's files: slower to import, and the same filter
        from scipy.signal import sosfilt

        return cast(Callable[[Float64, Float64, Float64], None], sosfilt.__globals__["_sosfilt"])
    extension = module_from_spec(spec)
    spec.loader.exec_module(extension)
    return cast(Callable[[Float64, Float64, Float64], None], vars(extension)["_sosfilt"])
