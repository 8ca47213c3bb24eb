"""Preference: strengths of tones by the model of Bradley and Terry, with intervals by listener.

P(i is preferred to j) = 1 / (1 + exp(θj − θi)), with Σθ = 0. A tie is half a win for each of the two. Half a win in
each direction is added to every pair, so that a tone that never lost has a finite strength.

Answers of one listener are not independent, so the intervals come from the sandwich estimator with listeners as
clusters and Student's t with one degree of freedom less than there are listeners. Below ten listeners there are no
intervals.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tone_shootout.listening.statistics.abx import Interval
from tone_shootout.listening.statistics.distributions import t_quantile, t_two_sided
from tone_shootout.listening.statistics.multiple import holm, holm_levels

LISTENERS: Final = 10
"""Fewest listeners for intervals."""
PRIOR: Final = 0.5
"""Wins added in each direction of every pair."""
_STEPS: Final = 100
_TOLERANCE: Final = 1e-12

Matrix = NDArray[np.float64]


class Strength(NamedTuple):
    """One tone: its strength θ, in natural logarithms of odds, and the 95 % interval (None below ten listeners)."""

    strength: float
    interval: Interval | None


class Comparison(NamedTuple):
    """Two tones.

    Attributes:
        first: index of the first tone.
        second: index of the second tone.
        difference: strength of the first minus strength of the second.
        interval: of the difference, at the level of Holm's correction over all pairs.
        p_value: corrected by Holm's method.
        is_tie: whether the interval contains 0.
    """

    first: int
    second: int
    difference: float
    interval: Interval
    p_value: float
    is_tie: bool


class Ranking(NamedTuple):
    """Strengths of all tones, and all pairs; no pairs below ten listeners."""

    strengths: tuple[Strength, ...]
    pairs: tuple[Comparison, ...]


def fit(wins: Matrix, prior: float = PRIOR) -> Matrix:
    """Return the strengths θ with the highest likelihood.

    Args:
        wins: shape (n, n): how often the row was preferred to the column; a tie counts 0.5 for both.
        prior: wins to add in each direction of every pair. With 0 there must be a chain of wins from each tone to each
            other tone; otherwise the strengths are infinite.

    Returns:
        Strengths, shape (n,), which sum to 0.

    Raises:
        ValueError: the strengths are infinite.
    """
    counts = _with_prior(wins, prior)
    if not _is_connected(counts):
        raise ValueError("the strengths are infinite: there is no chain of wins from each tone to each other tone")
    theta = np.zeros(len(wins))
    for _ in range(_STEPS):
        step = np.linalg.pinv(_information(counts, theta)) @ _score(counts, theta)
        theta = theta + step / max(1.0, float(np.abs(step).max()))
        if float(np.abs(step).max()) < _TOLERANCE:
            break
    return np.asarray(theta - theta.mean())


def standard_errors(wins: Matrix, theta: Matrix, prior: float = 0.0) -> Matrix:
    """Return standard errors that take all answers as independent; only for one answer of each listener."""
    covariance = np.linalg.pinv(_information(_with_prior(wins, prior), theta))
    return np.asarray(np.sqrt(np.diag(covariance)))


def rank(listeners: Sequence[Matrix], confidence: float = 0.95, prior: float = PRIOR) -> Ranking:
    """Return strengths and comparisons of tones.

    Args:
        listeners: for each listener the wins, shape (n, n), as in `fit`; at least one listener.
        confidence: coverage of the intervals of the strengths.
        prior: as in `fit`.
    """
    wins = np.sum(listeners, axis=0)
    theta = fit(wins, prior)
    if len(listeners) < LISTENERS:
        return Ranking(tuple(Strength(float(each), None) for each in theta), ())
    covariance = _sandwich(listeners, theta, prior)
    degrees = len(listeners) - 1
    reach = t_quantile(1.0 - (1.0 - confidence) / 2.0, degrees)
    strengths = tuple(
        Strength(float(each), _around(float(each), reach * float(error)))
        for each, error in zip(theta, np.sqrt(np.diag(covariance)), strict=True)
    )
    return Ranking(strengths, _compare(theta, covariance, degrees, 1.0 - confidence))


def _compare(theta: Matrix, covariance: Matrix, degrees: int, alpha: float) -> tuple[Comparison, ...]:
    pairs = list(combinations(range(len(theta)), 2))
    differences = [float(theta[i] - theta[j]) for i, j in pairs]
    errors = [float(np.sqrt(max(0.0, covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]))) for i, j in pairs]
    p_values = [
        t_two_sided(difference / error, degrees) if error > 0.0 else float(difference == 0.0)
        for difference, error in zip(differences, errors, strict=True)
    ]
    corrected, levels = holm(p_values), holm_levels(p_values, alpha)
    return tuple(
        Comparison(
            first,
            second,
            difference,
            _around(difference, t_quantile(1.0 - level / 2.0, degrees) * error),
            p_value,
            p_value >= alpha,
        )
        for (first, second), difference, error, p_value, level in zip(
            pairs, differences, errors, corrected, levels, strict=True
        )
    )


def _sandwich(listeners: Sequence[Matrix], theta: Matrix, prior: float) -> Matrix:
    """Return the covariance of the strengths, shape (n, n), with listeners as clusters."""
    bread = np.linalg.pinv(_information(_with_prior(np.sum(listeners, axis=0), prior), theta))
    scores = np.array([_score(wins, theta) for wins in listeners])
    scores = scores - scores.mean(axis=0)
    meat = scores.T @ scores * (len(listeners) / (len(listeners) - 1))
    return np.asarray(bread @ meat @ bread)


def _is_connected(wins: Matrix) -> bool:
    """Return whether there is a chain of wins from each tone to each other tone."""
    reached = (wins > 0) | np.eye(len(wins), dtype=bool)
    for _ in range(len(wins).bit_length()):
        reached = reached @ reached
    return bool(reached.all())


def _with_prior(wins: Matrix, prior: float) -> Matrix:
    return np.asarray(wins + prior * (1.0 - np.eye(len(wins))))


def _probabilities(theta: Matrix) -> Matrix:
    """Return P(row is preferred to column), shape (n, n)."""
    return np.asarray(1.0 / (1.0 + np.exp(theta[None, :] - theta[:, None])))


def _score(wins: Matrix, theta: Matrix) -> Matrix:
    """Return the derivative of the log likelihood, shape (n,)."""
    return np.asarray((wins - (wins + wins.T) * _probabilities(theta)).sum(axis=1))


def _information(wins: Matrix, theta: Matrix) -> Matrix:
    """Return the negative second derivative of the log likelihood, shape (n, n)."""
    chance = _probabilities(theta)
    weights = (wins + wins.T) * chance * chance.T
    np.fill_diagonal(weights, 0.0)
    return np.asarray(np.diag(weights.sum(axis=1)) - weights)


def _around(value: float, reach: float) -> Interval:
    return Interval(value - reach, value + reach)
