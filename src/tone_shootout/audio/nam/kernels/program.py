"""Networks of kernels: buffers with history, and the list of layers that run over them block by block."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.nam.convolution import Signal
from tone_shootout.audio.nam.kernels.ir import RECORD_FIELDS
from tone_shootout.audio.nam.kernels.layer import FIELDS, Layer, Plan, Weights
from tone_shootout.audio.nam.kernels.lstm import Recurrent
from tone_shootout.audio.nam.kernels.target import Target
from tone_shootout.audio.nam.model import Network

if TYPE_CHECKING:
    from tone_shootout.audio.nam.kernels.compiler import Library

TILE: Final = 64
"""Samples that every tile divides."""
LINE: Final = 16
"""Numbers in a cache line of 64 bytes."""


MAX_KERNELS: Final = 24
"""Limit of the different layers of a network; the largest known capture has 6."""


def can_compile(layers: list[Layer]) -> bool:
    """Whether a network of these layers is within the bounds of the code generator; to be checked before it is used."""
    return all(layer.fits() for layer in layers) and len(set(layers)) <= MAX_KERNELS


@dataclass(frozen=True, slots=True)
class Buffer:
    """Rows of samples, each after its history.

    Attributes:
        start: place of the current block's first sample of the first row, in numbers.
        stride: distance of two rows, in numbers; 0: all rows are the same.
        rows: number of rows.
        lookback: samples of history.
    """

    start: int
    stride: int
    rows: int
    lookback: int


@dataclass(frozen=True, slots=True)
class _Step:
    layer: Layer
    weights: NDArray[np.float32]
    delay: int
    buffers: dict[str, Buffer]


class Program:
    """A network under construction: buffers and layers in the order of computation."""

    def __init__(self, target: Target, block: int) -> None:
        self._target = target
        self._block = block
        self._samples = _up(block, TILE)
        self._size = 0
        self._buffers: list[Buffer] = []
        self._steps: list[_Step] = []

    def buffer(self, rows: int, lookback: int = 0) -> Buffer:
        """Reserve a buffer of zeros."""
        history = _up(lookback, LINE)
        stride = history + self._samples + LINE
        stride += LINE * (stride // LINE % 2 == 0)  # rows an odd number of cache lines apart do not compete for places
        found = Buffer(self._size + history, stride, rows, lookback)
        self._size += rows * stride
        self._buffers.append(found)
        return found

    def silence(self, rows: int) -> Buffer:
        """Reserve a buffer of rows that stay zero."""
        row = self.buffer(1)
        return Buffer(row.start, 0, rows, 0)

    def layer(self, layer: Layer, weights: Weights, *, dilation: int = 1, **buffers: Buffer) -> None:
        """Append a layer.

        Args:
            layer: sizes and functions.
            weights: weights.
            dilation: D.
            buffers: x, and c, h, new_h and y if the layer has them.
        """
        self._steps.append(_Step(layer, Plan(layer, self._target).pack(weights), dilation, buffers))

    def network(self, x: Buffer, y: Buffer, condition: tuple[Buffer, Network] | None = None) -> "KernelNetwork":
        """Compile the layers and allocate the buffers.

        Args:
            x: buffer of the input.
            y: buffer of the output.
            condition: network that computes the condition from the input, and the buffer for its output.
        """
        from tone_shootout.audio.nam.kernels.compiler import library  # lazy: loads LLVM

        compiled = library(frozenset(step.layer for step in self._steps), self._target)
        return KernelNetwork(compiled, self._steps, self._buffers, self._block, x, y, condition)


class KernelNetwork:
    """State and buffers of one run."""

    def __init__(
        self,
        compiled: "Library",
        steps: list[_Step],
        buffers: list[Buffer],
        block: int,
        x: Buffer,
        y: Buffer,
        condition: tuple[Buffer, Network] | None,
    ) -> None:
        self._library = compiled
        self._block = block
        self._samples = _up(block, TILE)
        last = buffers[-1]
        self._memory = aligned_zeros(last.start + last.rows * last.stride)
        self._address = self._memory.ctypes.data
        self._x, self._y = self._view(x), self._view(y)
        self._condition = (self._view(condition[0]), condition[1]) if condition else None
        self._weights = [step.weights for step in steps]  # the records have their addresses
        self._layers, self._layers_header = _table([self._record(step) for step in steps])
        self._shifts, self._shifts_header = _table([self._shift(one) for one in buffers if one.lookback])

    def compute(self, x: Signal) -> Signal:
        """Return the output (outputs, block) for a block of input (inputs, block)."""
        self._x[:] = x
        if self._condition:
            c, network = self._condition
            c[:] = network.compute(x)
        self._library.run(self._layers_header.ctypes.data, self._samples)
        return self._y

    def commit(self) -> None:
        """Store the end of the block as history."""
        if len(self._shifts):
            self._library.run(self._shifts_header.ctypes.data, self._block)
        if self._condition:
            self._condition[1].commit()

    def _view(self, buffer: Buffer) -> Signal:
        rows = self._memory[buffer.start : buffer.start + buffer.rows * buffer.stride]
        return np.lib.stride_tricks.as_strided(rows, (buffer.rows, self._block), (4 * buffer.stride, 4))

    def _record(self, step: _Step) -> list[int]:
        values = {
            "function": self._library.addresses[step.layer],
            "weights": step.weights.ctypes.data,
            "delay": 4 * step.delay,
        }
        for name, buffer in step.buffers.items():
            values[name] = self._address + 4 * buffer.start
            values[f"{name}_stride"] = 4 * buffer.stride
        return [values.get(name, 0) for name in FIELDS]

    def _shift(self, buffer: Buffer) -> list[int]:
        history = _up(buffer.lookback, LINE)
        first = self._address + 4 * (buffer.start - history)
        return [self._library.addresses["shift"], first, 4 * buffer.stride, history, buffer.rows]


class RecurrentNetwork:
    """State and buffers of one run of an LSTM."""

    def __init__(self, sizes: Recurrent, tensors: Sequence[NDArray[np.float32]], block: int, target: Target) -> None:
        """Compile the kernel.

        Args:
            sizes: sizes, within the bounds of `Recurrent.fits`.
            tensors: weights, as in `Recurrent.pack`.
            block: samples per block.
            target: instruction set.
        """
        from tone_shootout.audio.nam.kernels.compiler import library  # lazy: loads LLVM

        self._library = library(frozenset([sizes]), target)
        self._block = block
        self._x = np.zeros((sizes.inputs, block), np.float32)
        self._y = np.zeros((sizes.outputs, block), np.float32)
        self._weights = _aligned(sizes.pack(tensors))
        self._state = _aligned(sizes.pack_state(tensors))
        self._new_state = aligned_zeros(self._state.size)
        arrays = (self._weights, self._state, self._new_state)
        record = [self._library.addresses[sizes]]
        for signal in (self._x, self._y):
            record += [signal.ctypes.data, signal.strides[0]]
        self._records, self._header = _table([record + [array.ctypes.data for array in arrays]])

    def compute(self, x: Signal) -> Signal:
        """Return the output (outputs, block) for a block of input (inputs, block)."""
        self._x[:] = x
        self._library.run(self._header.ctypes.data, self._block)
        return self._y

    def commit(self) -> None:
        """Store the state after the block as the state before the next one."""
        self._state[:] = self._new_state


def aligned_zeros(size: int) -> NDArray[np.float32]:
    """Return an array of zeros that starts at a cache line."""
    memory = np.zeros(size + LINE, np.float32)
    start = -memory.ctypes.data // 4 % LINE
    return memory[start : start + size]


def _aligned(values: NDArray[np.float32]) -> NDArray[np.float32]:
    copy = aligned_zeros(values.size)
    copy[:] = values
    return copy


def _table(records: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the records in memory, and their header: address and number."""
    table = np.zeros((len(records), RECORD_FIELDS), np.int64)
    for row, record in zip(table, records, strict=True):
        row[: len(record)] = record
    return table, np.array([table.ctypes.data, len(records)], np.int64)


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
