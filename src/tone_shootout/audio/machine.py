"""Traits of a machine that affect the rounding of its floating-point results."""

import platform
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from tone_shootout.audio.nam.kernels.target import engine_name
from tone_shootout.audio.scipy_parts import load_part

_WHEEL_FOLDERS = ("numpy.libs", "scipy.libs")


@cache
def machine_traits() -> Mapping[str, Any]:
    """Return the traits by which numerical libraries select their kernels, as JSON-compatible values.

    Equal versions of the libraries round differently on different processors: OpenBLAS has a kernel with its own order
    of summation per processor family; NumPy and the C library select by instruction set. Machines with equal traits
    select equal kernels. The numbers of cores and threads are not included: no result depends on them. Nor is the
    instruction set of compiled captures (`nam.kernels`), only whether they are compiled.

    Returns:
        Architecture, version of the C library or the system, instruction sets that NumPy has detected and may use
        (respects `NPY_DISABLE_CPU_FEATURES`), kernel and version of each BLAS (respects `OPENBLAS_CORETYPE`), and
        `kernels` or `numpy` for the engine of captures (respects `SHOOTOUT_ENGINE`).
    """
    load_part("linalg._fblas", "dgemm")  # SciPy has its own BLAS, which is only listed after it is loaded
    found: dict[str, Any] = np.show_config(mode="dicts")  # type: ignore[assignment]  # a dictionary in this mode
    features = found.get("SIMD Extensions", {})
    libraries = [it for it in ThreadpoolController().info() if it["user_api"] == "blas"]
    # A process may have loaded other BLAS libraries, which this package does not call.
    used = [it for it in libraries if any(folder in it["filepath"] for folder in _WHEEL_FOLDERS)] or libraries
    return MappingProxyType(
        {
            "architecture": platform.machine(),
            "system": [platform.system(), *platform.libc_ver(), platform.mac_ver()[0]],
            "instructions": sorted({*features.get("baseline", ()), *features.get("found", ())}),
            "engine": engine_name(),
            "blas": sorted([it["internal_api"], str(it["version"]), str(it.get("architecture"))] for it in used),
        }
    )
