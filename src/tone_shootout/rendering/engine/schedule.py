"""What has to run of a plan, and in which order, when some of its sound is there already.

The sound behind a capture is worth keeping: inference is what rendering costs. Chains that begin alike share it, so
four amps through five cabs run four inferences. Cheap effects are not kept, they are made again.
"""

import math
from collections.abc import Collection, Iterator

from msgspec import Struct

from tone_shootout.rendering.plan.planner import Plan, PlannedSegment, Stage


class Step(Struct, frozen=True, kw_only=True):
    """The rendering of one segment from the last of its sound that is there.

    Attributes:
        segment: what is rendered.
        first: index of the first of its stages that has to run; 0: from the DI track.
    """

    segment: PlannedSegment
    first: int

    @property
    def begin(self) -> Stage | None:
        """The stage whose sound it begins with, None for the DI track."""
        return self.segment.stages[self.first - 1] if self.first else None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that have to run."""
        return self.segment.stages[self.first :]

    @property
    def cost(self) -> float:
        """Estimated seconds on one core."""
        return math.fsum(stage.cost for stage in self.stages)

    @property
    def inferences(self) -> int:
        """How many captures have to run."""
        return sum(stage.inference for stage in self.stages)


def distinct(plan: Plan) -> list[PlannedSegment]:
    """Return the first segment of each render key."""
    first: dict[str, PlannedSegment] = {}
    for segment in plan.segments:
        first.setdefault(segment.render_key, segment)
    return list(first.values())


def keys_of(segment: PlannedSegment) -> Iterator[tuple[str, int]]:
    """Yield key and samples of the sounds of a segment that are worth keeping: its own, then those behind captures.

    The later in the chain, the earlier it comes: the first that is there is the one to go on from.
    """
    yield segment.render_key, segment.samples
    for stage in reversed(segment.stages):
        if stage.inference:
            yield stage.key, stage.samples


def sound_keys(plan: Plan) -> set[str]:
    """Return the keys of all sounds of a plan that are worth keeping."""
    return {key for segment in plan.segments for key, _ in keys_of(segment)}


def schedule(plan: Plan, there: Collection[str]) -> list[list[Step]]:
    """Return what has to run, in rounds: nothing in a round needs the sound of anything in the same or a later one.

    A sound that several segments need is made by the first of them; the others go on from it in the next round.

    Args:
        plan: all of it.
        there: keys of the segments and of the sounds behind captures that need not be made.
    """
    ready = set(there)
    waiting = [segment for segment in distinct(plan) if segment.render_key not in ready]
    rounds: list[list[Step]] = []
    while waiting:
        coming: set[str] = set()
        steps: list[Step] = []
        later: list[PlannedSegment] = []
        for segment in waiting:
            step = Step(segment=segment, first=_first(segment, ready))
            makes = {stage.key for stage in step.stages if stage.inference}
            if makes & coming:
                later.append(segment)
            else:
                coming |= makes
                steps.append(step)
        rounds.append(steps)
        ready |= coming
        waiting = later
    return rounds


def _first(segment: PlannedSegment, ready: Collection[str]) -> int:
    places = (place for place, stage in enumerate(segment.stages, 1) if stage.inference and stage.key in ready)
    return max(places, default=0)
