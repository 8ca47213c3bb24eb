"""Latencies of the paths of splits, which are measured before anything is rendered, and the shifts that follow."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from tone_shootout.rendering.engine.schedule import distinct
from tone_shootout.rendering.executor.latencies import latency_task, measure_latencies
from tone_shootout.rendering.executor.registry import MEASURE_LATENCY
from tone_shootout.rendering.executor.task_executor import TaskExecutor
from tone_shootout.rendering.metrics import Latency
from tone_shootout.rendering.output.manifest import PathRecord, SplitRecord
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.plan.rates import OUTPUT_RATE
from tone_shootout.rendering.plan.stages import Stage, StagePath

UNDELAYED = Latency(samples=0, confidence=0.0, polarity=1)
"""Latency of a path without blocks."""


class _Place(Struct, frozen=True):
    """A path: the segment and the stage of its split, and its number in it."""

    segment: PlannedSegment
    stage: Stage
    path: StagePath


def total_cost(plan: Plan) -> float:
    """Estimate the cost of measuring the paths, in seconds on one core."""
    return len(_paths(plan)) * MEASURE_LATENCY.cost()


def measure(plan: Plan, sources: Mapping[str, Path], folder: Path, executor: TaskExecutor) -> dict[str, Latency]:
    """Measure the latency of each path of the plan's splits, unless none of a split's paths is aligned.

    Args:
        plan: the plan.
        sources: path of each of the plan's files, by the spec's `file`.
        folder: folder for the results.
        executor: runs the tasks.

    Returns:
        Latencies by the key of the path.
    """
    return measure_latencies(
        {
            key: latency_task(plan, _alone(place), sources, folder / f"path-{number}")
            for number, (key, place) in enumerate(_paths(plan).items())
        },
        executor,
    )


def shifts_of(segment: PlannedSegment, latencies: Mapping[str, Latency]) -> dict[int, tuple[int, ...]]:
    """Return by how many samples each path of each split is moved earlier, at the rate of the split.

    An aligned path starts as early as the path with the least latency. A path whose latency is ambiguous stays.

    Args:
        segment: the segment.
        latencies: latencies by the key of the path, from `measure`.
    """
    return {
        number: _shifts(stage, latencies)
        for number, stage in enumerate(segment.stages)
        if any(path.align for path in stage.paths)
    }


def split_records(segment: PlannedSegment, latencies: Mapping[str, Latency]) -> tuple[SplitRecord, ...]:
    """Return what the manifest states about the splits of a segment."""
    return tuple(
        SplitRecord(
            block=stage.place[0],
            sample_rate_hz=stage.rate,
            paths=tuple(
                PathRecord(align=path.align, latency=_latency(path, latencies), shift_samples=shift)
                for path, shift in zip(stage.paths, _shifts(stage, latencies), strict=True)
            ),
        )
        for stage in segment.stages
        if stage.paths
    )


def unaligned(segment: PlannedSegment, latencies: Mapping[str, Latency]) -> list[str]:
    """Return a sentence for each path that should be aligned and whose latency is ambiguous."""
    return [
        f"Path {number} of block {stage.place[0] + 1} is not aligned: its latency is ambiguous."
        for stage in segment.stages
        for number, path in enumerate(stage.paths, 1)
        if path.align and ((found := _latency(path, latencies)) is None or found.samples is None)
    ]


def _shifts(stage: Stage, latencies: Mapping[str, Latency]) -> tuple[int, ...]:
    found = [_latency(path, latencies) for path in stage.paths]
    known = [latency.samples for latency in found if latency is not None and latency.samples is not None]
    least = min(known, default=0)
    return tuple(
        round((latency.samples - least) * stage.rate / OUTPUT_RATE)
        if path.align and latency is not None and latency.samples is not None
        else 0
        for path, latency in zip(stage.paths, found, strict=True)
    )


def _latency(path: StagePath, latencies: Mapping[str, Latency]) -> Latency | None:
    return latencies.get(path.key) if path.stages else UNDELAYED


def _paths(plan: Plan) -> dict[str, _Place]:
    """Return a place of each path that is measured, by its key."""
    return {
        path.key: _Place(segment, stage, path)
        for segment in distinct(plan)
        for stage in segment.stages
        if any(each.align for each in stage.paths)
        for path in stage.paths
        if path.stages
    }


def _alone(place: _Place) -> PlannedSegment:
    """Return a segment of which a path is the whole chain."""
    renumbered = {number: index for index, number in enumerate(place.path.stages)}
    stages = tuple(
        msgspec.structs.replace(stage, source=renumbered.get(stage.source, -1))
        for stage in (place.segment.stages[number] for number in place.path.stages)
    )
    return msgspec.structs.replace(place.segment, stages=stages, chain_key=place.path.key)
