"""What answers say: outcomes of one listener, and results over all. No web, no database."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from tone_shootout.listening.blind.result_dtos import (
    AbxListenerRead,
    AbxResultsRead,
    IdentificationListenerRead,
    IdentificationResultsRead,
    OwnIdentificationRead,
    OwnPreferenceRead,
    PreferencePairRead,
    PreferenceResultsRead,
    PreferenceToneRead,
    RankingRead,
    RateRead,
)
from tone_shootout.listening.blind.trials import Answer, Kind, Method, Stimulus, tones_of
from tone_shootout.listening.statistics import abx, consistency
from tone_shootout.listening.statistics.multiple import holm

if TYPE_CHECKING:
    from tone_shootout.listening.statistics.bradley_terry import Matrix


class Run(NamedTuple):
    """One finished session: its sounds, and the answers in order."""

    stimuli: Sequence[Stimulus]
    answers: Sequence[Answer]


class Tone(NamedTuple):
    """A tone of a test: position and chain of its segment."""

    segment: int
    chain: str


def abx_correct(run: Run) -> int:
    """Return how often X was recognized."""
    found = 0
    for answer in run.answers:
        tones = tones_of(run.stimuli, answer.trial)
        found += tones[str(answer.choice)] == tones["x"]
    return found


def abx_results(runs: Sequence[Run], trials: int) -> AbxResultsRead:
    """Return the results of an ABX test over all listeners."""
    correct = [abx_correct(run) for run in runs]
    p_values = [abx.p_value(each, trials) for each in correct]
    return AbxResultsRead(
        needed=abx.needed(trials),
        pooled=RateRead.of(sum(correct), trials * len(runs)) if runs else None,
        listeners=[
            AbxListenerRead(listener=number, correct=right, p_value=p, p_value_corrected=corrected)
            for number, (right, p, corrected) in enumerate(zip(correct, p_values, holm(p_values), strict=True), 1)
        ],
    )


def rule_of(method: Method | None, tones: int) -> str:
    """Return the rule of consistency in a sentence."""
    if method == "pairs":
        least = consistency.AGREEING[consistency.REPEATS]
        return f"A listener is consistent if at least {least} of {consistency.REPEATS} hidden repeats agree."
    return (
        "All tones are rated twice. A listener is consistent if the rank correlation of both ratings is at least "
        f"{consistency.CORRELATION[tones]:g}."
    )


def is_consistent(run: Run, method: Method | None, tones: int) -> bool:
    """Return whether a listener passes the rule of consistency."""
    if method == "pairs":
        return consistency.pairs_are_consistent(_agreeing(run), consistency.REPEATS)
    first, second = (_ratings(run, trial, tones) for trial in (1, 2))
    return consistency.ratings_are_consistent(first, second)


def wins_of(run: Run, method: Method | None, tones: int) -> "Matrix":
    """Return how often a listener preferred the row to the column; a tie counts one half for both."""
    import numpy as np

    wins = np.zeros((tones, tones))
    if method == "pairs":
        for answer in run.answers:
            heard = tones_of(run.stimuli, answer.trial)
            a, b = heard["a"], heard["b"]
            share = {"a": 1.0, "b": 0.0}.get(str(answer.choice), 0.5)
            wins[a, b] += share
            wins[b, a] += 1.0 - share
        return wins
    means = np.array(_mean_ratings(run, tones))
    wins = (means[:, None] > means[None, :]) + 0.5 * (means[:, None] == means[None, :])
    np.fill_diagonal(wins, 0.0)
    return np.asarray(wins, dtype=np.float64)


def preference_results(runs: Sequence[Run], method: Method | None, tones: Sequence[Tone]) -> PreferenceResultsRead:
    """Return the results of a preference test, with and without inconsistent listeners."""
    kept = [run for run in runs if is_consistent(run, method, len(tones))]
    return PreferenceResultsRead(
        rule=rule_of(method, len(tones)),
        excluded=len(runs) - len(kept),
        everybody=_ranking(runs, method, tones),
        consistent=_ranking(kept, method, tones),
    )


def own_preference(run: Run, method: Method | None, tones: Sequence[Tone]) -> OwnPreferenceRead:
    """Return a listener's own ranking."""
    ranking = _ranking([run], method, tones)
    return OwnPreferenceRead(
        is_consistent=is_consistent(run, method, len(tones)),
        rule=rule_of(method, len(tones)),
        tones=ranking.tones if ranking else [],
    )


def identified(run: Run) -> int:
    """Return the number of right matches of a listener, over all rounds."""
    return sum(tone == named for tone, named in _matches(run))


def own_identification(run: Run, tones: int) -> OwnIdentificationRead:
    """Return a listener's own matches against chance."""
    from tone_shootout.listening.statistics import identification

    rounds, correct = len(run.answers), identified(run)
    return OwnIdentificationRead(
        correct=correct,
        expected=float(rounds),
        p_value=identification.p_value(correct, tones, rounds),
        needed=identification.needed(tones, rounds),
    )


def identification_results(runs: Sequence[Run], tones: int, rounds: int) -> IdentificationResultsRead:
    """Return the results of an identification over all listeners."""
    from tone_shootout.listening.statistics import identification

    correct = [identified(run) for run in runs]
    p_values = [identification.p_value(each, tones, rounds) for each in correct]
    confusions = [[0] * tones for _ in range(tones)]
    for run in runs:
        for tone, named in _matches(run):
            confusions[tone][named] += 1
    return IdentificationResultsRead(
        needed=identification.needed(tones, rounds),
        expected=float(rounds * len(runs)),
        correct=sum(correct),
        p_value=identification.p_value(sum(correct), tones, rounds * len(runs)) if runs else None,
        listeners=[
            IdentificationListenerRead(listener=number, correct=right, p_value=p, p_value_corrected=corrected)
            for number, (right, p, corrected) in enumerate(zip(correct, p_values, holm(p_values), strict=True), 1)
        ],
        confusions=confusions,
    )


def rows(runs: Sequence[Run], kind: Kind, tones: Sequence[Tone]) -> list[list[Any]]:
    """Return every answer as a row: listener, trial, label, segment, chain, answer, and 1 if it is right, 0 if not."""
    found: list[list[Any]] = []
    for number, run in enumerate(runs, 1):
        for answer in run.answers:
            heard = tones_of(run.stimuli, answer.trial)
            labels = ["x"] if kind == "abx" else sorted(heard)
            for label in labels:
                tone = tones[heard[label]]
                found.append(
                    [number, answer.trial, label, tone.segment, tone.chain, *_cells(answer, label, heard, tones)]
                )
    return found


def _cells(answer: Answer, label: str, heard: Mapping[str, int], tones: Sequence[Tone]) -> tuple[Any, Any]:
    """Return the answer about one sound, and whether it is right; empty where nothing is right or wrong."""
    if isinstance(answer.matches, Mapping):
        named = answer.matches[label] - 1
        return tones[named].chain, int(named == heard[label])
    if isinstance(answer.ratings, Mapping):
        return answer.ratings[label], ""
    if label == "x":
        return answer.choice, int(heard[str(answer.choice)] == heard["x"])
    return "tie" if answer.choice == "tie" else "preferred" if answer.choice == label else "other", ""


def _ranking(runs: Sequence[Run], method: Method | None, tones: Sequence[Tone]) -> RankingRead | None:
    from tone_shootout.listening.statistics import bradley_terry

    if not runs:
        return None
    count = len(tones)
    found = bradley_terry.rank([wins_of(run, method, count) for run in runs])
    ratings: list[tuple[float, ...]] = [() for _ in tones]
    if method != "pairs":
        ratings = list(zip(*(_mean_ratings(run, count) for run in runs), strict=True))
    rated = [
        PreferenceToneRead(
            segment=tone.segment,
            chain=tone.chain,
            strength=strength.strength,
            strength_low=strength.interval.low if strength.interval else None,
            strength_high=strength.interval.high if strength.interval else None,
            mean_rating=fmean(given) if given else None,
        )
        for tone, strength, given in zip(tones, found.strengths, ratings, strict=True)
    ]
    return RankingRead(
        listeners=len(runs),
        tones=sorted(rated, key=lambda each: -each.strength),
        pairs=[
            PreferencePairRead(
                first=tones[pair.first].segment,
                second=tones[pair.second].segment,
                difference=pair.difference,
                difference_low=pair.interval.low,
                difference_high=pair.interval.high,
                p_value_corrected=pair.p_value,
                is_tie=pair.is_tie,
            )
            for pair in found.pairs
        ],
    )


def _agreeing(run: Run) -> int:
    """Return how many hidden repeats of pairs have the answer of the first time."""
    first: dict[frozenset[int], int | None] = {}
    found = 0
    for answer in run.answers:
        heard = tones_of(run.stimuli, answer.trial)
        preferred = None if answer.choice == "tie" else heard[str(answer.choice)]
        pair = frozenset(heard.values())
        if pair in first:
            found += preferred == first[pair]
        else:
            first[pair] = preferred
    return found


def _ratings(run: Run, trial: int, tones: int) -> list[float]:
    """Return the ratings of a trial by tone."""
    answer = next(each for each in run.answers if each.trial == trial)
    found = [0.0] * tones
    if isinstance(answer.ratings, Mapping):
        for label, tone in tones_of(run.stimuli, trial).items():
            found[tone] = float(answer.ratings[label])
    return found


def _mean_ratings(run: Run, tones: int) -> list[float]:
    return [fmean(pair) for pair in zip(_ratings(run, 1, tones), _ratings(run, 2, tones), strict=True)]


def _matches(run: Run) -> list[tuple[int, int]]:
    """Return (tone, named tone) of all matches."""
    return [
        (tone, answer.matches[label] - 1)
        for answer in run.answers
        if isinstance(answer.matches, Mapping)
        for label, tone in tones_of(run.stimuli, answer.trial).items()
    ]
