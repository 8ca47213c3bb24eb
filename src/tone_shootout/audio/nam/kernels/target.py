"""Instruction sets that kernels are compiled for, and the one of this processor."""

import ctypes
import mmap
import os
import platform
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Final

from tone_shootout.audio.nam.errors import NamError

VARIABLE: Final = "SHOOTOUT_ENGINE"
"""Environment variable with the name of a target, or `numpy` for no kernels; empty: the best target of the processor.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """An instruction set.

    Attributes:
        name: short name.
        triple: processor family and binary format of LLVM; empty: those of this process.
        cpu: name of a processor with this instruction set.
        features: names of further instructions.
        required: features that a processor needs, as LLVM names them.
        lanes: float32 numbers in a vector register.
        accumulators: registers for the sums of a tile.
        tile_rows: rows of a tile, at most, if that gives it more than one vector of time.
    """

    name: str
    triple: str
    cpu: str
    features: str
    required: frozenset[str]
    lanes: int
    accumulators: int
    tile_rows: int

    def vectors(self, rows: int) -> int:
        """Return how many vectors of time a tile of so many rows has: a power of two, up to 4."""
        found = 4
        while found > 1 and min(rows, self.tile_rows) * found > self.accumulators:
            found //= 2
        return found


AVX512: Final = Target(
    "avx512", "", "x86-64-v4", "", frozenset({"avx512f", "avx512vl", "avx512dq", "avx512bw", "fma"}), 16, 16, 16
)
AVX2: Final = Target("avx2", "", "x86-64-v3", "", frozenset({"avx2", "fma"}), 8, 12, 6)
NEON: Final = Target("neon", "", "generic", "+neon", frozenset({"neon"}), 4, 24, 12)
TARGETS: Final = (AVX512, AVX2, NEON)


def host_target() -> Target | None:
    """Return the target of this process: as the environment variable names it, else the best that the processor has.

    Returns:
        None for NumPy: requested, or this processor or system can't run compiled kernels.

    Raises:
        NamError: `unsupported`: the variable names something else, or a target that this processor does not have.
    """
    return _target(os.environ.get(VARIABLE, "").strip().lower())


def engine_name() -> str:
    """Return `kernels` or `numpy`, without loading LLVM; processors without a target differ in other traits."""
    requested = os.environ.get(VARIABLE, "").strip().lower() == "numpy"
    return "numpy" if requested or find_spec("llvmlite") is None else "kernels"


@cache
def _target(wanted: str) -> Target | None:
    if wanted == "numpy":
        return None
    features = _features()
    usable = {target.name: target for target in TARGETS if target.required <= features}
    if wanted and wanted not in usable:
        known = ", ".join(["numpy", *usable])
        raise NamError("unsupported", "", f"{VARIABLE}: expected {known} or nothing, got {wanted[:40]!r}")
    return usable[wanted] if wanted else next(iter(usable.values()), None)


@cache
def _features() -> frozenset[str]:
    """Return the instruction sets of this processor; empty if this system can't run compiled code."""
    if not _may_execute():
        return frozenset()
    try:
        from llvmlite import binding
    except (ImportError, OSError):
        return frozenset()
    try:
        found = binding.get_host_cpu_features()
    except RuntimeError:
        return frozenset()
    baseline = {"neon"} if platform.machine() in ("aarch64", "arm64") else set()
    return frozenset(baseline | {name for name, present in found.items() if present})


def _may_execute() -> bool:
    """Whether the system lets this process make memory executable; hardened services may not, and LLVM would abort."""
    page = mmap.mmap(-1, mmap.PAGESIZE)
    mapped = (ctypes.c_char * mmap.PAGESIZE).from_buffer(page)
    protect = ctypes.CDLL(None).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    allowed = protect(ctypes.addressof(mapped), mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC) == 0
    protect(ctypes.addressof(mapped), mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE)
    return bool(allowed)
