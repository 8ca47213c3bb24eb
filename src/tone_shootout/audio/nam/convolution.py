"""Causal dilated convolution over blocks (docs/nam.md section 4.1): one matrix product per layer and block.

    y[o, t] = b[o] + Σ_j Σ_k W[o, j, k] · x[j, t − (K−1−k)·D]

The K delayed copies of x are the rows of one matrix, the *stack*, with a row of ones for the bias and, in a WaveNet,
the rows of the condition. All sums of the equation, and those of the mixin, are then one product of (outputs × rows)
with (rows × time). BLAS libraries multiply a matrix of few rows with one of a thousand columns at the full speed of the
processor, as long as the product stays below the size from which they copy the operands first.
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
    """Sizes of a convolution.

    Attributes:
        inputs: input channels.
        outputs: output channels.
        kernel: taps K.
        dilation: samples between taps, D.
        groups: blocks on the diagonal; the output channels of a group depend only on its input channels.
        bias: whether the convolution has a bias b.
    """

    inputs: int
    outputs: int
    kernel: int = 1
    dilation: int = 1
    groups: int = 1
    bias: bool = True

    @property
    def lookback(self) -> int:
        """Samples of history that an output depends on."""
        return (self.kernel - 1) * self.dilation

    @property
    def taps(self) -> int:
        """Terms of the weighted sum of an output, with the groups of W expanded: K·inputs."""
        return self.kernel * self.inputs

    @property
    def products(self) -> int:
        """Multiplications per sample, with the groups of W expanded."""
        return self.outputs * self.taps

    def tensors(self) -> list[tuple[int, ...]]:
        """Return the shapes in the file: W (outputs, inputs / groups, K), then b (outputs,) if there is a bias."""
        shapes: list[tuple[int, ...]] = [(self.outputs, self.inputs // self.groups, self.kernel)]
        return [*shapes, (self.outputs,)] if self.bias else shapes

    def take(self, tensors: Iterator[NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Take W, shape (outputs, inputs, K), with groups expanded, and b, shape (outputs,), zero without a bias."""
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
    """Return the block length in samples at which convolutions run fastest, a multiple of 16 from 64 to 4080.

    OpenBLAS multiplies matrices of up to 10^6 products without packing them first, twice as fast at these shapes.
    Blocks of more than about 4,000 samples exceed the cache without saving a significant number of calls, and rows a
    multiple of 2 KB apart compete for the same cache lines.
    """
    largest = max(conv.outputs * (conditions + 1 + conv.taps) for conv in convs)
    block = max(64, min(4080, 1_000_000 // largest // 16 * 16))
    return block - 16 if block % 512 == 0 else block


def pointwise(weight: NDArray[np.float32], x: Signal, out: Signal | None = None) -> Signal:
    """Return W·x, a 1×1 convolution without bias.

    Args:
        weight: W, shape (outputs, inputs).
        x: signal, shape (inputs, time).
        out: array for the result, shape (outputs, time).
    """
    # For one input, an outer product takes a twentieth of the time of NumPy's matrix product.
    return np.multiply(weight, x, out=out) if len(x) == 1 else np.matmul(weight, x, out=out)


class Stack:
    """Right-hand matrix of the products, shared by the convolutions of a network, which run one after another.

    Its rows are the older taps, ones, the newest tap (the block itself), and the condition. Ones, newest tap and
    condition have fixed positions, so a residual can be stored there: adding to it gives the input of the next layer.
    Summing the past first and the condition, often the largest term, last halves the maximum rounding error.
    """

    def __init__(self, convs: Sequence[ConvShape], block: int, conditions: int = 0) -> None:
        """Allocate the matrix.

        Args:
            convs: convolutions that use the matrix; those that use the condition have equal numbers of inputs.
            block: samples per block.
            conditions: rows of the condition.
        """
        self.block = block
        self._ones = max(conv.taps - conv.inputs for conv in convs)
        channels = max(conv.inputs for conv in convs)
        self._rows = np.ones((self._ones + 1 + channels + conditions, block), np.float32)
        self.condition = self._rows[self._ones + 1 + channels :]
        """Rows of the condition, shape (conditions, block), to be written once per block."""

    def newest(self, channels: int) -> Signal:
        """Return the rows of the newest tap, shape (channels, block)."""
        return self._rows[self._ones + 1 : self._ones + 1 + channels]

    def older(self, channels: int, taps: int) -> Signal:
        """Return the rows of a number of older taps, shape (taps, channels, block)."""
        return self._rows[self._ones - taps * channels : self._ones].reshape(taps, channels, self.block)

    def rows(self, channels: int, older: int, *, conditioned: bool) -> Signal:
        """Return the rows of `older` taps, the ones and the newest tap, followed by the condition if `conditioned`."""
        stop = len(self._rows) if conditioned else self._ones + 1 + channels
        return self._rows[self._ones - older * channels : stop]


class CausalConv:
    """A convolution with its history.

    Attributes:
        input: the block to convolve, shape (inputs, block), to be written before `compute`: the newest tap of the
            stack.
    """

    def __init__(
        self,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        dilation: int,
        stack: Stack,
        mixin: NDArray[np.float32] | None = None,
    ) -> None:
        """Build the left-hand matrix of the product.

        Args:
            weight: W, shape (outputs, inputs, K).
            bias: b, shape (outputs,).
            dilation: D.
            stack: workspace, shared with other convolutions.
            mixin: weights of the condition of the stack, shape (outputs, conditions); None for no condition.
        """
        _, inputs, kernel = weight.shape
        columns = [*(weight[:, :, k] for k in range(kernel - 1)), bias[:, np.newaxis], weight[:, :, -1]]
        self._matrix = np.concatenate(columns if mixin is None else [*columns, mixin], axis=1)
        self._rows = stack.rows(inputs, kernel - 1, conditioned=mixin is not None)
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
        """Store the end of the block as history."""
        if self._lookback:
            self._signal[:, : self._lookback] = self._signal[:, self._signal.shape[1] - self._lookback :]
