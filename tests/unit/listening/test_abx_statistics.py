"""ABX: exact test, interval and sensitivity, against SciPy and the tables of /shared/design/PAGES.md, section 4."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from tone_shootout.listening.statistics import abx
from tone_shootout.listening.statistics.distributions import (
    beta_quantile,
    binomial_tail,
    incomplete_beta,
    t_quantile,
    t_two_sided,
)

ALL = [(k, n) for n in abx.TRIALS for k in range(n + 1)]


def test_distributions_equal_those_of_scipy() -> None:
    for a, b in ((0.5, 0.5), (1, 17), (12, 5), (4.5, 0.5), (900, 1300.5), (40_000, 39_000)):
        for x in (1e-6, 0.1, 0.4091, 0.5, 0.9, 1 - 1e-6):
            assert incomplete_beta(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), rel=1e-9, abs=1e-300)
        for p in (0.025, 0.05, 0.5, 0.95):
            assert beta_quantile(p, a, b) == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-9, abs=1e-12)
    for degrees in (1, 9, 49, 999):
        for p in (0.9, 0.975, 0.999):
            assert t_quantile(p, degrees) == pytest.approx(stats.t.ppf(p, degrees), rel=1e-9)
            assert t_two_sided(t_quantile(p, degrees), degrees) == pytest.approx(2 * (1 - p), rel=1e-9)
    assert t_two_sided(0.0, 9) == 1.0


def test_the_p_value_is_that_of_the_exact_binomial_test() -> None:
    for k, n in [*ALL, (530, 1000), (5_200, 10_000)]:
        expected = stats.binomtest(k, n, alternative="greater").pvalue
        assert abx.p_value(k, n) == pytest.approx(expected, rel=1e-9)
    assert abx.p_value(7, 8) == Fraction(9, 256)
    assert abx.p_value(10, 12) == Fraction(79, 4096)
    assert abx.p_value(12, 16) == Fraction(2517, 65536)


def test_the_power_table_is_that_of_the_design() -> None:
    found = {
        row.trials: (row.needed, round(row.p_value, 4), *(round(p, 3) for p in row.power)) for row in abx.power_table()
    }
    assert found == {
        8: (7, 0.0352, 0.106, 0.255, 0.503, 0.813),
        12: (10, 0.0193, 0.083, 0.253, 0.558, 0.889),
        16: (12, 0.0384, 0.167, 0.450, 0.798, 0.983),
        20: (15, 0.0207, 0.126, 0.416, 0.804, 0.989),
        24: (17, 0.0320, 0.192, 0.565, 0.911, 0.998),
    }
    for row in abx.power_table():
        expected = [stats.binom.sf(row.needed - 1, row.trials, rate) for rate in abx.POWER_RATES]
        assert row.power == pytest.approx(expected, rel=1e-9)
    assert abx.power_sentence(16) == (
        "12 of 16 right answers are needed (p = 0.038). A listener who is right 4 times in 5 reaches that in 80 of 100 "
        "tests."
    )


def test_the_interval_is_that_of_clopper_and_pearson_and_agrees_with_the_test() -> None:
    for k, n in ALL:
        expected = stats.binomtest(k, n).proportion_ci(confidence_level=0.9, method="exact")
        low, high = abx.rate_interval(k, n)
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert (low > 0.5) == (abx.p_value(k, n) < abx.ALPHA)
        wide = stats.binomtest(k, n).proportion_ci(confidence_level=0.95, method="exact")
        assert abx.rate_interval(k, n, 0.95) == pytest.approx((wide.low, wide.high), abs=1e-12)


@pytest.mark.parametrize(
    ("correct", "trials", "expected"),
    [
        (8, 16, (0.0, 0.0, 1.84)),
        (12, 16, (2.02, 0.42, 3.39)),
        (14, 16, (2.99, 1.46, 4.91)),
        (16, 16, (None, 2.58, None)),
        (17, 24, (1.77, 0.49, 2.79)),
    ],
)
def test_sensitivity_is_stated_with_the_interval_of_the_rate(
    correct: int, trials: int, expected: tuple[float | None, float, float | None]
) -> None:
    assert abx.sensitivity(correct, trials) == pytest.approx(expected, abs=0.006)


def test_sensitivity_of_both_models_is_that_of_the_design() -> None:
    rates = (0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95)
    differencing = (0.761, 1.115, 1.421, 1.715, 2.020, 2.355, 2.749, 3.263, 4.072)
    independent = (0.686, 1.002, 1.272, 1.529, 1.790, 2.073, 2.397, 2.807, 3.433)
    assert [abx.d_prime(rate) for rate in rates] == pytest.approx(differencing, abs=5e-4)
    assert [abx.d_prime(rate, "independent") for rate in rates] == pytest.approx(independent, abs=6e-4)
    assert [abx.d_prime(0.3), abx.d_prime(0.5), abx.d_prime(1.0)] == [0.0, 0.0, math.inf]
    for rate in rates:
        assert abx.rate_of(abx.d_prime(rate)) == pytest.approx(rate, abs=1e-12)


def test_a_listener_who_compares_sounds_as_the_model_says_is_right_as_often_as_it_says() -> None:
    """A is at 0 and B at d′, each heard with noise; X is one of them, and sounds like the nearer."""
    generator = np.random.default_rng(2026)
    for d in (0.5, 1.115, 2.02):
        x_is_b = generator.random(400_000) < 0.5
        a, b, x = (generator.standard_normal(400_000) + d * shift for shift in (0.0, 1.0, x_is_b))
        right = (np.abs(x - b) < np.abs(x - a)) == x_is_b
        assert abx.rate_of(d) == pytest.approx(right.mean(), abs=5 * 0.5 / math.sqrt(400_000))


@pytest.mark.thorough
def test_false_alarms_stay_below_five_percent_and_looking_early_raises_them() -> None:
    """Guessing listeners: with the number of trials fixed beforehand, and looking after each trial."""
    generator = np.random.default_rng(15)
    for trials, when_looking in ((8, 0.051), (12, 0.063), (16, 0.088), (20, 0.099), (24, 0.113)):
        right = np.cumsum(generator.random((200_000, trials)) < 0.5, axis=1)
        least = [abx.needed(n) for n in range(1, trials + 1)]
        assert (right[:, -1] >= least[-1]).mean() < 0.05
        assert (right >= least).any(axis=1).mean() == pytest.approx(when_looking, abs=0.004)


@pytest.mark.thorough
def test_intervals_of_the_rate_cover_what_they_claim() -> None:
    for trials in abx.TRIALS:
        limits = [abx.rate_interval(k, trials) for k in range(trials + 1)]
        for rate in np.linspace(0.02, 0.98, 97):
            chances = stats.binom.pmf(np.arange(trials + 1), trials, rate)
            covered = sum(p for p, (low, high) in zip(chances, limits, strict=True) if low <= rate <= high)
            assert covered >= 0.90


def test_a_tail_outside_the_range_is_certain_or_impossible() -> None:
    assert binomial_tail(0, 16) == 1.0
    assert binomial_tail(17, 16) == 0.0
