"""Causal dilated convolution over blocks (docs/nam.md section 4.1): one matrix product per layer and block.

    y[o, t] = b[o] + Σ_j Σ_k W[o, j, k] · x[j, t − (K−1−k)·D]

The K delayed copies of x stand under each other in one matrix, the *stack*, with a row of ones for the bias and, in a
WaveNet, the condition's rows. All sums of the line above, and the mixin's, are then one product of
(outputs × rows) with (rows × time). BLAS libraries multiply a matrix of few rows with one of a thousand columns at the
processor's full speed, as long as the product stays below the size from which they copy the operands first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Signal = NDArray[np.float32]
"""A block of a signal, shape (channels, time)."""


@dataclass(frozen=True, slots=True)
class ConvShape:
    """The sizes of a convolution; a kernel of 1 is a product at each sample alone.

    Attributes:
        inputs: channels in.
        outputs: channels out.
        kernel: taps K.
        dilation: samples between taps D.
        groups: blocks on the diagonal; output channels of a group see its input channels alone.
        bias: whether b is there.
    """

    inputs: int
    outputs: int
    kernel: int = 1
    dilation: int = 1
    groups: int = 1
    bias: bool = True

    @property
    def lookback(self) -> int:
        """Samples of history that an output needs."""
        return (self.kernel - 1) * self.dilation

    @property
    def taps(self) -> int:
        """Numbers that an output is a weighted sum of, with the groups of W written out: K·inputs."""
        return self.kernel * self.inputs

    @property
    def products(self) -> int:
        """Multiplications a sample, with the groups of W written out."""
        return self.outputs * self.taps

    def tensors(self) -> list[tuple[int, ...]]:
        """Shapes in the file: W (outputs, inputs / groups, K), then b (outputs,)."""
        shapes: list[tuple[int, ...]] = [(self.outputs, self.inputs // self.groups, self.kernel)]
        return [*shapes, (self.outputs,)] if self.bias else shapes

    def take(self, tensors: Iterator[NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Take W (outputs, inputs, K) with its groups written out, and b (outputs,), zero where it is not there."""
        grouped = next(tensors)
        bias = next(tensors) if self.bias else np.zeros(self.outputs, np.float32)
        if self.groups == 1:
            return grouped, bias
        weight = np.zeros((self.outputs, self.inputs, self.kernel), np.float32)
        rows, columns = self.outputs // self.groups, self.inputs // self.groups
        for group in range(self.groups):
            out = slice(group * rows, (group + 1) * rows)
            weight[out, group * columns : (group + 1) * columns] = grouped[out]
        return weight, bias


def fast_block(convs: Iterable[ConvShape], conditions: int = 0) -> int:
    """Return the samples a block with which these convolutions run fastest, a multiple of 16 from 64 to 4080.

    OpenBLAS multiplies matrices of up to 10^6 products without packing them first, twice as fast at these shapes.
    Longer blocks than about 4,000 samples save no calls worth counting and leave the cache, and rows a multiple of 2 KB
    apart compete for the same few places in it.
    """
    largest = max(conv.outputs * (conditions + 1 + conv.taps) for conv in convs)
    block = max(64, min(4080, 1_000_000 // largest // 16 * 16))
    return block - 16 if block % 512 == 0 else block


def pointwise(weight: NDArray[np.float32], x: Signal, out: Signal | None = None) -> Signal:
    """Return W·x, a 1×1 convolution without bias.

    Args:
        weight: W, shape (outputs, inputs).
        x: signal, shape (inputs, time).
        out: where to write the result, shape (outputs, time).
    """
    # NumPy has no fast way for a matrix product over one input; as an outer product it takes a twentieth of the time.
    return np.multiply(weight, x, out=out) if len(x) == 1 else np.matmul(weight, x, out=out)


class Stack:
    """The matrix that the convolutions of a network multiply with, one after the other.

    Its rows are the older taps, ones, the newest tap (the block itself), and the condition. Ones, newest tap and
    condition always stand in the same place; so a residual can live there: adding to it makes the next layer's input.
    Summing the past first and the condition last, often the largest term, halves the largest rounding error.
    """

    def __init__(self, convs: Sequence[ConvShape], block: int, conditions: int = 0) -> None:
        """Allocate it.

        Args:
            convs: the convolutions that will use it; those that use the condition have equally many inputs.
            block: samples in a block.
            conditions: rows of the condition.
        """
        self.block = block
        self._ones = max(conv.taps - conv.inputs for conv in convs)
        channels = max(conv.inputs for conv in convs)
        self._rows = np.ones((self._ones + 1 + channels + conditions, block), np.float32)
        self.condition = self._rows[self._ones + 1 + channels :]
        """Where the condition is written once a block, shape (conditions, block)."""

    def newest(self, channels: int) -> Signal:
        """Where the newest tap is written, shape (channels, block)."""
        return self._rows[self._ones + 1 : self._ones + 1 + channels]

    def older(self, channels: int, taps: int) -> Signal:
        """Where so many older taps of so many channels are written, shape (taps, channels, block)."""
        return self._rows[self._ones - taps * channels : self._ones].reshape(taps, channels, self.block)

    def filled(self, channels: int, older: int, *, conditioned: bool) -> Signal:
        """Rows of so many older taps, ones, and the newest tap of so many channels, with the condition or without."""
        stop = len(self._rows) if conditioned else self._ones + 1 + channels
        return self._rows[self._ones - older * channels : stop]


class CausalConv:
    """A convolution with its history.

    Attributes:
        input: where the block to convolve is written, shape (inputs, block): the stack's newest tap.
    """

    def __init__(
        self,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        dilation: int,
        stack: Stack,
        mixin: NDArray[np.float32] | None = None,
    ) -> None:
        """Lay out the product.

        Args:
            weight: W, shape (outputs, inputs, K).
            bias: b, shape (outputs,).
            dilation: D.
            stack: workspace, shared with other convolutions.
            mixin: weights of the stack's condition, shape (outputs, conditions), to add their product too.
        """
        _, inputs, kernel = weight.shape
        columns = [*(weight[:, :, k] for k in range(kernel - 1)), bias[:, np.newaxis], weight[:, :, -1]]
        self._matrix = np.concatenate(columns if mixin is None else [*columns, mixin], axis=1)
        self._rows = stack.filled(inputs, kernel - 1, conditioned=mixin is not None)
        self.input = stack.newest(inputs)
        self._older = stack.older(inputs, kernel - 1)

        self._lookback = (kernel - 1) * dilation
        self._signal = np.zeros((inputs, self._lookback + stack.block), np.float32)
        self._present = self._signal[:, self._lookback :]
        row, sample = self._signal.strides
        self._delayed = as_strided(self._signal, self._older.shape, (dilation * sample, row, sample), writeable=False)

    def compute(self, out: Signal) -> None:
        """Convolve the block in `input` into `out`, shape (outputs, block)."""
        if self._lookback:
            np.copyto(self._present, self.input)
            np.copyto(self._older, self._delayed)
        self._matrix.dot(self._rows, out=out)

    def commit(self) -> None:
        """Make the end of this block the history of the next one."""
        if self._lookback:
            self._signal[:, : self._lookback] = self._signal[:, self._signal.shape[1] - self._lookback :]
