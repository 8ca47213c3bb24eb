"""What of a machine shapes the last bits of what it computes."""

import platform
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

_OURS = ("numpy.libs", "scipy.libs")


@cache
def machine_traits() -> Mapping[str, Any]:
    """Return what decides which of its kernels a numerical library runs here, in a form that JSON has.

    The same versions of the libraries give other last bits on another kind of processor: OpenBLAS has a kernel for each
    family and sums in its order, NumPy, ONNX Runtime and the C library choose by instruction sets. Two machines with
    equal traits choose alike. The numbers of cores and of threads are no traits: no result depends on them.

    Returns:
        Architecture, the C library's or the system's version, the instruction sets that NumPy has found and may use
        (`NPY_DISABLE_CPU_FEATURES` counts), and kernel and version of each BLAS (`OPENBLAS_CORETYPE` counts).
    """
    import scipy.linalg  # noqa: F401 - its BLAS is another one than NumPy's, and has to be loaded to be asked

    found: dict[str, Any] = np.show_config(mode="dicts")  # type: ignore[assignment]  # a dictionary in this mode
    features = found.get("SIMD Extensions", {})
    libraries = [it for it in ThreadpoolController().info() if it["user_api"] == "blas"]
    # A process may have loaded others besides, which nothing of ours calls.
    ours = [it for it in libraries if any(folder in it["filepath"] for folder in _OURS)] or libraries
    return MappingProxyType(
        {
            "architecture": platform.machine(),
            "system": [platform.system(), *platform.libc_ver(), platform.mac_ver()[0]],
            "instructions": sorted({*features.get("baseline", ()), *features.get("found", ())}),
            "blas": sorted([it["internal_api"], str(it["version"]), str(it.get("architecture"))] for it in ours),
        }
    )
