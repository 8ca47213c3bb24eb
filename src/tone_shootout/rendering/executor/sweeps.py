"""Tones at several input levels: which segments they are, and how far they are from each other at each level."""

from collections.abc import Mapping, Sequence

import msgspec

from tone_shootout.rendering.metrics import Pair, SweepDistances
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.spec.grid import swept_name
from tone_shootout.rendering.spec.schema import Chain

_Tones = Mapping[str, Mapping[float, PlannedSegment]]


def swept_tones(plan: Plan, segments: Sequence[PlannedSegment]) -> _Tones:
    """Return the segments of a DI track by tone and input level, dB, ascending.

    A tone is a chain without its name and its input level. Only levels at which all tones are count. Empty unless there
    are two tones or more and two levels or more.

    Args:
        plan: the plan.
        segments: all segments of a DI track.
    """
    found: dict[Chain, dict[float, PlannedSegment]] = {}
    for segment in segments:
        chain = plan.spec.chains[segment.chain]
        tone = msgspec.structs.replace(chain, name="tone", input_gain_db=0.0)
        found.setdefault(tone, {}).setdefault(input_level_db(chain), segment)
    swept = [levels for levels in found.values() if len(levels) > 1]
    common = sorted(set.intersection(*map(set, swept))) if swept else []
    if len(swept) < 2 or len(common) < 2:
        return {}
    return {_name(levels): {level: levels[level] for level in common} for levels in swept}


def input_level_db(chain: Chain) -> float:
    """Return the gain before the first capture of a chain whose sweep is expanded, dB."""
    return 0.0 if isinstance(chain.input_gain_db, tuple) else chain.input_gain_db


def sweep_distances(tones: _Tones, pairs: Sequence[Pair]) -> SweepDistances | None:
    """Return how far tones are from each other at each level, from the comparisons of their segments.

    Args:
        tones: the segments by tone and level.
        pairs: the comparisons. A level at which a segment is not compared, because it is silent, is left out.

    Returns:
        The distances; None without tones, or without a level at which all are compared.
    """
    between = {(pair.reference, pair.position): pair.log_mel_db for pair in pairs}
    compared = {position for pair in between for position in pair}
    if not tones:
        return None
    levels = [
        level
        for level in next(iter(tones.values()))
        if all(segments[level].position in compared for segments in tones.values())
    ]
    if not levels:
        return None

    def mean(tone: str, level: float) -> float:
        own = tones[tone][level].position
        others = [segments[level].position for name, segments in tones.items() if name != tone]
        return sum(between[min(own, other), max(own, other)] for other in others) / len(others)

    first = next(iter(next(iter(tones.values())).values()))
    return SweepDistances(
        di_track=first.di_name,
        input_db=tuple(levels),
        tones=tuple(tones),
        distances_db=tuple(tuple(mean(tone, level) for level in levels) for tone in tones),
    )


def _name(levels: Mapping[float, PlannedSegment]) -> str:
    """Return the name of a tone: that of its chains without the level that a sweep adds."""
    level, segment = next(iter(levels.items()))
    return segment.chain_name.removesuffix(swept_name("", level)) or segment.chain_name
