"""Shift and polarity of the files of each chain, which are measured before anything is rendered (`export`)."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from tone_shootout.rendering.executor.path_latencies import shifts_of
from tone_shootout.rendering.executor.registry import MEASURE_LATENCY
from tone_shootout.rendering.executor.task_executor import TaskExecutor
from tone_shootout.rendering.executor.tasks import MeasureLatency, SourceFile, Task
from tone_shootout.rendering.metrics import Latency
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.spec.leaves import files_of

NOT_ALIGNED = "The latency of this chain is ambiguous: its file is neither moved nor inverted."


class Placement(Struct, frozen=True, kw_only=True):
    """What is done to the sound of a chain at its end.

    Attributes:
        shift_samples: samples at 48 kHz by which it is moved earlier.
        inverted: whether its polarity is inverted.
        is_known: whether its latency is.
    """

    shift_samples: int = 0
    inverted: bool = False
    is_known: bool = True


UNCHANGED = Placement()


def total_cost(plan: Plan) -> float:
    """Estimate the cost of measuring the chains, in seconds on one core."""
    return len(_chains(plan)) * MEASURE_LATENCY.cost()


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
    chains = _chains(plan)
    files = [folder / f"placement-{number}" for number in range(len(chains))]
    tasks = [
        (_task(plan, segment, sources, file, paths), MEASURE_LATENCY.cost())
        for segment, file in zip(chains.values(), files, strict=True)
    ]
    for _ in executor.run(tasks):
        pass
    found = (msgspec.msgpack.decode(file.read_bytes(), type=Latency) for file in files)
    return {key: _placement(plan, latency) for key, latency in zip(chains, found, strict=True)}


def after(latency: Latency, placement: Placement) -> Latency:
    """Return the latency of a chain's file: what is left of that of the chain."""
    if latency.samples is None:
        return latency
    polarity = -latency.polarity if placement.inverted else latency.polarity
    return msgspec.structs.replace(latency, samples=latency.samples - placement.shift_samples, polarity=polarity)


def _placement(plan: Plan, latency: Latency) -> Placement:
    export = plan.spec.export
    if latency.samples is None:
        return Placement(is_known=False)
    return Placement(
        shift_samples=latency.samples if export.aligned else 0,
        inverted=export.right_polarity and latency.polarity < 0,
    )


def _chains(plan: Plan) -> dict[str, PlannedSegment]:
    """Return one segment of each chain that is measured, by the key of the chain."""
    if not (plan.spec.export.aligned or plan.spec.export.right_polarity):
        return {}
    found: dict[str, PlannedSegment] = {}
    for segment in plan.segments:
        found.setdefault(segment.chain_key, segment)
    return found


def _task(
    plan: Plan, segment: PlannedSegment, sources: Mapping[str, Path], file: Path, paths: Mapping[str, Latency]
) -> Task:
    chain = plan.spec.chains[segment.chain]
    return MeasureLatency(
        segment=segment,
        chain=chain,
        sources={name: SourceFile(str(sources[name]), plan.media_info[name]) for name in files_of(chain)},
        shifts=shifts_of(segment, paths),
        metrics_file=str(file),
    )
