"""Shift and polarity of the files of each chain, which are measured before anything is rendered (`export`)."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from tone_shootout.rendering.executor.latencies import chains_of, latency_task, measure_latencies
from tone_shootout.rendering.executor.path_latencies import shifts_of
from tone_shootout.rendering.executor.registry import MEASURE_LATENCY
from tone_shootout.rendering.executor.task_executor import TaskExecutor
from tone_shootout.rendering.metrics import UNKNOWN, Latency
from tone_shootout.rendering.plan.planner import Plan

NOT_ALIGNED = "The latency of this chain is ambiguous: its file is neither moved nor inverted."


class Placement(Struct, frozen=True, kw_only=True):
    """What is done to the sound of a chain at its end.

    Attributes:
        shift_samples: samples at 48 kHz by which it is moved earlier.
        inverted: whether its polarity is inverted.
        is_known: whether its latency is.
        left: what is left of the latency and polarity of the chain in its file.
    """

    shift_samples: int = 0
    inverted: bool = False
    is_known: bool = True
    left: Latency = UNKNOWN


UNCHANGED = Placement()


def total_cost(plan: Plan) -> float:
    """Estimate the cost of measuring the chains, in seconds on one core."""
    return len(chains_of(plan)) * MEASURE_LATENCY.cost() if is_needed(plan) else 0.0


def measure(
    plan: Plan, sources: Mapping[str, Path], folder: Path, executor: TaskExecutor, paths: Mapping[str, Latency]
) -> dict[str, Placement]:
    """Measure each chain, if the plan's files are to be aligned or of one polarity.

    Args:
        plan: the plan.
        sources: path of each of the plan's files, by the spec's `file`.
        folder: folder for the results.
        executor: runs the tasks.
        paths: latencies of the paths of splits.

    Returns:
        Placements by the key of the chain; empty if files are as their chains leave them.
    """
    if not is_needed(plan):
        return {}
    tasks = {
        key: latency_task(plan, segment, sources, folder / f"placement-{number}", shifts_of(segment, paths))
        for number, (key, segment) in enumerate(chains_of(plan).items())
    }
    return {key: _placement(plan, latency) for key, latency in measure_latencies(tasks, executor).items()}


def _placement(plan: Plan, latency: Latency) -> Placement:
    export = plan.spec.export
    if latency.samples is None:
        return Placement(is_known=False, left=latency)
    shift = latency.samples if export.aligned else 0
    inverted = export.right_polarity and latency.polarity < 0
    polarity = -latency.polarity if inverted else latency.polarity
    left = msgspec.structs.replace(latency, samples=latency.samples - shift, polarity=polarity)
    return Placement(shift_samples=shift, inverted=inverted, left=left)


def is_needed(plan: Plan) -> bool:
    """Return whether chains are measured before anything is rendered."""
    return plan.spec.export.aligned or plan.spec.export.right_polarity
