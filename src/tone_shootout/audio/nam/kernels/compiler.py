"""Machine code of kernels: compiled by LLVM once per set of layers, shared by all runs of the process."""

import ctypes
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Final

import llvmlite
from llvmlite import binding

from tone_shootout.audio.nam.kernels.disk import default_folder, key_of, read_object, write_object
from tone_shootout.audio.nam.kernels.ir import FIELD_BYTES, RECORD_FIELDS, Function, Value
from tone_shootout.audio.nam.kernels.layer import Layer, layer_kernel
from tone_shootout.audio.nam.kernels.lstm import LANES, Recurrent, lstm_kernel
from tone_shootout.audio.nam.kernels.target import Target

Kernel = Layer | Recurrent

Entry = Callable[[int, int], None]
"""Runs kernels: address of a header (address of the records, their number), samples."""

_LOCK: Final = threading.Lock()


@dataclass(frozen=True)
class Library:
    """Compiled kernels.

    Attributes:
        addresses: address of each kernel by its sizes; of `shift` by that name.
        run: calls the kernels of a list of records in order, without Python's lock.
    """

    addresses: Mapping[Kernel | str, int]
    run: Entry
    _engine: Any = field(repr=False)


def library(layers: frozenset[Kernel], target: Target) -> Library:
    """Return the kernels of layers, compiled now or earlier."""
    with _LOCK:
        return _library(layers, target)


@lru_cache(maxsize=64)
def _library(layers: frozenset[Kernel], target: Target) -> Library:
    ordered = sorted(layers, key=repr)
    engine = _load(_machine_code(module_text(ordered, target), target))
    addresses: dict[Kernel | str, int] = {
        layer: engine.get_function_address(f"kernel{index}") for index, layer in enumerate(ordered)
    }
    addresses["shift"] = engine.get_function_address("shift")
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(engine.get_function_address("run"))
    return Library(addresses, run, engine)


def _machine_code(text: str, target: Target) -> bytes:
    """Return the object file of a module, from disk if an earlier process has compiled the same."""
    folder = default_folder()
    key = key_of(text, target.triple or binding.get_process_triple(), target.cpu, target.features, llvmlite.__version__)
    code = read_object(folder, key) if folder else None
    if code is None:
        code = compile_text(text, target)
        if folder:
            write_object(folder, key, code)
    return code


def module_text(kernels: Sequence[Kernel], target: Target) -> str:
    """Return the module with `kernel0`, `kernel1`, …, `shift` and `run`."""
    lines: list[str] = []
    for lanes in sorted({target.lanes, LANES}):
        vector = f"<{lanes} x float>"
        lines += [
            f"declare {vector} @llvm.fma.v{lanes}f32({vector}, {vector}, {vector})",
            f"declare {vector} @llvm.fabs.v{lanes}f32({vector})",
        ]
    for index, kernel in enumerate(kernels):
        name = f"kernel{index}"
        lines.append(layer_kernel(name, kernel, target) if isinstance(kernel, Layer) else lstm_kernel(name, kernel))
    return "\n".join([*lines, _shift(target.lanes), _run(target.lanes)])


def compile_text(text: str, target: Target) -> bytes:
    """Return the object file of a module. LLVM adds no passes of its own that could change a sum."""
    machine = _machine(target)
    module = binding.parse_assembly(text)
    module.triple = target.triple or binding.get_process_triple()
    return bytes(machine.emit_object(module))


def assembly(text: str, target: Target) -> str:
    """Return the assembly of a module, for tests."""
    module = binding.parse_assembly(text)
    module.triple = target.triple or binding.get_process_triple()
    return str(_machine(target).emit_assembly(module))


@cache
def initialize() -> None:
    """Prepare LLVM for this processor."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()


@cache
def _machine(target: Target) -> Any:
    if target.triple:
        binding.initialize_all_targets()
        binding.initialize_all_asmprinters()
    else:
        initialize()
    family = binding.Target.from_triple(target.triple or binding.get_process_triple())
    return family.create_target_machine(
        cpu=target.cpu, features=target.features, opt=2, reloc="pic", codemodel="jitdefault", jit=True
    )


def _load(content: bytes) -> Any:
    """Load an object file into this process."""
    initialize()
    machine = binding.Target.from_default_triple().create_target_machine()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.add_object_file(binding.ObjectFileRef.from_data(content))
    engine.finalize_object()
    return engine


def _run(lanes: int) -> str:
    """Return the kernel that calls the kernels of a list of records: a header has its address and length."""
    f = Function("run", lanes)
    records, count = f.field(0, "ptr"), f.field(1, "i64")

    def one(_: Value, carried: list[Value]) -> list[Value]:
        (record,) = carried
        f.call(f.value(f"load ptr, ptr {record}, align 8"), record, "%samples")
        return [f.offset(record, FIELD_BYTES * RECORD_FIELDS)]

    f.loop(count, 1, [("ptr", records)], one)
    return f.text()


def _shift(lanes: int) -> str:
    """Return the kernel that moves the last samples of a buffer's rows to their start, as history of the next block.

    Fields of its record: function, first row, stride, samples of history, rows. It moves whole vectors, forward, so it
    may write a few samples of the next block, which are computed after it.
    """
    f = Function("shift", lanes)
    first, stride, history, rows = (f.field(1, "ptr"), *(f.field(index, "i64") for index in (2, 3, 4)))
    distance = f.value("shl i64 %samples, 2")

    def move(_: Value, carried: list[Value]) -> list[Value]:
        (row,) = carried

        def vector(index: Value, __: list[Value]) -> list[Value]:
            to = f.offset(row, f.value(f"shl i64 {index}, 2"))
            f.store(f.load(f.offset(to, distance)), to)
            return []

        f.loop(history, lanes, [], vector)
        return [f.offset(row, stride)]

    f.loop(rows, 1, [("ptr", first)], move)
    return f.text()
