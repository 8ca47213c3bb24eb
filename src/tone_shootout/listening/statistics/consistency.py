"""Consistency of a listener, by a rule that is fixed beforehand.

True ties make honest listeners inconsistent, so results are stated with and without the listeners that the rule
excludes.
"""

from collections.abc import Sequence
from typing import Final

from tone_shootout.listening.statistics.distributions import binomial_tail

REPEATS: Final = 6
"""Hidden repeats of pairs."""
AGREEING: Final = {4: 3, 6: 4}
"""Repeats that must agree, by their number: a guesser passes with 0.31 or 0.34."""
CORRELATION: Final = {3: 1.0, 4: 0.8, 5: 0.6, 6: 0.486, 7: 0.393, 8: 0.381}
"""Smallest Spearman correlation of two ratings of all tones, by their number: a guesser passes with 0.17 to 0.20."""


def pairs_are_consistent(agreeing: int, repeats: int) -> bool:
    """Return whether enough hidden repeats of pairs agree.

    Args:
        agreeing: repeats with the same answer.
        repeats: 4 or 6.
    """
    return agreeing >= AGREEING[repeats]


def chance_to_pass_pairs(repeats: int, rate: float = 0.5) -> float:
    """Return the probability that a listener passes who repeats an answer with probability `rate`."""
    return binomial_tail(AGREEING[repeats], repeats, rate)


def ratings_are_consistent(first: Sequence[float], second: Sequence[float]) -> bool:
    """Return whether two ratings of the same 3 to 8 tones agree."""
    # Attainable correlations are fractions; the limits have three decimals.
    return spearman(first, second) >= CORRELATION[len(first)] - 5e-4


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the rank correlation, ties with their mean rank; 0 if all values of one sequence are equal."""
    x, y = _ranks(first), _ranks(second)
    mean = (len(x) + 1) / 2.0
    covariance = sum((a - mean) * (b - mean) for a, b in zip(x, y, strict=True))
    variances = sum((a - mean) ** 2 for a in x) * sum((b - mean) ** 2 for b in y)
    return covariance / variances**0.5 if variances else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2.0 for value in values
    ]
