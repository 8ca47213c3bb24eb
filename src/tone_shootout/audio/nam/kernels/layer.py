"""The kernel of a layer: one loop over time that fuses everything from its input to the input of the next layer.

    z = b + Σ_k Σ_j W[:, j, k]·x[j, t - (K-1-k)·D] + Σ_i M[:, i]·c[i, t]         convolution and mixin
    a = act(z)                or, with the halves p, q of z, gated or blended      activation
    h[t] += a                 or h[t] += b₁ + V·a                                  head, or head1x1
    y[t] = x[t] + b₂ + U·a    or a, or x                                           residual, or the output itself

Time runs across the lanes of the vectors; a weight is one number, broadcast to all lanes. A tile is the group of output
rows times the vectors of time that are computed together, so that all sums stay in registers. For each row and sample,
the order of summation is that of the formulas, whatever the tile: it decides about the speed, never about the bytes.

Weights, delays and buffers are arguments, so layers of equal sizes share a kernel.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.nam.kernels.functions import PARAMETERS, activate
from tone_shootout.audio.nam.kernels.ir import Function, Value
from tone_shootout.audio.nam.kernels.target import Target

FIELDS: Final = (
    "function", "x", "x_stride", "delay", "weights", "c", "c_stride",
    "h", "h_stride", "new_h", "new_h_stride", "y", "y_stride",
)  # fmt: skip
"""Fields of a record, the arguments of a kernel: pointers to a first row, and strides and delays in bytes."""

UNROLLED: Final = 160
"""Multiplications of a tile that are written out without a loop."""

MAX_ROWS: Final = 64
"""Limit of the rows of z, and of the channels of input, condition and head: larger layers are left to NumPy, whose
matrix products are as fast for them. It bounds the size of the code."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Sizes and functions of a layer, everything that its code depends on.

    Attributes:
        inputs: rows of x.
        outputs: rows of z.
        kernel: taps K.
        conditions: rows of c; 0 for a layer without a mixin.
        activation: act, a name of `functions.activate`.
        gating: `none`; `gated`, a = act(p)·sec(q); `blended`, a = sec(q)·act(p) + (1 - sec(q))·p.
        secondary: sec.
        head: rows of h; 0 for none.
        head1x1: whether the head has weights V; otherwise h has the rows of a.
        output: y: `a`, `x` (passed on), or `residual` (x + b₂ + U·a).
    """

    inputs: int
    outputs: int
    kernel: int = 1
    conditions: int = 0
    activation: str = "Linear"
    gating: str = "none"
    secondary: str = "Linear"
    head: int = 0
    head1x1: bool = False
    output: Literal["a", "x", "residual"] = "a"

    @property
    def rows(self) -> int:
        """Rows of a."""
        return self.outputs if self.gating == "none" else self.outputs // 2

    def fits(self) -> bool:
        """Whether the code stays small."""
        return max(self.inputs, self.outputs, self.conditions, self.head) <= MAX_ROWS


@dataclass(frozen=True, slots=True)
class Plan:
    """Division of a layer into tiles, and the places of its weights in memory.

    The weights are stored in the order of use: for each group of rows of z, b, then W by tap and input, then M; then
    the parameters of act and sec; then, for each group of rows of h and of y, the bias, then V or U by input.
    """

    layer: Layer
    target: Target

    @property
    def vectors(self) -> int:
        """Vectors of time in a tile."""
        layer = self.layer
        rows = (layer.outputs, layer.head, layer.inputs if layer.output == "residual" else 0)
        return self.target.vectors(max(rows))

    @property
    def products(self) -> int:
        """Multiplications of head1x1 and residual in a tile."""
        layer = self.layer
        rows = layer.head * layer.head1x1 + layer.inputs * (layer.output == "residual")
        return rows * layer.rows * self.vectors

    def groups(self, rows: int, *, halves: bool = False) -> list[range]:
        """Divide rows into groups of a tile; of one half only, if both halves of z are computed together."""
        most = max(1, self.target.accumulators // self.vectors // (2 if halves else 1))
        size = math.ceil(rows / math.ceil(rows / most))
        return [range(start, min(start + size, rows)) for start in range(0, rows, size)]

    def conv_groups(self) -> list[list[int]]:
        """Return the rows of z of each group; with gating, of p and the rows of q that belong to them."""
        layer = self.layer
        if layer.gating == "none":
            return [list(group) for group in self.groups(layer.outputs)]
        return [[*group, *(layer.rows + row for row in group)] for group in self.groups(layer.rows, halves=True)]

    def pack(self, weights: "Weights") -> NDArray[np.float32]:
        """Return the weights in the order of use."""
        layer = self.layer
        parts: list[NDArray[np.float32]] = []
        for rows in self.conv_groups():
            taps = weights.conv[rows].transpose(2, 1, 0)
            parts += [weights.bias[rows], taps.ravel()]
            if layer.conditions and weights.mixin is not None:
                parts.append(weights.mixin[rows].T.ravel())
        parts += [it.ravel() for it in (weights.parameters, weights.secondary_parameters) if it is not None]
        for pair, count in ((weights.head, layer.head), (weights.back, layer.inputs)):
            if pair is not None:
                weight, bias = pair
                for group in self.groups(count):
                    parts += [bias[group], weight[group].T.ravel()]
        return np.concatenate([np.ascontiguousarray(part, np.float32) for part in parts])


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of a layer.

    Attributes:
        conv: W, shape (outputs, inputs, K).
        bias: b, shape (outputs,).
        mixin: M, shape (outputs, conditions), or None.
        head: V and b₁, shapes (head, rows) and (head,), or None.
        back: U and b₂, shapes (inputs, rows) and (inputs,), or None.
        parameters: of act, shape (rows, number of parameters), or None.
        secondary_parameters: of sec, or None.
    """

    conv: NDArray[np.float32]
    bias: NDArray[np.float32]
    mixin: NDArray[np.float32] | None = None
    head: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
    back: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
    parameters: NDArray[np.float32] | None = None
    secondary_parameters: NDArray[np.float32] | None = None


Tile = list[list[Value]]
"""A value for each row of a group and each vector of time."""
Rows = Callable[[Value | int], list[Value]]
"""Loads the vectors of time of an input row."""


def layer_kernel(name: str, layer: Layer, target: Target) -> str:
    """Return the text of the kernel of a layer.

    Args:
        name: its symbol.
        layer: sizes and functions, within the bounds of `Layer.fits`.
        target: instruction set, which decides about the tiles.
    """
    return _Kernel(Function(name, target.lanes), Plan(layer, target)).text()


class _Kernel:
    """A kernel under construction."""

    def __init__(self, f: Function, plan: Plan) -> None:
        self._f, self._plan, self._layer = f, plan, plan.layer
        self._vectors = range(plan.vectors)
        self._bytes = 4 * f.lanes
        self._used = 0  # weights that have been read, in floats
        kinds = ["i64" if name.endswith("stride") or name == "delay" else "ptr" for name in FIELDS]
        self._record = {
            name: f.field(index, kind) for index, (name, kind) in enumerate(zip(FIELDS, kinds, strict=True)) if index
        }
        # A result that stays in registers is cheaper, unless there are too many.
        self._direct = plan.products <= 4 * UNROLLED
        self._scratch = None if self._direct else f.scratch(plan.layer.rows * plan.vectors)

    def text(self) -> str:
        """Return its text."""
        f = self._f

        def tile(t: Value, _: list[Value]) -> list[Value]:
            self._used = 0
            self._last: dict[str, tuple[int, Value]] = {}
            self._time = f.value(f"shl i64 {t}, 2")
            self._now = {name: f.offset(self._record[name], self._time) for name in ("x", "c", "h", "new_h", "y")}
            self._compute()
            return []

        f.loop("%samples", self._plan.vectors * f.lanes, [], tile)
        return f.text()

    def _compute(self) -> None:
        layer, plan = self._layer, self._plan
        groups = plan.conv_groups()
        conv = sum(len(rows) * (1 + layer.inputs * layer.kernel + layer.conditions) for rows in groups)
        self._parameters_at = conv
        a: Tile = []
        for rows in groups:
            z = self._convolve(len(rows))
            for row, vectors in zip(rows, self._activate(rows, z), strict=False):
                a.append(vectors)
                self._finish_row(row, vectors)
        self._used = conv + layer.rows * (PARAMETERS.get(layer.activation, 0) + PARAMETERS.get(layer.secondary, 0))
        if layer.head1x1:
            self._multiply(a, layer.head, self._add_to_head)
        if layer.output == "residual":
            self._multiply(a, layer.inputs, self._add_to_residual)
        if layer.output == "x":
            for row in range(layer.inputs):
                self._store("y", row, self._row("x", row))

    def _convolve(self, rows: int) -> Tile:
        """Return z of the next group of rows: bias, taps from the oldest to the newest, condition."""
        f, layer = self._f, self._layer
        weights = self._weights(rows * (1 + layer.inputs * layer.kernel + layer.conditions))
        z = [[f.broadcast(weights, row)] * len(self._vectors) for row in range(rows)]
        weights = f.offset(weights, 4 * rows)
        oldest = self._now["x"]
        if layer.kernel > 1:
            oldest = f.offset(oldest, f.value(f"mul i64 {self._record['delay']}, {1 - layer.kernel}"))
        tap_products = rows * layer.inputs * len(self._vectors)
        if layer.kernel * tap_products <= UNROLLED:
            for _ in range(layer.kernel):
                z = self._accumulate(z, weights, oldest, self._record["x_stride"], layer.inputs)
                weights = f.offset(weights, 4 * rows * layer.inputs)
                oldest = f.offset(oldest, self._record["delay"])
        else:

            def tap(_: Value, carried: list[Value]) -> list[Value]:
                x, w, *flat = carried
                sums = self._accumulate(self._fold(flat), w, x, self._record["x_stride"], layer.inputs)
                x, w = f.offset(x, self._record["delay"]), f.offset(w, 4 * rows * layer.inputs)
                return [x, w, *_flat(sums)]

            z = self._repeat(tap, layer.kernel, z, oldest, weights)
            weights = f.offset(weights, 4 * rows * layer.inputs * layer.kernel)
        if layer.conditions:
            z = self._accumulate(z, weights, self._now["c"], self._record["c_stride"], layer.conditions)
        return z

    def _accumulate(self, sums: Tile, weights: Value, x: Value, stride: Value, inputs: int) -> Tile:
        """Return sums + Σ_j w[:, j]·x[j] for the input rows at x, `stride` bytes apart."""
        f = self._f
        if inputs * len(sums) * len(self._vectors) <= UNROLLED:
            for _ in range(inputs):
                sums = self._add_products(sums, weights, self._load(x))
                x, weights = f.offset(x, stride), f.offset(weights, 4 * len(sums))
            return sums

        def one(_: Value, carried: list[Value]) -> list[Value]:
            x, w, *flat = carried
            added = self._add_products(self._fold(flat), w, self._load(x))
            return [f.offset(x, stride), f.offset(w, 4 * len(added)), *_flat(added)]

        return self._repeat(one, inputs, sums, x, weights)

    def _add_products(self, sums: Tile, weights: Value, x: list[Value]) -> Tile:
        """Return sums + w·x for one input row."""
        f = self._f
        result: Tile = []
        for row, vectors in enumerate(sums):
            w = f.broadcast(weights, row)
            result.append([f.fma(w, value, total) for value, total in zip(x, vectors, strict=True)])
        return result

    def _activate(self, rows: Sequence[int], z: Tile) -> Iterator[list[Value]]:
        """Yield the vectors of a for each row of a group of rows of z."""
        f, layer = self._f, self._layer
        half = len(rows) if layer.gating == "none" else len(rows) // 2
        for index, row in enumerate(rows[:half]):
            p = z[index]
            acted = self._apply(layer.activation, row, p)
            if layer.gating == "none":
                yield acted
                continue
            second = self._apply(layer.secondary, row, z[half + index], after=layer.activation)
            if layer.gating == "blended":
                differences = [f.subtract(value, plain) for value, plain in zip(acted, p, strict=True)]
                yield [f.fma(q, value, plain) for q, value, plain in zip(second, differences, p, strict=True)]
            else:
                yield [f.multiply(value, q) for value, q in zip(acted, second, strict=True)]

    def _apply(self, kind: str, row: int, vectors: list[Value], after: str | None = None) -> list[Value]:
        f, count = self._f, PARAMETERS.get(kind, 0)
        skipped = self._layer.rows * PARAMETERS.get(after, 0) if after else 0
        start = self._parameters_at + skipped + row * count
        found = [f.broadcast(self._record["weights"], start + index) for index in range(count)]
        return [activate(f, kind, value, found) for value in vectors]

    def _finish_row(self, row: int, a: list[Value]) -> None:
        """Use a row of a: output, head, or keep it for the products of all rows."""
        if self._layer.output == "a":
            self._store("y", row, a)
        if self._layer.head and not self._layer.head1x1:
            self._add_to_head(row, a)
        if self._scratch is not None:
            pointer = self._f.offset(self._scratch, row * len(a) * self._bytes)
            self._store_at(pointer, a)

    def _multiply(self, a: Tile, rows: int, use: Callable[[int, list[Value]], None]) -> None:
        """Compute b + W·a in groups of rows, and use each row."""
        f, inputs = self._f, len(a)
        for group in self._plan.groups(rows):
            weights = self._weights(len(group) * (1 + inputs))
            sums = [[f.broadcast(weights, row)] * len(self._vectors) for row in range(len(group))]
            weights = f.offset(weights, 4 * len(group))
            if self._scratch is None:
                for vectors in a:
                    sums = self._add_products(sums, weights, vectors)
                    weights = f.offset(weights, 4 * len(group))
            else:
                stride = str(len(self._vectors) * self._bytes)
                sums = self._accumulate(sums, weights, self._scratch, stride, inputs)
            for row, vectors in zip(group, sums, strict=True):
                use(row, vectors)

    def _add_to_head(self, row: int, a: list[Value]) -> None:
        total = [self._f.add(old, new) for old, new in zip(self._row("h", row), a, strict=True)]
        self._store("new_h", row, total)

    def _add_to_residual(self, row: int, a: list[Value]) -> None:
        total = [self._f.add(old, new) for old, new in zip(self._row("x", row), a, strict=True)]
        self._store("y", row, total)

    # Memory

    def _weights(self, count: int) -> Value:
        """Return the address of the next weights in the order of use."""
        found = self._f.offset(self._record["weights"], 4 * self._used)
        self._used += count
        return found

    def _address(self, name: str, row: int) -> Value:
        """Return the address of a row at the time of the tile, from the one before it where possible."""
        f, stride = self._f, self._record[name + "_stride"]
        last, pointer = self._last.get(name, (0, self._now[name]))
        if row == last + 1:
            pointer = f.offset(pointer, stride)
        elif row != last:
            pointer = f.offset(self._now[name], f.value(f"mul i64 {stride}, {row}"))
        self._last[name] = (row, pointer)
        return pointer

    def _row(self, name: str, row: int) -> list[Value]:
        return self._load(self._address(name, row))

    def _store(self, name: str, row: int, vectors: list[Value]) -> None:
        self._store_at(self._address(name, row), vectors)

    def _load(self, pointer: Value) -> list[Value]:
        return [self._f.load(self._f.offset(pointer, v * self._bytes)) for v in self._vectors]

    def _store_at(self, pointer: Value, vectors: list[Value]) -> None:
        for v, value in enumerate(vectors):
            self._f.store(value, self._f.offset(pointer, v * self._bytes))

    # Loops over sums

    def _repeat(
        self, body: Callable[[Value, list[Value]], list[Value]], count: int, sums: Tile, x: Value, weights: Value
    ) -> Tile:
        flat = [(self._f.vector, value) for value in _flat(sums)]
        _, _, *result = self._f.loop(count, 1, [("ptr", x), ("ptr", weights), *flat], body)
        return self._fold(result)

    def _fold(self, flat: list[Value]) -> Tile:
        size = len(self._vectors)
        return [flat[start : start + size] for start in range(0, len(flat), size)]


def _flat(tile: Tile) -> list[Value]:
    return [value for vectors in tile for value in vectors]
