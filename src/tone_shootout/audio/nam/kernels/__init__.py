"""Kernels: the layers of a capture as machine code, generated and compiled when a run starts.

`ir` writes the text of LLVM functions, `functions` the activations and `layer` a whole layer with it. `target` lists
the instruction sets, `compiler` turns text into machine code, and `program` runs the kernels of a network over blocks.

Every sum has one order and every fused multiply-add is explicit, so the same file and input give the same bytes with
every instruction set that has a target, in every process.
"""

from contextlib import suppress
from typing import Final

from tone_shootout.audio.nam.errors import NamError
from tone_shootout.audio.nam.kernels.target import host_target

KERNEL_BLOCK: Final = 1024
"""Samples per block of kernels: buffers of all layers fit the second level of the cache."""


def load_compiler() -> None:
    """Load the compiler, if this process can use it, so that child processes need not."""
    with suppress(NamError):  # an unknown engine, which each run reports
        if host_target():
            from tone_shootout.audio.nam.kernels import compiler

            compiler.initialize()


__all__ = ["KERNEL_BLOCK", "host_target", "load_compiler"]
