"""Preference: strengths of Bradley and Terry, ties, Holm's correction and consistency, against `choix` and SciPy."""

from itertools import combinations, permutations

import choix
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from tone_shootout.listening.statistics import bradley_terry, consistency
from tone_shootout.listening.statistics.multiple import holm, holm_levels

EXAMPLE = np.array([[0, 14, 16, 18], [6, 0, 12, 15], [4, 8, 0, 13], [2, 5, 7, 0]], dtype=np.float64)
"""Wins of the row over the column, PAGES.md, section 4."""


def _pairs(wins: NDArray[np.float64]) -> list[tuple[int, int]]:
    return [(i, j) for (i, j), count in np.ndenumerate(wins) for _ in range(round(count))]


def _answers(theta: NDArray[np.float64], generator: np.random.Generator, repeats: int = 1) -> NDArray[np.float64]:
    """Return the wins of one listener who answers every pair `repeats` times."""
    wins = np.zeros((len(theta), len(theta)))
    for i, j in list(combinations(range(len(theta)), 2)) * repeats:
        i_wins = generator.random() < 1 / (1 + np.exp(theta[j] - theta[i]))
        wins[(i, j) if i_wins else (j, i)] += 1
    return wins


def test_strengths_are_those_of_choix() -> None:
    found = bradley_terry.fit(EXAMPLE, prior=0)
    assert found == pytest.approx([1.08675, 0.16282, -0.29192, -0.95765], abs=5e-6)
    for fit in (choix.ilsr_pairwise, choix.mm_pairwise, choix.opt_pairwise):
        assert found == pytest.approx(fit(4, _pairs(EXAMPLE)), abs=2e-5)
    errors = bradley_terry.standard_errors(EXAMPLE, found)
    assert errors == pytest.approx([0.2476, 0.2122, 0.2134, 0.2373], abs=5e-5)


def test_a_tie_is_half_a_win_for_each() -> None:
    halves = EXAMPLE + np.array([[0, 0.5, 0, 0], [0.5, 0, 0, 2.5], [0, 0, 0, 0], [0, 2.5, 0, 0]])
    expected = choix.ilsr_pairwise(4, _pairs(2 * halves))
    assert bradley_terry.fit(halves, prior=0) == pytest.approx(expected, abs=1e-6)


def test_a_tone_that_never_lost_has_a_finite_strength() -> None:
    wins = np.array([[0, 5, 5], [0, 0, 4], [0, 1, 0]], dtype=np.float64)
    with pytest.raises(ValueError, match="infinite"):
        bradley_terry.fit(wins, prior=0)
    assert bradley_terry.fit(wins, prior=1) == pytest.approx([1.22481, -0.25462, -0.97019], abs=5e-6)
    assert np.isfinite(bradley_terry.fit(wins)).all()


def test_without_answers_all_tones_are_alike() -> None:
    assert bradley_terry.fit(np.zeros((4, 4))) == pytest.approx([0, 0, 0, 0])


def test_below_ten_listeners_there_are_no_intervals() -> None:
    generator = np.random.default_rng(3)
    theta = np.array([0.6, 0.0, -0.6])
    listeners = [_answers(theta, generator) for _ in range(10)]
    few = bradley_terry.rank(listeners[:9])
    assert [each.interval for each in few.strengths] == [None, None, None]
    assert few.pairs == ()
    many = bradley_terry.rank(listeners)
    for each in many.strengths:
        assert each.interval is not None
        assert each.interval.low < each.strength < each.interval.high
    assert [(pair.first, pair.second) for pair in many.pairs] == [(0, 1), (0, 2), (1, 2)]
    for pair in many.pairs:
        expected = many.strengths[pair.first].strength - many.strengths[pair.second].strength
        assert pair.difference == pytest.approx(expected)
        assert pair.is_tie == (pair.interval.low <= 0 <= pair.interval.high) == (pair.p_value >= 0.05)


def test_tones_that_sound_alike_are_ties_and_clear_differences_are_none() -> None:
    generator = np.random.default_rng(4)
    listeners = [_answers(np.array([1.5, -0.7, -0.7]), generator, repeats=2) for _ in range(60)]
    pairs = {(pair.first, pair.second): pair.is_tie for pair in bradley_terry.rank(listeners).pairs}
    assert pairs == {(0, 1): False, (0, 2): False, (1, 2): True}


def test_a_listener_who_answers_ten_times_as_often_does_not_count_as_ten() -> None:
    """Intervals are by listener: repeating every answer leaves them about as wide."""
    generator = np.random.default_rng(5)
    theta = np.array([0.4, 0.0, -0.4])
    listeners = [_answers(theta, generator) for _ in range(30)]
    once, repeated = (bradley_terry.rank([times * each for each in listeners], prior=0) for times in (1, 10))
    for one, ten in zip(once.strengths, repeated.strengths, strict=True):
        assert ten.interval == pytest.approx(one.interval, abs=1e-9)


def test_the_correction_is_that_of_holm() -> None:
    generator = np.random.default_rng(6)
    for size in (1, 2, 6, 28):
        p_values = list(generator.random(size) ** 3)
        order = np.argsort(p_values)
        expected = np.empty(size)
        expected[order] = np.minimum(1, np.maximum.accumulate(np.sort(p_values) * np.arange(size, 0, -1)))
        assert holm(p_values) == pytest.approx(expected)
        rejected = [p < 0.05 for p in holm(p_values)]
        assert rejected == [p < level for p, level in zip(p_values, holm_levels(p_values), strict=True)]
    assert holm([]) == []


@pytest.mark.parametrize(("repeats", "chances"), [(4, (0.313, 0.616, 0.849, 0.952)), (6, (0.344, 0.706, 0.924, 0.986))])
def test_the_rule_for_pairs_lets_a_guesser_pass_a_third_of_the_time(repeats: int, chances: tuple[float, ...]) -> None:
    # A listener who repeats an answer with probability r agrees with an earlier one with r² + (1 − r)².
    rates = [0.5, *(r * r + (1 - r) ** 2 for r in (0.8, 0.9, 0.95))]
    assert [consistency.chance_to_pass_pairs(repeats, rate) for rate in rates] == pytest.approx(chances, abs=6e-4)
    passing = [k for k in range(repeats + 1) if consistency.pairs_are_consistent(k, repeats)]
    assert passing == list(range(consistency.AGREEING[repeats], repeats + 1))


@pytest.mark.parametrize(("tones", "chance"), [(3, 0.167), (4, 0.167), (5, 0.175), (6, 0.178), (7, 0.198), (8, 0.180)])
def test_the_rule_for_sliders_lets_a_guesser_pass_a_fifth_of_the_time(tones: int, chance: float) -> None:
    """The rule sees one order of each sum of squared rank differences, which is what the correlation depends on."""
    orders = np.array(list(permutations(range(tones))))
    distances = ((orders - np.arange(tones)) ** 2).sum(axis=1)
    passed = np.zeros(len(orders), dtype=bool)
    for distance in np.unique(distances):
        order = orders[np.argmax(distances == distance)]
        passed[distances == distance] = consistency.ratings_are_consistent(list(range(tones)), list(order))
    assert np.mean(passed) == pytest.approx(chance, abs=6e-4)


def test_the_rank_correlation_is_that_of_spearman_also_with_ties() -> None:
    generator = np.random.default_rng(8)
    for _ in range(50):
        first, second = generator.integers(0, 6, (2, 8)).astype(float)
        if len(set(first)) > 1 and len(set(second)) > 1:
            expected = stats.spearmanr(first, second).statistic
            assert consistency.spearman(list(first), list(second)) == pytest.approx(expected)
    assert consistency.spearman([50, 50, 50], [1, 2, 3]) == 0.0


@pytest.mark.thorough
@pytest.mark.parametrize("listeners", [10, 20, 50])
def test_intervals_of_strengths_cover_what_they_claim(listeners: int) -> None:
    """Four tones; the tastes of listeners differ around a common strength."""
    generator = np.random.default_rng(listeners)
    theta = np.array([0.6, 0.2, -0.2, -0.6])
    runs, covered = 1_500, 0
    for _ in range(runs):
        found = bradley_terry.rank([_answers(theta, generator, repeats=2) for _ in range(listeners)])
        for each, true in zip(found.strengths, theta, strict=True):
            assert each.interval is not None
            covered += each.interval.low <= true <= each.interval.high
    assert covered / (4 * runs) == pytest.approx(0.95, abs=0.02)


@pytest.mark.thorough
def test_tones_that_are_alike_are_found_different_in_less_than_five_percent_of_the_tests() -> None:
    generator = np.random.default_rng(99)
    alarms = sum(
        any(not p.is_tie for p in bradley_terry.rank([_answers(np.zeros(4), generator) for _ in range(20)]).pairs)
        for _ in range(1_000)
    )
    assert alarms / 1_000 < 0.05 + 3 * 0.0069
