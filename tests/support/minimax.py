"""Derive the coefficients of `audio.nam.kernels.functions`: `python -m tests.support.minimax`.

Each approximation minimizes its largest relative error over a dense grid, by Lawson's iteration: a weighted linear
least-squares fit, whose weights grow where the error is large (C. L. Lawson, 1961; for quotients linearized as by
H. L. Loeb, 1957). Everything is computed in double precision; the result is rounded to float32.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.nam.kernels.functions import TANH_LIMIT

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A quotient P(u)/Q(u), coefficients in ascending order, and its largest relative error."""

    numerator: Doubles
    denominator: Doubles
    error: float


def fit(u: Doubles, target: Doubles, degrees: tuple[int, int], rounds: int = 300) -> Fit:
    """Fit P(u)/Q(u) with Q(0) = 1 to positive targets.

    Args:
        u: points.
        target: values at them.
        degrees: of P and Q.
        rounds: iterations.
    """
    scale = np.abs(u).max()
    powers = (u / scale)[:, np.newaxis] ** np.arange(max(degrees) + 1)
    up, down = powers[:, : degrees[0] + 1], powers[:, 1 : degrees[1] + 1]
    weights, denominator = np.ones_like(u), np.ones_like(u)
    best = Fit(np.zeros(1), np.ones(1), math.inf)
    for _ in range(rounds):
        rows = np.sqrt(weights) / denominator
        matrix = np.concatenate([up / target[:, np.newaxis], -down], axis=1) * rows[:, np.newaxis]
        found = np.linalg.lstsq(matrix, rows, rcond=None)[0]
        p, q = found[: degrees[0] + 1], np.concatenate([[1.0], found[degrees[0] + 1 :]])
        denominator = 1.0 + down @ q[1:]
        errors = np.abs(up @ p / denominator / target - 1)
        if errors.max() < best.error:
            scales = scale ** -np.arange(max(degrees) + 1.0)
            best = Fit(p * scales[: len(p)], q * scales[: len(q)], float(errors.max()))
        weights = weights * (errors + 1e-3 * errors.max())
        weights /= weights.sum()
    return best


def grid(low: float, high: float, points: int = 1001) -> Doubles:
    """Return points that are denser towards both ends, as the extrema of the error are."""
    return (low + high) / 2 - (high - low) / 2 * np.cos(np.linspace(0, np.pi, points))


def tanh_fit(degrees: tuple[int, int] = (4, 4), limit: float = TANH_LIMIT) -> Fit:
    """Fit tanh(x)/x by a quotient in x², for |x| up to the limit."""
    x = grid(0, limit)[1:]
    return fit(x * x, np.tanh(x) / x, degrees)


def exponential_fit(degree: int = 5) -> Fit:
    """Fit eᶠ by a polynomial, for |f| up to ln(2)/2."""
    f = grid(-math.log(2) / 2, math.log(2) / 2)
    return fit(f, np.exp(f), (degree, 0))


def main() -> None:
    for name, found in (("tanh", tanh_fit()), ("exponential", exponential_fit())):
        print(f"{name}: relative error {found.error:.1e}")
        for part in (found.numerator, found.denominator):
            print("   (" + ", ".join(f"{np.float32(value)!s}" for value in part) + ")")


if __name__ == "__main__":
    main()
