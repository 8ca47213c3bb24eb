"""Causal dilated convolution over blocks (NAM.md section 4.1): one matrix product per layer and block.

    y[o, t] = b[o] + Σ_j Σ_k W[o, j, k] · x[j, t − (K−1−k)·D]

The K delayed copies of x stand under each other in one matrix, the *stack*, below a row of ones for the bias and, in a
WaveNet, below the condition's rows. All sums of the line above, and the mixin's, are then one product of
(outputs × stack rows) with (stack rows × time), which is the shape in which a processor multiplies fastest.
"""

from collections.abc import Iterable, Iterator
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
    def products(self) -> int:
        """Multiplications a sample, with the groups of W written out."""
        return self.outputs * self.inputs * self.kernel

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


def fast_block(convs: Iterable[ConvShape]) -> int:
    """Return the samples a block with which these convolutions run fastest, a multiple of 16 from 64 to 4096."""
    largest = max(conv.outputs * (conv.inputs * conv.kernel + 2) for conv in convs)
    return max(64, min(4096, 1_000_000 // largest // 16 * 16))


class Stack:
    """The matrix that convolutions of one network multiply with: condition, ones, taps. They use it in turn.

    Attributes:
        block: samples in a block.
        condition: rows (conditions, block) that the network fills once a block.
    """

    def __init__(self, conditions: int, taps: int, block: int) -> None:
        self.block = block
        self.rows = np.ones((conditions + 1 + taps, block), np.float32)
        self.condition = self.rows[:conditions]

    def part(self, taps: int, *, conditioned: bool) -> Signal:
        """Rows for a convolution of so many taps: [condition, ones, taps] or [ones, taps]."""
        ones = len(self.condition)
        return self.rows[0 if conditioned else ones : ones + 1 + taps]


class CausalConv:
    """A convolution with its history.

    Attributes:
        input: where the block to convolve is written, shape (inputs, block).
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
            stack: shared workspace with at least K·inputs tap rows.
            mixin: weights of the stack's condition rows, shape (outputs, conditions), to add their product too.
        """
        outputs, inputs, kernel = weight.shape
        taps = weight.transpose(0, 2, 1).reshape(outputs, kernel * inputs)
        columns = [bias[:, np.newaxis], taps] if mixin is None else [mixin, bias[:, np.newaxis], taps]
        self._matrix = np.ascontiguousarray(np.concatenate(columns, axis=1))
        self._rows = stack.part(kernel * inputs, conditioned=mixin is not None)
        self._stacked = self._rows[len(self._rows) - kernel * inputs :].reshape(kernel, inputs, stack.block)

        self._lookback = (kernel - 1) * dilation
        self._signal = np.zeros((inputs, self._lookback + stack.block), np.float32)
        self.input = self._signal[:, self._lookback :]
        row, sample = self._signal.strides
        self._delayed = as_strided(
            self._signal, (kernel, inputs, stack.block), (dilation * sample, row, sample), writeable=False
        )

    def compute(self, out: Signal) -> None:
        """Convolve the block in `input` into `out`, shape (outputs, block)."""
        np.copyto(self._stacked, self._delayed)
        np.matmul(self._matrix, self._rows, out=out)

    def commit(self) -> None:
        """Make the end of this block the history of the next one."""
        if self._lookback:
            self._signal[:, : self._lookback] = self._signal[:, self._signal.shape[1] - self._lookback :]
