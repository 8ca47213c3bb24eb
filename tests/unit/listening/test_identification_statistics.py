"""Identification: right matches of a listener who guesses, against the counting of all permutations."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest

from tone_shootout.listening.statistics import identification


def test_chances_are_those_of_counting_all_orders() -> None:
    for names in range(2, 8):
        counts = np.zeros(names + 1)
        for order in permutations(range(names)):
            counts[sum(i == place for i, place in enumerate(order))] += 1
        assert identification.chances(names) == pytest.approx(counts / factorial(names))


def test_rounds_add_up() -> None:
    one = identification.chances(4)
    expected = one
    for rounds in range(2, 8):
        expected = np.convolve(expected, one)
        assert identification.chances(4, rounds) == pytest.approx(expected)


@pytest.mark.parametrize("names", [2, 3, 5, 8])
def test_mean_and_variance_are_the_number_of_rounds(names: int) -> None:
    for rounds in (1, 4, 100):
        found = identification.chances(names, rounds)
        counts = np.arange(len(found))
        assert found.sum() == pytest.approx(1)
        assert found @ counts == pytest.approx(rounds)
        assert found @ (counts - rounds) ** 2 == pytest.approx(rounds)


def test_what_is_needed_is_that_of_the_design() -> None:
    needed = {names: identification.needed(names) for names in range(2, 9)}
    assert needed == {2: None, 3: None, 4: 4, 5: 5, 6: 4, 7: 4, 8: 4}
    # Five of six are impossible with three names, so “5 of 6” of the design means all six.
    assert (identification.needed(3, 2), identification.needed(4, 2)) == (6, 6)
    found = [
        (names, identification.needed(names, rounds), rounds)
        for names, rounds in ((4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (3, 2), (4, 2))
    ]
    p_values = [identification.p_value(k or 0, names, rounds) for names, k, rounds in found]
    assert p_values == pytest.approx([0.042, 0.008, 0.022, 0.018, 0.019, 0.028, 0.023], abs=6e-4)


def test_all_but_one_right_is_impossible() -> None:
    assert all(identification.chances(names)[names - 1] == 0 for names in range(2, 9))
    assert identification.p_value(0, 5) == 1.0
