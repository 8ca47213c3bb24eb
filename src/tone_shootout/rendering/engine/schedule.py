"""Which parts of a plan have to be rendered, and in which order, given the samples that are cached.

The output of a capture is worth caching, because inference is most of the cost. Chains with equal first blocks share
it: four amps through five cabs run four inferences. Cheap effects are not cached, they are computed again.
"""

import math
from collections.abc import Collection, Iterator

from msgspec import Struct

from tone_shootout.rendering.plan.planner import Plan, PlannedSegment, Stage


class Step(Struct, frozen=True, kw_only=True):
    """The rendering of one segment from its last available stage.

    Attributes:
        segment: the segment.
        first: index of the first stage that has to run; 0: start from the DI track.
    """

    segment: PlannedSegment
    first: int

    @property
    def resume_from(self) -> Stage | None:
        """The stage whose output is the input of the first stage that runs, None for the DI track."""
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
        """Number of captures that have to run."""
        return sum(stage.inference for stage in self.stages)


def distinct(plan: Plan) -> list[PlannedSegment]:
    """Return the first segment of each render key."""
    first: dict[str, PlannedSegment] = {}
    for segment in plan.segments:
        first.setdefault(segment.render_key, segment)
    return list(first.values())


def keys_of(segment: PlannedSegment) -> Iterator[tuple[str, int]]:
    """Yield key and length in samples of a segment's cacheable outputs: the segment's own, then those of its captures.

    Later stages come first, so the first one that is available is the best to resume from.
    """
    yield segment.render_key, segment.samples
    for stage in reversed(segment.stages):
        if stage.inference:
            yield stage.key, stage.samples


def sound_keys(plan: Plan) -> set[str]:
    """Return the keys of all cacheable outputs of a plan."""
    return {key for segment in plan.segments for key, _ in keys_of(segment)}


def schedule(plan: Plan, available: Collection[str]) -> list[list[Step]]:
    """Return the steps that have to run, in rounds: no step needs an output of the same or a later round.

    An output that several segments need is made by the first of them; the others resume from it in the next round.

    Args:
        plan: the plan.
        available: keys of the outputs that need not be rendered.
    """
    ready = set(available)
    waiting = [segment for segment in distinct(plan) if segment.render_key not in ready]
    rounds: list[list[Step]] = []
    while waiting:
        in_round: set[str] = set()
        steps: list[Step] = []
        later: list[PlannedSegment] = []
        for segment in waiting:
            step = Step(segment=segment, first=_first_stage(segment, ready))
            outputs = {stage.key for stage in step.stages if stage.inference}
            if outputs & in_round:
                later.append(segment)
            else:
                in_round |= outputs
                steps.append(step)
        rounds.append(steps)
        ready |= in_round
        waiting = later
    return rounds


def _first_stage(segment: PlannedSegment, ready: Collection[str]) -> int:
    indices = (index for index, stage in enumerate(segment.stages, 1) if stage.inference and stage.key in ready)
    return max(indices, default=0)
