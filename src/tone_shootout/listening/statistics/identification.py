"""Identification: names to match to letters, scored against chance.

A listener who guesses matches n names in a random order. The number of right matches is that of fixed points of a
permutation: its mean and variance are 1 for every n ≥ 2, and n − 1 right matches are impossible.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tone_shootout.listening.statistics.abx import ALPHA


def chances(names: int, rounds: int = 1) -> NDArray[np.float64]:
    """Return the probability of each number of right matches, 0 to `names` · `rounds`, for a listener who guesses.

    Args:
        names: number of names, at least 2.
        rounds: number of rounds, each with a new order.
    """
    return _power(names, rounds).copy()


def p_value(correct: int, names: int, rounds: int = 1) -> float:
    """Return the probability that guessing gives at least `correct` right matches."""
    return min(1.0, float(_power(names, rounds)[correct:].sum()))


def needed(names: int, rounds: int = 1) -> int | None:
    """Return the smallest number of right matches that is possible and has p < 0.05; None if there is none."""
    found = _power(names, rounds)
    tails = np.cumsum(found[::-1])[::-1]
    return next((k for k in range(len(found)) if found[k] > 0.0 and tails[k] < ALPHA), None)


@lru_cache(maxsize=64)
def _power(names: int, rounds: int) -> NDArray[np.float64]:
    """Return the distribution of the sum of rounds, by repeated squaring."""
    if rounds == 1:
        total = math.factorial(names)
        return np.array([math.comb(names, k) * _derangements(names - k) / total for k in range(names + 1)])
    half = _power(names, rounds // 2)
    doubled = np.convolve(half, half)
    return np.convolve(doubled, _power(names, 1)) if rounds % 2 else doubled


def _derangements(n: int) -> int:
    """Return the number of permutations without a fixed point."""
    found = 1
    for k in range(1, n + 1):
        found = k * found + (-1) ** k
    return found
