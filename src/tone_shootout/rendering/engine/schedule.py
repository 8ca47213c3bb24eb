"""Which parts of a plan have to be rendered, and in which order, given the samples that are cached.

The output of a capture is worth caching, because inference is most of the cost. Chains with equal first blocks share
it: four amps through five cabs run four inferences. Cheap effects are not cached, they are computed again.
"""

import math
from collections.abc import Callable, Collection
from functools import partial

from msgspec import Struct

from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.plan.stages import Stage


class Step(Struct, frozen=True, kw_only=True):
    """The rendering of one segment from its last available stages.

    Attributes:
        segment: the segment.
        runs: indices of the stages that have to run, in order.
        resumes: indices of the stages whose available outputs those need; none: start from the DI track.
    """

    segment: PlannedSegment
    runs: tuple[int, ...]
    resumes: tuple[int, ...] = ()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that have to run."""
        return tuple(self.segment.stages[index] for index in self.runs)

    @property
    def resumed_keys(self) -> tuple[str, ...]:
        """Keys of the outputs that it resumes from."""
        return tuple(self.segment.stages[index].key for index in self.resumes)

    @property
    def cost(self) -> float:
        """Estimated seconds on one core."""
        return math.fsum(stage.cost for stage in self.stages)

    @property
    def inferences(self) -> int:
        """Number of captures that have to run."""
        return sum(stage.inference for stage in self.stages)


def step_of(segment: PlannedSegment, is_available: Callable[[Stage], bool]) -> Step:
    """Return the step of a segment: it goes back from the output to the captures whose outputs are available.

    Args:
        segment: the segment.
        is_available: whether the output of a capture's stage is available; called once for each that is needed, later
            ones first.
    """
    runs: set[int] = set()
    resumes: set[int] = set()
    needed = {len(segment.stages) - 1}
    for index in range(len(segment.stages) - 1, -1, -1):
        if index in needed:
            stage = segment.stages[index]
            if stage.inference and is_available(stage):
                resumes.add(index)
            else:
                runs.add(index)
                needed.update(stage.inputs)
    return Step(segment=segment, runs=tuple(sorted(runs)), resumes=tuple(sorted(resumes)))


def distinct(plan: Plan) -> list[PlannedSegment]:
    """Return the first segment of each render key."""
    first: dict[str, PlannedSegment] = {}
    for segment in plan.segments:
        first.setdefault(segment.render_key, segment)
    return list(first.values())


def sound_keys(plan: Plan) -> set[str]:
    """Return the keys of all cacheable outputs of a plan."""
    captures = {stage.key for segment in plan.segments for stage in segment.stages if stage.inference}
    return captures | {segment.render_key for segment in plan.segments}


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
            step = step_of(segment, partial(_is_ready, ready))
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


def _is_ready(ready: Collection[str], stage: Stage) -> bool:
    return stage.key in ready
