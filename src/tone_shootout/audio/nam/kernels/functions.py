"""Activations in kernels (docs/nam.md section 4.3), from sums, products and quotients only.

Libraries of elementary functions round differently on each system. These approximations are evaluated in a fixed order
with fused multiply-adds, so they round equally everywhere. `tests/support/minimax.py` derives their coefficients.
"""

from collections.abc import Sequence
from typing import Final

from tone_shootout.audio.nam.kernels.ir import Function, Value

TANH_LIMIT: Final = 8.6
"""From here on, tanh(x) is 1 to within 7e-8, half a step of float32."""
TANH_NUMERATOR: Final = (1.0, 0.1340687, 0.0035263957, 2.1122285e-05, 1.4082343e-08)
TANH_DENOMINATOR: Final = (1.0, 0.46740192, 0.025993878, 0.00033362606, 8.070583e-07)
EXPONENTIAL: Final = (1.0000001, 0.9999997, 0.49998894, 0.16667575, 0.041915383, 0.008297656)

PARAMETERS: Final = {"LeakyReLU": 1, "LeakyHardtanh": 4}
"""Numbers that an activation takes for each row: a slope; low, high and the slopes beyond them."""


def polynomial(f: Function, u: Value, coefficients: Sequence[float]) -> Value:
    """Return c₀ + c₁·u + c₂·u² + …, by Horner's rule."""
    result = f.constant(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result = f.fma(result, u, f.constant(coefficient))
    return result


def tanh(f: Function, x: Value) -> Value:
    """Return the hyperbolic tangent, x·P(x²)/Q(x²), within 3e-7."""
    x = f.clamp(x, f.constant(-TANH_LIMIT), f.constant(TANH_LIMIT))
    u = f.multiply(x, x)
    numerator = f.multiply(x, polynomial(f, u, TANH_NUMERATOR))
    return f.divide(numerator, polynomial(f, u, TANH_DENOMINATOR))


def sigmoid(f: Function, x: Value) -> Value:
    """Return 1/(1 + e^-x), within 2e-7.

    With n the integer next to -x/ln 2 and f = -x - n·ln 2, e^-x = 2ⁿ·eᶠ. Adding 1.5·2²³ rounds to an integer; ln 2 is
    split in two so that f is exact.
    """
    limit, half, one = f.constant(87.0), f.constant(12582912.0), f.constant(1.0)
    t = f.clamp(f.negate(x), f.constant(-87.0), limit)
    shifted = f.fma(t, f.constant(1.44269504), half)
    n = f.subtract(shifted, half)
    rest = f.fma(n, f.constant(-0.693359375), t)
    rest = f.fma(n, f.constant(2.12194440e-4), rest)
    power = f.times_power_of_two(polynomial(f, rest, EXPONENTIAL), shifted)
    return f.divide(one, f.add(one, power))


def _fast_tanh(f: Function, x: Value) -> Value:
    a, b, c, d, e = (
        f.constant(number)
        for number in (2.45550750702956, 0.893229853513558, 0.821226666969744, 2.44506634652299, 0.814642734961073)
    )
    u, square = f.magnitude(x), f.multiply(x, x)
    numerator = f.multiply(x, f.fma(f.fma(c, u, b), square, f.fma(a, u, a)))
    inner = f.magnitude(f.fma(f.multiply(e, x), u, x))
    return f.divide(numerator, f.fma(f.add(d, square), inner, d))


def _leaky_hard_tanh(f: Function, x: Value, parameters: Sequence[Value]) -> Value:
    low, high, low_slope, high_slope = parameters
    below = f.fma(f.subtract(x, low), low_slope, low)
    above = f.fma(f.subtract(x, high), high_slope, high)
    return f.where("ogt", x, high, above, f.where("olt", x, low, below, x))


def activate(f: Function, kind: str, x: Value, parameters: Sequence[Value]) -> Value:
    """Return an activation of a vector.

    Args:
        f: function under construction.
        kind: name in a file; `Linear` for x itself.
        x: vector.
        parameters: as many as `PARAMETERS` states, each in all lanes.
    """
    zero, one = f.constant(0.0), f.constant(1.0)
    match kind:
        case "Linear":
            return x
        case "Tanh":
            return tanh(f, x)
        case "Hardtanh":
            return f.clamp(x, f.constant(-1.0), one)
        case "Fasttanh":
            return _fast_tanh(f, x)
        case "ReLU":
            return f.where("olt", x, zero, zero, x)
        case "LeakyReLU":
            return f.where("ogt", x, zero, x, f.multiply(x, parameters[0]))
        case "Sigmoid":
            return sigmoid(f, x)
        case "SiLU":
            return f.multiply(x, sigmoid(f, x))
        case "Hardswish":
            inner = f.clamp(f.add(x, f.constant(3.0)), zero, f.constant(6.0))
            return f.divide(f.multiply(x, inner), f.constant(6.0))
        case "Softsign":
            return f.divide(x, f.add(one, f.magnitude(x)))
        case "LeakyHardtanh":
            return _leaky_hard_tanh(f, x, parameters)
    raise ValueError(f"no kernel for the activation {kind}")
