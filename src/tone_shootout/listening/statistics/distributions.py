"""Distributions that the statistics need: binomial, beta, Student's t and normal.

Written out, because importing `scipy.stats` takes longer than starting the service (`docs/decisions/0019`).
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Final

_TINY: Final = 1e-300
_EPSILON: Final = 1e-15
_STEPS: Final = 10_000
_NORMAL: Final = NormalDist()


def normal_cdf(x: float) -> float:
    """Return the probability that a standard normal variable is at most `x`."""
    return _NORMAL.cdf(x)


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b).

    The continued fraction of Numerical Recipes, section 6.4, by Lentz's method.

    Args:
        x: 0 to 1.
        a: greater than 0.
        b: greater than 0.
    """
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - incomplete_beta(1.0 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 / _not_zero(1.0 + term * d)
            c = _not_zero(1.0 + term / c)
            fraction *= c * d
        if abs(c * d - 1.0) < _EPSILON:
            break
    return math.exp(log_front) * fraction / a


def beta_quantile(p: float, a: float, b: float) -> float:
    """Return the x with I_x(a, b) = p."""
    return _root(lambda x: incomplete_beta(x, a, b) - p, 0.0, 1.0)


def binomial_tail(k: int, n: int, rate: float = 0.5) -> float:
    """Return the probability of at least `k` successes in `n` trials.

    Exact to the last digits for the sizes of one test; for many trials it is computed as an incomplete beta function.

    Args:
        k: number of successes, 0 to n.
        n: number of trials.
        rate: probability of a success in one trial.
    """
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    if n <= 64 and rate == 0.5:
        return sum(math.comb(n, i) for i in range(k, n + 1)) / float(2**n)
    return incomplete_beta(rate, k, n - k + 1.0)


def t_quantile(p: float, degrees: int) -> float:
    """Return the quantile of Student's t.

    Args:
        p: above 0.5 and below 1.
        degrees: degrees of freedom, at least 1.
    """
    x = beta_quantile(2.0 * (1.0 - p), degrees / 2.0, 0.5)
    return math.sqrt(degrees * (1.0 - x) / x)


def t_two_sided(t: float, degrees: int) -> float:
    """Return the probability that Student's t is at least as far from 0 as `t`."""
    return incomplete_beta(degrees / (degrees + t * t), degrees / 2.0, 0.5)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the root of an increasing function by bisection, to the precision of floating point."""
    while True:
        middle = (low + high) / 2.0
        if middle in (low, high):
            return middle
        if function(middle) < 0.0:
            low = middle
        else:
            high = middle


def _not_zero(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
