"""The kernel of an LSTM: one loop over time, with the units of a layer across the lanes (docs/nam.md section 6).

    z = b + W·u + R·h        for the gates i, f, g, o; u is the input or the new h of the layer below
    c = σ(f)·c + σ(i)·tanh(g)
    h = σ(o)·tanh(c)
    y = v + V·h              of the last layer

Each step needs the one before it, so its latency is what counts. The sum over R·h is therefore divided into several
sums, which are added at the end, and the next step of a lower layer starts while the processor is still busy with an
upper one.

Vectors have 16 lanes with every instruction set, and units are padded to a multiple with weights of zero, so that the
order of each sum is the same everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.nam.kernels.functions import sigmoid, tanh
from tone_shootout.audio.nam.kernels.ir import Function, Value

LANES: Final = 16
GATES: Final = 4
FIELDS: Final = ("function", "x", "x_stride", "y", "y_stride", "weights", "state", "new_state")
"""Fields of a record: pointers, and strides in bytes. A state has h and c of each layer, padded."""

UNROLLED: Final = 20
"""Terms of a sum that are written out without a loop."""
MAX_UNITS: Final = 128
MAX_LAYERS: Final = 4
MAX_CHANNELS: Final = 8
"""Limits that bound the size of the code; larger networks are left to NumPy."""


@dataclass(frozen=True, slots=True)
class Recurrent:
    """Sizes of an LSTM, everything that its code depends on."""

    inputs: int
    units: int
    layers: int
    outputs: int

    @property
    def groups(self) -> int:
        """Vectors of units of a layer."""
        return -(-self.units // LANES)

    @property
    def parts(self) -> int:
        """Partial sums of R·h for each gate: more shorten a step, as long as all fit the registers."""
        return {1: 4, 2: 2}.get(self.groups, 1)

    def fits(self) -> bool:
        """Whether the code stays small."""
        channels = max(self.inputs, self.outputs)
        return self.units <= MAX_UNITS and self.layers <= MAX_LAYERS and channels <= MAX_CHANNELS

    def pack(self, tensors: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the weights in the order of use: of each layer b, W, R by input; V by output; v.

        Args:
            tensors: W and R in one, b, h0 and c0 of each layer, V, v, as in the file.
        """
        parts: list[NDArray[np.float32]] = []
        for layer in range(self.layers):
            weights, bias = tensors[4 * layer : 4 * layer + 2]
            parts += [self._padded(column.reshape(GATES, self.units)) for column in (bias, *weights.T)]
        parts += [self._padded(row[np.newaxis]) for row in tensors[-2]]
        return np.concatenate([*parts, tensors[-1]])

    def pack_state(self, tensors: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the initial state, of tensors as in `pack`."""
        states = [tensors[4 * layer + which] for layer in range(self.layers) for which in (2, 3)]
        return np.concatenate([self._padded(state[np.newaxis]) for state in states])

    def _padded(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.pad(rows, ((0, 0), (0, self.groups * LANES - self.units))).ravel()


def lstm_kernel(name: str, sizes: Recurrent) -> str:
    """Return the text of the kernel of an LSTM within the bounds of `Recurrent.fits`."""
    return _Kernel(Function(name, LANES), sizes).text()


class _Kernel:
    """A kernel under construction."""

    def __init__(self, f: Function, sizes: Recurrent) -> None:
        self._f, self._sizes = f, sizes
        kinds = ["i64" if name.endswith("stride") else "ptr" for name in FIELDS]
        self._record = {name: f.field(at, kind) for at, (name, kind) in enumerate(zip(FIELDS, kinds, strict=True))}
        self._bytes = 4 * LANES * sizes.groups

    def text(self) -> str:
        """Return its text."""
        f, sizes = self._f, self._sizes
        vectors = range(2 * sizes.layers * sizes.groups)
        state, new = self._record["state"], self._record["new_state"]
        for index in vectors:
            f.store(f.load(f.offset(state, 4 * LANES * index)), f.offset(new, 4 * LANES * index))

        def step(t: Value, _: list[Value]) -> list[Value]:
            time = f.value(f"shl i64 {t}, 2")
            weights = self._record["weights"]
            u, stride, count = f.offset(self._record["x"], time), self._record["x_stride"], sizes.inputs
            h: list[Value] = []
            for layer in range(sizes.layers):
                state = f.offset(new, 2 * self._bytes * layer)
                h, weights = self._layer(weights, u, stride, count, state)
                u, stride, count = state, "4", sizes.units
            self._head(weights, h, f.offset(self._record["y"], time))
            return []

        f.loop("%samples", 1, [], step)
        return f.text()

    def _layer(self, weights: Value, u: Value, stride: Value, count: int, state: Value) -> tuple[list[Value], Value]:
        """Advance a layer by a sample.

        Args:
            weights: address of its weights.
            u: address of its input.
            stride: distance of two inputs, bytes.
            count: number of inputs.
            state: address of h and c.

        Returns:
            The new h, and the address of the weights that follow.
        """
        f, sizes = self._f, self._sizes
        places = range(GATES * sizes.groups)
        sums = [f.load(f.offset(weights, 4 * LANES * place)) for place in places]
        weights = f.offset(weights, GATES * self._bytes)
        sums, weights = self._accumulate(sums, weights, u, stride, count, 1)
        z, weights = self._accumulate(sums, weights, state, "4", sizes.units, sizes.parts)
        new_h: list[Value] = []
        for group in range(sizes.groups):
            i, forget, g, o = (z[gate * sizes.groups + group] for gate in range(GATES))
            i, forget, g, o = sigmoid(f, i), sigmoid(f, forget), tanh(f, g), sigmoid(f, o)
            h_at = f.offset(state, 4 * LANES * group)
            c_at = f.offset(h_at, self._bytes)
            c = f.fma(forget, f.load(c_at), f.multiply(i, g))
            h = f.multiply(o, tanh(f, c))
            f.store(c, c_at)
            f.store(h, h_at)
            new_h.append(h)
        return new_h, weights

    def _accumulate(
        self, sums: list[Value], weights: Value, u: Value, stride: Value, count: int, parts: int
    ) -> tuple[list[Value], Value]:
        """Return sums + W·u, added up in so many parts, and the address of the weights that follow."""
        f = self._f
        size = GATES * self._bytes

        def products(base: list[Value] | None, w: Value, number: Value) -> list[Value]:
            columns = [f.load(f.offset(w, 4 * LANES * place)) for place in range(len(sums))]
            if base is None:
                return [f.multiply(column, number) for column in columns]
            return [f.fma(column, number, total) for column, total in zip(columns, base, strict=True)]

        if count > UNROLLED:

            def one(_: Value, carried: list[Value]) -> list[Value]:
                w, x, *totals = carried
                return [f.offset(w, size), f.offset(x, stride), *products(totals, w, f.broadcast(x))]

            start = [("ptr", weights), ("ptr", u), *((f.vector, total) for total in sums)]
            weights, _, *sums = f.loop(count, 1, start, one)
            return sums, weights

        partial: list[list[Value] | None] = [sums, *[None] * (min(parts, count) - 1)]
        for term in range(count):
            partial[term % len(partial)] = products(partial[term % len(partial)], weights, f.broadcast(u))
            weights, u = f.offset(weights, size), f.offset(u, stride)
        totals = [part for part in partial if part is not None]
        while len(totals) > 1:
            pairs = zip(totals[::2], totals[1::2], strict=False)
            rest = totals[len(totals) // 2 * 2 :]
            totals = [[f.add(a, b) for a, b in zip(*pair, strict=True)] for pair in pairs] + rest
        return totals[0], weights

    def _head(self, weights: Value, h: list[Value], y: Value) -> None:
        """Store v + V·h for each output."""
        f, sizes = self._f, self._sizes
        biases = f.offset(weights, self._bytes * sizes.outputs)
        for output in range(sizes.outputs):
            products = f.multiply(f.load(weights), h[0])
            for group, value in enumerate(h[1:], start=1):
                products = f.fma(f.load(f.offset(weights, 4 * LANES * group)), value, products)
            f.store_sum(f.sum_of_lanes(products), f.offset(biases, 4 * output), y)
            weights, y = f.offset(weights, self._bytes), f.offset(y, self._record["y_stride"])
