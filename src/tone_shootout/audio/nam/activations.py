"""The activations of docs/nam.md section 4.3, each as a function that writes f(x) into a second array."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from tone_shootout.audio.nam.errors import NamError

Function = Callable[[NDArray[np.float32], NDArray[np.float32]], object]
"""`f(x, out)`: x and out have the shape (channels, time) and do not overlap."""


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation, called as f(x, out) with arrays that do not overlap.

    Attributes:
        kind: name, equal for activations that differ in parameters only.
        rows: parameters for all rows, or for each: shape (1 or channels, number of parameters).
        function: the computation in NumPy.
    """

    kind: str
    rows: tuple[tuple[float, ...], ...]
    function: Function

    def __call__(self, x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Write f(x) to `out`; both have the shape (channels, time)."""
        self.function(x, out)

    def parameters(self, channels: int) -> NDArray[np.float32]:
        """Return the parameters of each row, shape (channels, number of parameters)."""
        rows = np.array(self.rows, np.float32)
        return np.broadcast_to(rows, (channels, rows.shape[1]))


Slope = Annotated[float, Meta(ge=-1e6, le=1e6)]


class ActivationConfig(Struct, rename={"kind": "type"}):
    """An activation with parameters, as stored in a file."""

    kind: str
    negative_slope: Slope | None = None
    negative_slopes: Annotated[list[Slope], Meta(min_length=1, max_length=4096)] | None = None
    min_val: Slope = -1.0
    max_val: Slope = 1.0
    min_slope: Slope = 0.01
    max_slope: Slope = 0.01


def build_activation(config: str | ActivationConfig, channels: int, pointer: str) -> Activation:
    """Build the function of an activation.

    Args:
        config: name, or name with parameters.
        channels: rows of the input; PReLU may have a slope for each.
        pointer: JSON pointer to the activation.

    Raises:
        NamError: `unsupported` for a name that the canonical engine does not support, `mismatch` for a number of
            slopes that does not divide the channels.
    """
    if isinstance(config, str):
        config = ActivationConfig(kind=config)
    plain: dict[str, Function] = {
        "Tanh": np.tanh,
        "Hardtanh": partial(_clamp, -1.0, 1.0),  # the canonical engine ignores min_val and max_val here
        "Fasttanh": _fast_tanh,
        "ReLU": _relu,
        "Sigmoid": sigmoid,
        "SiLU": _silu,
        "Hardswish": _hard_swish,
        "Softsign": _softsign,
    }
    match config.kind:
        case name if name in plain:
            return Activation(name, ((),), plain[name])
        case "LeakyReLU":
            return _leaky_relu([0.01 if config.negative_slope is None else config.negative_slope])
        case "PReLU":
            return _leaky_relu(_slopes(config, channels, pointer))
        case "LeakyHardtanh" | "LeakyHardTanh":
            bounds = (config.min_val, config.max_val, config.min_slope, config.max_slope)
            return Activation("LeakyHardtanh", (bounds,), partial(_leaky_hard_tanh, *bounds))
    known = ", ".join([*plain, "LeakyReLU", "PReLU", "LeakyHardtanh"])
    raise NamError("unsupported", pointer, f"expected one of {known}, got {config.kind[:40]!r}")


def _slopes(config: ActivationConfig, channels: int, pointer: str) -> list[float]:
    """Return the slopes of PReLU, one or one per channel; like the canonical engine, repeat a shorter list."""
    if config.negative_slope is not None:
        return [config.negative_slope]
    slopes = config.negative_slopes or [0.01]
    if channels % len(slopes):
        detail = f"expected a slope for each of {channels} channels, got {len(slopes)}"
        raise NamError("mismatch", f"{pointer}/negative_slopes", detail)
    return slopes * (channels // len(slopes))


def _clamp(low: float, high: float, x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    np.clip(x, np.float32(low), np.float32(high), out=out)


def _fast_tanh(x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Approximate tanh by a quotient: x·(a + a·u + (b + c·u)·x²) / (d + (d + x²)·|x + e·x·u|), u = |x|."""
    a, b, c, d, e = 2.45550750702956, 0.893229853513558, 0.821226666969744, 2.44506634652299, 0.814642734961073
    u, square = np.abs(x), x * x
    np.divide(x * (a + a * u + (b + c * u) * square), d + (d + square) * np.abs(x + e * x * u), out=out)


def sigmoid(x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write 1/(1 + e^-x); e^-x may overflow to infinity, whose reciprocal is the correct zero."""
    np.negative(x, out=out)
    np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)


def _relu(x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    np.maximum(x, 0, out=out)


def _silu(x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    sigmoid(x, out)
    out *= x


def _hard_swish(x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    _clamp(0.0, 6.0, x + 3, out)
    out *= x
    out /= 6


def _softsign(x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    np.abs(x, out=out)
    out += 1
    np.divide(x, out, out=out)


def _leaky_relu(slopes: list[float]) -> Activation:
    """Return x if x > 0 else s·x, with one slope for all rows or one for each."""
    slope = np.array(slopes, dtype=np.float32)[:, np.newaxis]
    function = partial(_leaky_relu_masked if (slope > 1).any() else _leaky_relu_max, slope)
    return Activation("LeakyReLU", tuple((value,) for value in slopes), function)


def _leaky_relu_max(slope: NDArray[np.float32], x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write max(x, s·x), which equals the leaky ReLU for slopes up to 1 and needs no mask."""
    np.multiply(x, slope, out=out)
    np.maximum(x, out, out=out)


def _leaky_relu_masked(slope: NDArray[np.float32], x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    np.multiply(x, slope, out=out)
    np.copyto(out, x, where=x > 0)


def _leaky_hard_tanh(
    low: float, high: float, low_slope: float, high_slope: float, x: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Write x between low and high; below and above them, lines that continue from there with their own slopes."""
    np.copyto(out, x)
    np.copyto(out, (x - low) * low_slope + low, where=x < low)
    np.copyto(out, (x - high) * high_slope + high, where=x > high)
