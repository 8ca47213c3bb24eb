"""Measurements of latency with a probe signal: of chains, and of paths of splits as if they were chains."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from tone_shootout.rendering.executor.registry import MEASURE_LATENCY
from tone_shootout.rendering.executor.task_executor import TaskExecutor
from tone_shootout.rendering.executor.tasks import MeasureLatency, SourceFile
from tone_shootout.rendering.metrics import Latency
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.spec.leaves import files_of


def chains_of(plan: Plan) -> dict[str, PlannedSegment]:
    """Return one segment for each chain and calibration gain, by the key of the chain."""
    found: dict[str, PlannedSegment] = {}
    for segment in plan.segments:
        found.setdefault(segment.chain_key, segment)
    return found


def latency_task(
    plan: Plan,
    segment: PlannedSegment,
    sources: Mapping[str, Path],
    file: Path,
    shifts: Mapping[int, tuple[int, ...]] | None = None,
) -> MeasureLatency:
    """Return the task that measures the stages of a segment.

    Args:
        plan: the plan.
        segment: the segment.
        sources: path of each of the plan's files, by the spec's `file`.
        file: file for the result, `Latency`.
        shifts: as in `RenderSegment`.
    """
    chain = plan.spec.chains[segment.chain]
    return MeasureLatency(
        segment=segment,
        chain=chain,
        sources={name: SourceFile(str(sources[name]), plan.media_info[name]) for name in files_of(chain)},
        shifts=dict(shifts or {}),
        metrics_file=str(file),
    )


def measure_latencies(tasks: Mapping[str, MeasureLatency], executor: TaskExecutor) -> dict[str, Latency]:
    """Run tasks and return their results under the same keys."""
    for _ in executor.run([(task, MEASURE_LATENCY.cost()) for task in tasks.values()]):
        pass
    return {key: read_latency(Path(task.metrics_file)) for key, task in tasks.items()}


def read_latency(file: Path) -> Latency:
    """Return the result of a task."""
    return msgspec.msgpack.decode(file.read_bytes(), type=Latency)
