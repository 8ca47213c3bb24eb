"""What a listener hears and answers: drawn at the start, without web and database.

Labels are letters; a label says nothing about a tone. Ids of stimuli are random and used once.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from random import SystemRandom
from typing import Final, Literal, TypeVar

from msgspec import UNSET, Struct, UnsetType

from tone_shootout.listening.blind.errors import InvalidAnswerError
from tone_shootout.listening.statistics.abx import TRIALS
from tone_shootout.listening.statistics.consistency import REPEATS

Kind = Literal["abx", "preference", "identification"]
Method = Literal["sliders", "pairs"]
Choice = Literal["a", "b", "tie"]

LETTERS: Final = "abcdefgh"
MAX_TONES: Final = len(LETTERS)
MIN_SLIDERS: Final = 3
"""Fewest tones for sliders: with two, any two ratings correlate."""
DEFAULT_TRIALS: Final = 16
MAX_ROUNDS: Final = 4
SLIDER_ROUNDS: Final = 2
"""All tones are rated twice."""
_ALL_TRIALS: Final = 0
_SHUFFLES: Final = 200

_random: Final = SystemRandom()
T = TypeVar("T")


class Stimulus(Struct, frozen=True, kw_only=True):
    """One sound of a session.

    Attributes:
        id: random name, used once.
        label: letter that the listener sees.
        tone: index of the tone. This is the key.
        trial: number of the trial, from 1; 0: heard in all trials.
    """

    id: str
    label: str
    tone: int
    trial: int


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one trial; which field has it depends on the kind of the test."""

    trial: int
    choice: Choice | UnsetType = UNSET
    ratings: dict[str, int] | UnsetType = UNSET
    matches: dict[str, int] | UnsetType = UNSET


def number_of_trials(kind: Kind, method: Method | None, tones: int, requested: int | None) -> int:
    """Return the number of trials.

    Args:
        kind: kind of the test.
        method: how a preference is stated.
        tones: number of tones.
        requested: trials of an ABX test, rounds of an identification; None for the default.

    Raises:
        ValueError: the number is not allowed, with the reason.
    """
    if kind == "abx":
        found = DEFAULT_TRIALS if requested is None else requested
        if found not in TRIALS:
            raise ValueError(f"Expected one of {', '.join(map(str, TRIALS))} trials, got {found}.")
        return found
    if kind == "identification":
        found = 1 if requested is None else requested
        if not 1 <= found <= MAX_ROUNDS:
            raise ValueError(f"Expected 1 to {MAX_ROUNDS} rounds, got {found}.")
        return found
    if requested is not None:
        raise ValueError("The trials of a preference follow from its segments. Leave `trials` out.")
    return SLIDER_ROUNDS if method == "sliders" else tones * (tones - 1) // 2 + REPEATS


def draw(kind: Kind, method: Method | None, tones: int, trials: int) -> list[Stimulus]:
    """Draw all sounds of a session."""
    if kind == "abx":
        a, b = _shuffled(range(tones))
        # An independent fair coin for each trial: a balanced order could be counted.
        xs = [_stimulus("x", (a, b)[secrets.randbits(1)], trial) for trial in range(1, trials + 1)]
        return [_stimulus("a", a, _ALL_TRIALS), _stimulus("b", b, _ALL_TRIALS), *xs]
    if method == "pairs":
        return [
            _stimulus(label, tone, trial)
            for trial, pair in enumerate(_ordered_pairs(tones), 1)
            for label, tone in zip(LETTERS, _shuffled(pair), strict=False)
        ]
    return [
        _stimulus(label, tone, trial)
        for trial in range(1, trials + 1)
        for label, tone in zip(LETTERS, _shuffled(range(tones)), strict=False)
    ]


def heard_in(stimuli: Sequence[Stimulus], trial: int) -> list[Stimulus]:
    """Return the sounds of a trial."""
    return [each for each in stimuli if each.trial in (_ALL_TRIALS, trial)]


def tones_of(stimuli: Sequence[Stimulus], trial: int) -> dict[str, int]:
    """Return the tones of a trial by their labels."""
    return {each.label: each.tone for each in heard_in(stimuli, trial)}


def check_answer(kind: Kind, method: Method | None, tones: int, answer: Answer) -> Answer:
    """Return an answer that fits its trial.

    Raises:
        InvalidAnswerError: a field is missing, does not belong to this kind, or does not name all letters.
    """
    wanted = "choice" if kind == "abx" or method == "pairs" else "ratings" if kind == "preference" else "matches"
    for name in ("choice", "ratings", "matches"):
        is_sent = getattr(answer, name) is not UNSET
        if is_sent != (name == wanted):
            raise InvalidAnswerError(f"/{name}", f"Expected `{wanted}` and no other answer, got {_sent(answer)}.")
    if kind == "abx" and answer.choice == "tie":
        raise InvalidAnswerError("/choice", "Expected `a` or `b`, got `tie`.")
    labels: set[str] = set(LETTERS[:tones])
    if isinstance(answer.ratings, Mapping):
        _check_labels("ratings", answer.ratings, labels)
    if isinstance(answer.matches, Mapping):
        _check_labels("matches", answer.matches, labels)
        if set(answer.matches.values()) != set(range(1, tones + 1)):
            raise InvalidAnswerError("/matches", f"Expected each number from 1 to {tones} once.")
    return answer


def _check_labels(field: str, found: Mapping[str, int], labels: set[str]) -> None:
    if found.keys() != labels:
        expected = ", ".join(sorted(labels))
        raise InvalidAnswerError(f"/{field}", f"Expected a value for each of {expected}, got {len(found)} values.")


def _sent(answer: Answer) -> str:
    sent = [f"`{name}`" for name in ("choice", "ratings", "matches") if getattr(answer, name) is not UNSET]
    return " and ".join(sent) or "none"


def _ordered_pairs(tones: int) -> list[tuple[int, int]]:
    """Return all pairs and the hidden repeats in a random order, without a pair directly after itself if possible."""
    pairs = list(combinations(range(tones), 2))
    repeated = [pair for _ in range(REPEATS) for pair in _shuffled(pairs)][:REPEATS]
    order = [*pairs, *repeated]
    for _ in range(_SHUFFLES):
        _random.shuffle(order)
        if all(first != second for first, second in pairwise(order)):
            break
    return order


def _shuffled(values: Iterable[T]) -> list[T]:
    found = list(values)
    _random.shuffle(found)
    return found


def _stimulus(label: str, tone: int, trial: int) -> Stimulus:
    return Stimulus(id=secrets.token_urlsafe(16), label=label, tone=tone, trial=trial)
