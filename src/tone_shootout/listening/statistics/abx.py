"""ABX: can a listener hear the difference between two tones?

The null hypothesis is guessing: each trial is right with probability 1/2. The test is the exact one-sided binomial
test with the number of trials fixed beforehand. The interval of the rate is that of Clopper and Pearson with 90 %
coverage, 5 % on each side, so that its lower limit exceeds 1/2 exactly where p < 0.05. The usual interval of 95 % would
contradict the test.
"""

import math
from typing import Final, Literal, NamedTuple

from tone_shootout.listening.statistics.distributions import beta_quantile, binomial_tail, normal_cdf

TRIALS: Final = (8, 12, 16, 20, 24)
"""Numbers of trials to choose from."""
ALPHA: Final = 0.05
POWER_RATES: Final = (0.6, 0.7, 0.8, 0.9)
"""True rates of right answers in the power table."""

Model = Literal["differencing", "independent"]
"""How a listener decides, in signal detection theory (Macmillan and Creelman, Detection Theory, chapter 9).

`differencing`: by the difference of X from A and from B. `independent`: by comparing each sound with a criterion.
"""

_LARGEST: Final = 40.0
"""Sensitivity at which no rate below 1 can be told from 1 in floating point."""


class Interval(NamedTuple):
    """Limits of a confidence interval."""

    low: float
    high: float


class Sensitivity(NamedTuple):
    """d′ with the limits that the interval of the rate gives.

    Attributes:
        estimate: None if all answers are right: there is only the lower limit.
        low: lower limit.
        high: upper limit; None if all answers are right.
    """

    estimate: float | None
    low: float
    high: float | None


class PowerRow(NamedTuple):
    """What a number of trials can show.

    Attributes:
        trials: number of trials.
        needed: right answers from which p < 0.05.
        p_value: p of just as many right answers.
        power: probability of at least as many, for each of `POWER_RATES`.
    """

    trials: int
    needed: int
    p_value: float
    power: tuple[float, ...]


def p_value(correct: int, trials: int) -> float:
    """Return the probability that guessing gives at least `correct` right answers."""
    return binomial_tail(correct, trials)


def needed(trials: int) -> int:
    """Return the smallest number of right answers with p < 0.05; `trials` + 1 if there is none."""
    return next(k for k in range(trials + 2) if binomial_tail(k, trials) < ALPHA)


def rate_interval(correct: int, trials: int, confidence: float = 0.90) -> Interval:
    """Return the Clopper-Pearson interval of the rate of right answers.

    Args:
        correct: right answers, 0 to `trials`.
        trials: number of trials, at least 1.
        confidence: coverage; half of the rest is on each side.
    """
    side = (1.0 - confidence) / 2.0
    low = 0.0 if correct == 0 else beta_quantile(side, correct, trials - correct + 1.0)
    high = 1.0 if correct == trials else beta_quantile(1.0 - side, correct + 1.0, trials - correct)
    return Interval(low, high)


def rate_of(sensitivity: float, model: Model = "differencing") -> float:
    """Return the rate of right answers of a listener with this d′."""
    root = math.sqrt(6.0) if model == "differencing" else 2.0
    first, second = sensitivity / math.sqrt(2.0), sensitivity / root
    return normal_cdf(first) * normal_cdf(second) + normal_cdf(-first) * normal_cdf(-second)


def d_prime(rate: float, model: Model = "differencing") -> float:
    """Return the d′ of a listener with this rate of right answers: 0 up to a rate of 1/2, infinite for 1."""
    if rate <= 0.5:
        return 0.0
    if rate >= 1.0:
        return math.inf
    low, high = 0.0, _LARGEST
    for _ in range(200):
        middle = (low + high) / 2.0
        if rate_of(middle, model) < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def sensitivity(correct: int, trials: int, model: Model = "differencing") -> Sensitivity:
    """Return d′ with the limits of the 90 % interval of the rate."""
    limits = rate_interval(correct, trials)
    low = d_prime(limits.low, model)
    if correct == trials:
        return Sensitivity(None, low, None)
    return Sensitivity(d_prime(correct / trials, model), low, d_prime(limits.high, model))


def power_table() -> tuple[PowerRow, ...]:
    """Return what each number of trials can show."""
    rows = []
    for trials in TRIALS:
        least = needed(trials)
        power = tuple(binomial_tail(least, trials, rate) for rate in POWER_RATES)
        rows.append(PowerRow(trials, least, p_value(least, trials), power))
    return tuple(rows)


def power_sentence(trials: int) -> str:
    """Return what a number of trials can show, in a sentence.

    Args:
        trials: one of `TRIALS`.
    """
    row = next(row for row in power_table() if row.trials == trials)
    share = round(100 * row.power[POWER_RATES.index(0.8)])
    return (
        f"{row.needed} of {trials} right answers are needed (p = {row.p_value:.3f}). "
        f"A listener who is right 4 times in 5 reaches that in {share} of 100 tests."
    )
