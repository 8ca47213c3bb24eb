"""Text of LLVM functions: the few instructions that kernels are made of.

A value is its name in the text, such as `%v7`. Vectors have a fixed number of lanes of float32 per function. No
instruction carries a fast-math flag and every fused multiply-add is explicit, so the compiler may neither reorder sums
nor fuse more: each lane computes the same bytes on every processor.
"""

import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

import numpy as np

Value = str

FIELD_BYTES: Final = 8
RECORD_FIELDS: Final = 16
"""Fields of a record, the arguments of a kernel; the first is the kernel's own address."""


class Function:
    """A function under construction, `void name(ptr record, i64 samples)`.

    Args:
        name: symbol.
        lanes: float32 numbers in a vector.
    """

    def __init__(self, name: str, lanes: int) -> None:
        self.lanes = lanes
        self.vector = f"<{lanes} x float>"
        self._integers = f"<{lanes} x i32>"
        self._head = f"define void @{name}(ptr %record, i64 %samples) nounwind {{"
        self._lines: list[str] = []
        self._count = 0
        self._block = "entry"

    def text(self) -> str:
        """Return the complete function."""
        return "\n".join([self._head, "entry:", *self._lines, "  ret void", "}", ""])

    def value(self, instruction: str) -> Value:
        """Append an instruction and return its result."""
        name = self._name()
        self._lines.append(f"  {name} = {instruction}")
        return name

    def _name(self) -> Value:
        self._count += 1
        return f"%v{self._count}"

    # Memory

    def field(self, index: int, kind: str) -> Value:
        """Load a field of the record: a pointer (`ptr`) or an integer (`i64`), eight bytes each."""
        return self.value(f"load {kind}, ptr {self.offset('%record', FIELD_BYTES * index)}, align 8")

    def offset(self, pointer: Value, by: Value | int) -> Value:
        """Return a pointer moved by a number of bytes."""
        return pointer if by == 0 else self.value(f"getelementptr i8, ptr {pointer}, i64 {by}")

    def load(self, pointer: Value) -> Value:
        """Load a vector from any address."""
        return self.value(f"load {self.vector}, ptr {pointer}, align 4")

    def store(self, value: Value, pointer: Value) -> None:
        """Store a vector at any address."""
        self._lines.append(f"  store {self.vector} {value}, ptr {pointer}, align 4")

    def broadcast(self, pointer: Value, index: int = 0) -> Value:
        """Load the number at `index` into all lanes."""
        number = self.value(f"load float, ptr {self.offset(pointer, 4 * index)}, align 4")
        first = self.value(f"insertelement {self.vector} poison, float {number}, i64 0")
        zeros = f"{self._integers} zeroinitializer"
        return self.value(f"shufflevector {self.vector} {first}, {self.vector} poison, {zeros}")

    def scratch(self, vectors: int) -> Value:
        """Reserve memory for vectors on the stack."""
        name = self._name()
        self._lines.insert(0, f"  {name} = alloca {self.vector}, i64 {vectors}, align 64")
        return name

    # Arithmetic, lane by lane

    def constant(self, number: float) -> Value:
        """Return a vector with a number, rounded to float32, in all lanes."""
        return "<" + ", ".join([f"float {_hexadecimal(number)}"] * self.lanes) + ">"

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """Return a·b + c, rounded once."""
        v = self.vector
        return self.value(f"call {v} @llvm.fma.v{self.lanes}f32({v} {a}, {v} {b}, {v} {c})")

    def add(self, a: Value, b: Value) -> Value:
        """Return a + b."""
        return self.value(f"fadd {self.vector} {a}, {b}")

    def subtract(self, a: Value, b: Value) -> Value:
        """Return a - b."""
        return self.value(f"fsub {self.vector} {a}, {b}")

    def multiply(self, a: Value, b: Value) -> Value:
        """Return a·b."""
        return self.value(f"fmul {self.vector} {a}, {b}")

    def divide(self, a: Value, b: Value) -> Value:
        """Return a / b."""
        return self.value(f"fdiv {self.vector} {a}, {b}")

    def negate(self, a: Value) -> Value:
        """Return -a."""
        return self.value(f"fneg {self.vector} {a}")

    def magnitude(self, a: Value) -> Value:
        """Return |a|."""
        return self.value(f"call {self.vector} @llvm.fabs.v{self.lanes}f32({self.vector} {a})")

    def where(self, comparison: str, a: Value, b: Value, yes: Value, no: Value) -> Value:
        """Return `yes` where a comparison such as `a ogt b` holds, else `no`, also for NaN."""
        mask = self.value(f"fcmp {comparison} {self.vector} {a}, {b}")
        return self.value(f"select <{self.lanes} x i1> {mask}, {self.vector} {yes}, {self.vector} {no}")

    def clamp(self, a: Value, low: Value, high: Value) -> Value:
        """Return a between two bounds, NaN for NaN."""
        above = self.where("olt", a, low, low, a)
        return self.where("ogt", above, high, high, above)

    def times_power_of_two(self, a: Value, shifted: Value) -> Value:
        """Return a·2ⁿ for n = shifted - 1.5·2²³: the lowest bits of `shifted` are n; add them to a's exponent."""
        bits = self.value(f"bitcast {self.vector} {shifted} to {self._integers}")
        places = "<" + ", ".join(["i32 23"] * self.lanes) + ">"
        exponent = self.value(f"shl {self._integers} {bits}, {places}")
        number = self.value(f"bitcast {self.vector} {a} to {self._integers}")
        total = self.value(f"add {self._integers} {number}, {exponent}")
        return self.value(f"bitcast {self._integers} {total} to {self.vector}")

    def sum_of_lanes(self, a: Value) -> Value:
        """Return the sum of the lanes, a number: the upper half is added to the lower, until one is left."""
        lanes = self.lanes
        while lanes > 1:
            kind, lanes = f"<{lanes} x float>", lanes // 2
            low, high = (", ".join(f"i32 {lane}" for lane in range(start, start + lanes)) for start in (0, lanes))
            halves = [
                self.value(f"shufflevector {kind} {a}, {kind} poison, <{lanes} x i32> <{half}>") for half in (low, high)
            ]
            a = self.value(f"fadd <{lanes} x float> {halves[0]}, {halves[1]}")
        return self.value(f"extractelement <1 x float> {a}, i64 0")

    def store_sum(self, a: Value, bias: Value, pointer: Value) -> None:
        """Store a number plus the number at the address `bias`."""
        total = self.value(f"fadd float {a}, {self.value(f'load float, ptr {bias}, align 4')}")
        self._lines.append(f"  store float {total}, ptr {pointer}, align 4")

    # Control

    def loop(
        self,
        stop: Value | int,
        step: int,
        carried: Sequence[tuple[str, Value]],
        body: Callable[[Value, list[Value]], list[Value]],
    ) -> list[Value]:
        """Repeat a body for 0, step, 2·step, …, below `stop`, at least once.

        Args:
            stop: end of the index, exclusive.
            step: increment of the index.
            carried: type and initial value of each value that one repetition leaves to the next.
            body: appends the instructions of one repetition; from its index and the carried values, returns new ones.

        Returns:
            The carried values after the last repetition.
        """
        self._count += 1
        label, before = f"loop{self._count}", self._block
        self._start_block(label)
        index, names = self._name(), [self._name() for _ in carried]
        mark = len(self._lines)
        results = body(index, names)
        following = self.value(f"add i64 {index}, {step}")
        more = self.value(f"icmp ult i64 {following}, {stop}")
        after = self._block
        self._lines.append(f"  br i1 {more}, label %{label}, label %{label}.end")
        phis = [f"  {index} = phi i64 [ 0, %{before} ], [ {following}, %{after} ]"]
        for name, (kind, initial), result in zip(names, carried, results, strict=True):
            phis.append(f"  {name} = phi {kind} [ {initial}, %{before} ], [ {result}, %{after} ]")
        self._lines[mark:mark] = phis
        self._lines.append(f"{label}.end:")
        self._block = f"{label}.end"
        return results

    def _start_block(self, label: str) -> None:
        self._lines += [f"  br label %{label}", f"{label}:"]
        self._block = label

    def call(self, function: Value, record: Value, samples: Value) -> None:
        """Call a kernel by its address."""
        self._lines.append(f"  call void {function}(ptr {record}, i64 {samples})")


@cache
def _hexadecimal(number: float) -> str:
    """Return a constant of LLVM: the bits of the float32, written as a float64."""
    return f"0x{struct.pack('>d', float(np.float32(number))).hex().upper()}"
