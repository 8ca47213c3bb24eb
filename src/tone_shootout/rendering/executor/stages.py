"""Carries out a plan: fetches cached samples, renders the rest, measures, and writes the leveled files."""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import msgspec
from msgspec import Struct

from tone_shootout.rendering.engine.schedule import Step, distinct, step_of
from tone_shootout.rendering.executor import path_latencies, placements
from tone_shootout.rendering.executor.placements import Placement
from tone_shootout.rendering.executor.registry import LEVEL_SEGMENT, MEASURE_LOUDNESS, RENDER_SEGMENT
from tone_shootout.rendering.executor.reporter import Reporter, SegmentStatus, Store
from tone_shootout.rendering.executor.task_executor import TaskExecutor
from tone_shootout.rendering.executor.tasks import (
    LevelSegment,
    Measured,
    MeasureLoudness,
    Preview,
    RenderSegment,
    SourceFile,
    Task,
)
from tone_shootout.rendering.metrics import Latency
from tone_shootout.rendering.output.manifest import LevelRecord
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.spec.leaves import block_at
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock

if TYPE_CHECKING:
    from tone_shootout.audio.signals import Float32

# The level match is repeated if gating leaves a larger error in a segment, which is rare.
_LEVEL_TOLERANCE_LU: Final = 0.01
_LEVEL_ROUNDS: Final = 4
# Samples are stored as 32-bit floating point, little-endian on every machine.
_SAMPLE: Final = "<f4"
_SAMPLE_BYTES: Final = 4


class LeveledSegment(Struct, frozen=True):
    """A written segment: its levels, its gain, and the loudness and true peak that the gain was computed from."""

    measured: Measured
    gain_db: float
    loudness_before_lufs: float
    true_peak_before_dbtp: float


def fetch(plan: Plan, store: Store | None, raws: Path, reporter: Reporter) -> set[str]:
    """Copy cached samples from the store to `raws`: of each segment, or of the last stages that are cached.

    Returns:
        The keys of the samples that are available.
    """
    available: set[str] = set()
    if store is None:
        return available
    import numpy as np

    missing: set[str] = set()

    def find(key: str, samples: int, channels: int) -> bool:
        reporter.check()
        if key not in available and key not in missing:
            content = store.get(key)
            found = None if content is None else _decode_samples(content, samples, channels)
            if found is None:
                missing.add(key)
            else:
                np.save(raw_file(raws, key), found, allow_pickle=False)
                available.add(key)
        return key in available

    for segment in distinct(plan):
        if not find(segment.render_key, segment.samples, segment.channels):
            step_of(segment, lambda stage: find(stage.key, stage.samples, stage.channels))
    return available


def _decode_samples(content: bytes, length: int, channels: int) -> "Float32 | None":
    """Return stored samples, shape (length,) or (2, length), None if the length differs or a sample is not finite."""
    import numpy as np

    if len(content) != length * channels * _SAMPLE_BYTES:
        return None
    samples = np.frombuffer(content, _SAMPLE).astype(np.float32)
    if not np.isfinite(samples).all():
        return None
    return samples if channels == 1 else samples.reshape(channels, length)


def _store_samples(store: Store, raws: Path, key: str) -> None:
    import numpy as np

    store.put(key, np.load(raw_file(raws, key), allow_pickle=False).astype(_SAMPLE, copy=False).tobytes())


def total_cost(plan: Plan, rounds: Sequence[Sequence[Step]]) -> float:
    """Estimate the cost of all leveled segments, in seconds on one core."""
    rendering = math.fsum(step.cost for steps in rounds for step in steps)
    measuring = math.fsum(MEASURE_LOUDNESS.cost(segment.seconds) for segment in distinct(plan))
    placing = path_latencies.total_cost(plan) + placements.total_cost(plan)
    return placing + rendering + measuring + LEVEL_SEGMENT.cost(plan.seconds)


def render(
    plan: Plan,
    sources: Mapping[str, Path],
    raws: Path,
    rounds: Sequence[Sequence[Step]],
    executor: TaskExecutor,
    latencies: Mapping[str, Latency],
    placed: Mapping[str, Placement],
    previews: Path | None = None,
) -> dict[str, Measured]:
    """Render the segments that are missing and measure all of them.

    Args:
        plan: the plan.
        sources: path of each of the plan's files, by the spec's `file`.
        raws: folder of the samples; only those of whole segments remain in it.
        rounds: missing parts, from `schedule`.
        executor: runs the tasks and stores their results.
        latencies: latencies of the paths of splits, from `path_latencies.measure`.
        placed: shift and polarity by the key of the chain, from `placements.measure`.
        previews: folder for a preview of each segment, written as `preview_file` once it is rendered; None: none.

    Returns:
        The levels of each segment, by render key.
    """
    store = executor.store
    rendered = {step.segment.render_key for steps in rounds for step in steps}
    cached = [segment for segment in distinct(plan) if segment.render_key not in rendered]
    resumed = {key for steps in rounds for step in steps for key in step.resumed_keys}
    measured: dict[str, Measured] = {}
    if not rounds:
        previews = None  # the leveled files follow immediately

    def run(batch: Sequence[tuple[PlannedSegment, Task, float]]) -> None:
        for index, result in executor.run([(task, cost) for _, task, cost in batch]):
            done, task, _ = batch[index]
            measured[done.render_key] = cast(Measured, result)
            if store is not None and isinstance(task, RenderSegment):
                for stage in task.stage_outputs:
                    _store_samples(store, raws, done.stages[stage].key)
                _store_samples(store, raws, done.render_key)
                executor.cache(MeasureLoudness(segment=done, raw=task.raw), result)
            for segment in plan.segments:
                if segment.render_key == done.render_key:
                    status: SegmentStatus = "rendered" if isinstance(task, RenderSegment) else "cached"
                    executor.reporter.segment(segment.position, status, measured[done.render_key])

    run([_measure_task(plan, segment, raws, previews) for segment in cached])
    for steps in rounds:
        saved = None if store is not None else resumed
        tasks = [_render_task(plan, step, sources, raws, saved, previews) for step in steps]
        run([(segment, _shifted(task, latencies, placed), cost) for segment, task, cost in tasks])
    whole = {raw_file(raws, segment.render_key) for segment in plan.segments}
    for path in raws.iterdir():
        if path not in whole:
            path.unlink()
    return measured


def preview_file(previews: Path, segment: PlannedSegment) -> Path:
    """Return the path of a segment's preview; segments with the same render key share it."""
    return previews / f"{segment.render_key}.flac"


def _preview(plan: Plan, segment: PlannedSegment, previews: Path | None) -> Preview | None:
    if previews is None:
        return None
    level = plan.spec.level
    flac = str(preview_file(previews, segment))
    return Preview(flac=flac, target_lufs=level.target_lufs, ceiling_dbtp=level.ceiling_dbtp)


def _measure_task(
    plan: Plan, segment: PlannedSegment, raws: Path, previews: Path | None
) -> tuple[PlannedSegment, Task, float]:
    raw = str(raw_file(raws, segment.render_key))
    task = MeasureLoudness(segment=segment, raw=raw, preview=_preview(plan, segment, previews))
    return segment, task, MEASURE_LOUDNESS.cost(segment.seconds)


def _shifted(task: RenderSegment, latencies: Mapping[str, Latency], placed: Mapping[str, Placement]) -> RenderSegment:
    placement = placed.get(task.segment.chain_key, placements.UNCHANGED)
    return msgspec.structs.replace(
        task,
        shifts=path_latencies.shifts_of(task.segment, latencies),
        advance=placement.shift_samples,
        inverted=placement.inverted,
    )


def _render_task(
    plan: Plan,
    step: Step,
    sources: Mapping[str, Path],
    raws: Path,
    saved: AbstractSet[str] | None,
    previews: Path | None,
) -> tuple[PlannedSegment, RenderSegment, float]:
    """Return the task of a step. It saves the outputs of its captures with the keys in `saved` (None: all)."""
    segment, chain = step.segment, plan.spec.chains[step.segment.chain]
    blocks = [block_at(chain, stage.place) for stage in step.stages]
    track = plan.spec.di_tracks[segment.di_track].file
    task = RenderSegment(
        segment=segment,
        chain=chain,
        di=SourceFile(str(sources[track]), plan.media_info[track]),
        sources={
            block.file: SourceFile(str(sources[block.file]), plan.media_info[block.file])
            for block in blocks
            if isinstance(block, CaptureBlock | CabIrBlock)
        },
        runs=step.runs,
        resumed={index: str(raw_file(raws, key)) for index, key in zip(step.resumes, step.resumed_keys, strict=True)},
        stage_outputs={
            index: str(raw_file(raws, stage.key))
            for index, stage in zip(step.runs, step.stages, strict=True)
            if stage.inference and (saved is None or stage.key in saved)
        },
        raw=str(raw_file(raws, segment.render_key)),
        preview=_preview(plan, segment, previews),
    )
    return segment, task, step.cost + RENDER_SEGMENT.cost(segment.seconds)


def level(
    plan: Plan, raws: Path, staging: Path, measured: Mapping[str, Measured], executor: TaskExecutor
) -> tuple[LevelRecord, list[LeveledSegment]]:
    """Write every segment at the common level.

    The absolute gate of BS.1770 at -70 LUFS makes the loudness of very quiet material depend a little on its level. The
    written files are therefore measured, and the match is repeated with these levels until the error is below 0.01 LU.

    Args:
        plan: the plan.
        raws: folder of the rendered segments.
        staging: folder for the files.
        measured: levels of the rendered segments, by render key.
        executor: runs the tasks.
    """
    from tone_shootout.audio.levels import level_match

    requested = plan.spec.level
    before = [measured[segment.render_key] for segment in plan.segments]
    written: dict[int, LeveledSegment] = {}
    for _ in range(_LEVEL_ROUNDS):
        match = level_match(
            before,
            requested_lufs=requested.target_lufs,
            ceiling_dbtp=requested.ceiling_dbtp,
            trims_db=[plan.spec.chains[segment.chain].trim_db for segment in plan.segments],
        )
        todo = [n for n, gain in enumerate(match.gains_db) if n not in written or written[n].gain_db != gain]
        tasks = [_level_task(plan.segments[n], raws, staging, match.gains_db[n]) for n in todo]
        for index, result in executor.run(tasks):
            n = todo[index]
            after = cast(Measured, result)
            written[n] = LeveledSegment(after, match.gains_db[n], before[n].integrated_lufs, before[n].true_peak_dbtp)
            executor.reporter.segment(plan.segments[n].position, "leveled", after)
        implied = [written[n].measured.integrated_lufs - written[n].gain_db for n in range(len(before))]
        if all(abs(new - old.integrated_lufs) <= _LEVEL_TOLERANCE_LU for new, old in zip(implied, before, strict=True)):
            break
        before = [msgspec.structs.replace(old, integrated_lufs=new) for new, old in zip(implied, before, strict=True)]
    record = LevelRecord(
        requested_lufs=requested.target_lufs,
        target_lufs=match.target_lufs,  # pyrefly: ignore[unbound-name]  # there is at least one round
        ceiling_dbtp=requested.ceiling_dbtp,
        limiting_segment=None if match.limited_by is None else plan.segments[match.limited_by].position,
    )
    return record, [written[n] for n in range(len(before))]


def _level_task(segment: PlannedSegment, raws: Path, staging: Path, gain_db: float) -> tuple[Task, float]:
    raw = str(raw_file(raws, segment.render_key))
    task = LevelSegment(
        segment=segment,
        raw=raw,
        gain_db=gain_db,
        flac=str(staging / segment.file),
        envelope=envelope_file(staging, segment),
    )
    return task, LEVEL_SEGMENT.cost(segment.seconds)


def envelope_file(staging: Path, segment: PlannedSegment) -> str:
    """Return the path of a leveled segment's envelope."""
    return str(staging / f"{segment.position}.envelope.npy")


def raw_file(raws: Path, key: str) -> Path:
    """Return the path of rendered samples, by their key."""
    return raws / f"{key}.npy"
