"""Trials of listening tests: how they are drawn, and which answers fit."""

from collections import Counter
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from tone_shootout.listening.blind.errors import InvalidAnswerError
from tone_shootout.listening.blind.trials import (
    Answer,
    check_answer,
    draw,
    number_of_trials,
    tones_of,
)
from tone_shootout.listening.statistics.consistency import REPEATS


def test_x_is_an_independent_fair_coin_in_each_trial() -> None:
    sessions = [draw("abx", None, 2, 24) for _ in range(400)]
    xs = [[tones_of(each, trial)["x"] == tones_of(each, trial)["a"] for trial in range(1, 25)] for each in sessions]
    flat = [x for row in xs for x in row]
    assert sum(flat) / len(flat) == pytest.approx(0.5, abs=5 * 0.5 / len(flat) ** 0.5)
    same = [first == second for row in xs for first, second in pairwise(row)]
    assert sum(same) / len(same) == pytest.approx(0.5, abs=5 * 0.5 / len(same) ** 0.5)
    # A balanced order would always have 12 of 24, and the last X could be counted.
    assert len({sum(row) for row in xs}) > 5
    assert {each[0].tone for each in sessions} == {0, 1}


def test_no_id_is_used_twice_and_no_id_tells_anything() -> None:
    stimuli = [each for _ in range(50) for kind in ("abx", "identification") for each in draw(kind, None, 2, 4)]
    assert len({each.id for each in stimuli}) == len(stimuli)
    assert {len(each.id) for each in stimuli} == {22}


@pytest.mark.parametrize("tones", [2, 3, 5, 8])
def test_all_pairs_are_asked_and_six_are_repeated(tones: int) -> None:
    trials = number_of_trials("preference", "pairs", tones, None)
    stimuli = draw("preference", "pairs", tones, trials)
    pairs = [frozenset(tones_of(stimuli, trial).values()) for trial in range(1, trials + 1)]
    assert len(set(pairs)) == tones * (tones - 1) // 2
    assert len(pairs) - len(set(pairs)) == REPEATS
    if tones > 2:
        assert all(first != second for first, second in pairwise(pairs))
    assert max(Counter(pairs).values()) - min(Counter(pairs).values()) <= 1


def test_letters_are_drawn_for_each_listener_and_round() -> None:
    first = Counter(tones_of(draw("preference", "sliders", 3, 2), trial)["a"] for _ in range(300) for trial in (1, 2))
    assert all(count > 140 for count in first.values())
    assert len(first) == 3


@pytest.mark.parametrize(
    ("kind", "method", "requested", "expected"),
    [
        ("abx", None, None, 16),
        ("abx", None, 24, 24),
        ("identification", None, None, 1),
        ("preference", "sliders", None, 2),
    ],
)
def test_the_number_of_trials_has_a_default(kind: Any, method: Any, requested: int | None, expected: int) -> None:
    assert number_of_trials(kind, method, 3, requested) == expected


@pytest.mark.parametrize(
    ("kind", "method", "requested"), [("abx", None, 10), ("identification", None, 5), ("preference", "pairs", 8)]
)
def test_other_numbers_of_trials_are_refused(kind: Any, method: Any, requested: int) -> None:
    with pytest.raises(ValueError, match=r"Expected|Leave"):
        number_of_trials(kind, method, 3, requested)


@pytest.mark.parametrize(
    ("kind", "method", "answer"),
    [
        ("abx", None, {"choice": "a"}),
        ("preference", "pairs", {"choice": "tie"}),
        ("preference", "sliders", {"ratings": {"a": 0, "b": 100, "c": 50}}),
        ("identification", None, {"matches": {"a": 3, "b": 1, "c": 2}}),
    ],
)
def test_an_answer_that_fits_is_taken(kind: Any, method: Any, answer: dict[str, Any]) -> None:
    given = msgspec.convert({"trial": 1, **answer}, Answer)
    assert check_answer(kind, method, 3, given) == given


@pytest.mark.parametrize(
    ("kind", "method", "answer", "pointer"),
    [
        ("abx", None, {}, "/choice"),
        ("abx", None, {"choice": "tie"}, "/choice"),
        ("abx", None, {"choice": "a", "ratings": {"a": 1}}, "/ratings"),
        ("preference", "pairs", {"matches": {"a": 1}}, "/choice"),
        ("preference", "sliders", {"ratings": {"a": 0, "b": 100}}, "/ratings"),
        ("identification", None, {"matches": {"a": 1, "b": 1, "c": 2}}, "/matches"),
        ("identification", None, {"matches": {"a": 1, "b": 2, "d": 3}}, "/matches"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_the_field(
    kind: Any, method: Any, answer: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidAnswerError) as refused:
        check_answer(kind, method, 3, msgspec.convert({"trial": 1, **answer}, Answer))
    assert refused.value.errors[0].pointer == pointer
