"""The stages of carrying out a plan: fetch what is there, render the rest, level, film. Children do the work."""

import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final, cast

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tone_shootout.audio.levels import level_match
from tone_shootout.rendering.engine.schedule import Step, distinct, keys_of
from tone_shootout.rendering.executor.pool import Pool
from tone_shootout.rendering.executor.reporter import Reporter, SegmentStatus, Store
from tone_shootout.rendering.executor.result_cache import ResultCache
from tone_shootout.rendering.executor.tasks import Level, Measure, Measured, Partial, Render, Result, SourceFile, Task
from tone_shootout.rendering.output.manifest import LevelRecord
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock

# Estimates for one core, in seconds for each second of audio.
_COST_MEASURE: Final = 0.003
_COST_LEVEL: Final = 0.005
# A level match is repeated while gating makes a segment miss it by more than this; once is the rule.
_LEVEL_TOLERANCE_LU: Final = 0.01
_LEVEL_ROUNDS: Final = 4
# How sound is kept: 32-bit, little-endian on every machine.
_SAMPLE: Final = np.dtype("<f4")


class Levelled(Struct, frozen=True):
    """A written segment: what it measures, its gain, and the loudness and true peak that called for that gain."""

    measured: Measured
    gain_db: float
    loudness_before_lufs: float
    true_peak_before_dbtp: float


class TaskExecutor:
    """The pool, and how much of all work it has done."""

    def __init__(self, pool: Pool, reporter: Reporter, total: float, store: Store | None) -> None:
        self._pool = pool
        self._products = ResultCache(store)
        self.reporter = reporter
        self.store = store
        self._total = total
        self._done = 0.0

    def run(self, tasks: Sequence[tuple[Task, float]]) -> Iterator[tuple[int, Result]]:
        """Do tasks, given with their costs, and yield each one's index and result; what was done before comes first."""
        costs = [cost for _, cost in tasks]
        shares = [0.0] * len(tasks)

        def progress(index: int, share: float) -> None:
            shares[index] = share
            done = math.fsum(cost * part for cost, part in zip(costs, shares, strict=True))
            self.reporter.progress(min(self._done + done, self._total), self._total)

        left: list[int] = []
        for index, (task, _) in enumerate(tasks):
            self.reporter.check()
            made = self._products.fetch(task)
            if made is None:
                left.append(index)
            else:
                progress(index, 1.0)
                yield index, made.result
        todo = [tasks[index][0] for index in left]
        work = self._pool.run(
            todo, check=self.reporter.check, progress=lambda number, share: progress(left[number], share)
        )
        for number, result in work:
            self.keep(todo[number], result)
            progress(left[number], 1.0)
            yield left[number], result
        self._done += math.fsum(costs)

    def keep(self, task: Task, result: Result) -> None:
        """Keep what a task has made, for the next time."""
        self._products.keep(task, result)


def fetch(plan: Plan, store: Store | None, raws: Path, reporter: Reporter) -> set[str]:
    """Put what was rendered before into its place, segments or else the last sound to go on from; return the keys."""
    there: set[str] = set()
    if store is None:
        return there
    missing: set[str] = set()
    for segment in distinct(plan):
        for key, length in keys_of(segment):
            reporter.check()
            if key in there:
                break
            content = None if key in missing else store.get(key)
            samples = None if content is None else _samples(content, length)
            if samples is not None:
                np.save(raw_file(raws, key), samples, allow_pickle=False)
                there.add(key)
                break
            missing.add(key)
    return there


def _samples(content: bytes, length: int) -> NDArray[np.float32] | None:
    """Return kept samples, shape (length,), None where they are not so many or not finite."""
    if len(content) != length * _SAMPLE.itemsize:
        return None
    samples = np.frombuffer(content, _SAMPLE).astype(np.float32)
    return samples if bool(np.isfinite(samples).all()) else None


def _keep_sound(store: Store, raws: Path, key: str) -> None:
    store.put(key, np.load(raw_file(raws, key), allow_pickle=False).astype(_SAMPLE, copy=False).tobytes())


def total_cost(plan: Plan, rounds: Sequence[Sequence[Step]]) -> float:
    """Estimate the work of getting levelled segments, in seconds on one core."""
    rendering = math.fsum(step.cost for steps in rounds for step in steps)
    measuring = math.fsum(segment.seconds * _COST_MEASURE for segment in distinct(plan))
    return rendering + measuring + plan.seconds * _COST_LEVEL


def render(
    plan: Plan,
    sources: Mapping[str, Path],
    raws: Path,
    rounds: Sequence[Sequence[Step]],
    executor: TaskExecutor,
    partials: Path | None = None,
) -> dict[str, Measured]:
    """Render what is missing, measure everything, and return the measures by render key.

    Args:
        plan: all of it.
        sources: where the content of each of the plan's files is.
        raws: where the samples are and go; only whole segments are left there.
        rounds: what is missing.
        executor: does the work, and keeps what is made.
        partials: where every segment is written as soon as it is there, as `partial_file` says; None: nowhere.
    """
    store = executor.store
    rendered = {step.segment.render_key for steps in rounds for step in steps}
    cached = [segment for segment in distinct(plan) if segment.render_key not in rendered]
    begins = {step.begin.key for steps in rounds for step in steps if step.begin is not None}
    measured: dict[str, Measured] = {}
    if not rounds:
        partials = None  # nobody has to wait

    def run(batch: Sequence[tuple[PlannedSegment, Task, float]]) -> None:
        for index, result in executor.run([(task, cost) for _, task, cost in batch]):
            done, task, _ = batch[index]
            measured[done.render_key] = cast(Measured, result)
            if store is not None and isinstance(task, Render):
                for stage in task.keep:
                    _keep_sound(store, raws, done.stages[stage].key)
                _keep_sound(store, raws, done.render_key)
                executor.keep(Measure(segment=done, raw=task.raw), result)
            for segment in plan.segments:
                if segment.render_key == done.render_key:
                    status: SegmentStatus = "rendered" if isinstance(task, Render) else "cached"
                    executor.reporter.segment(segment.position, status, measured[done.render_key])

    run([_measure(plan, segment, raws, partials) for segment in cached])
    for steps in rounds:
        wanted = None if store is not None else begins
        run([_step(plan, step, sources, raws, wanted, partials) for step in steps])
    whole = {raw_file(raws, segment.render_key) for segment in plan.segments}
    for path in raws.iterdir():
        if path not in whole:
            path.unlink()
    return measured


def partial_file(partials: Path, segment: PlannedSegment) -> Path:
    """Return where a segment is written before it is levelled; segments that are the same share a file."""
    return partials / f"{segment.render_key}.flac"


def _partial(plan: Plan, segment: PlannedSegment, partials: Path | None) -> Partial | None:
    if partials is None:
        return None
    level = plan.spec.level
    flac = str(partial_file(partials, segment))
    return Partial(flac=flac, target_lufs=level.target_lufs, ceiling_dbtp=level.ceiling_dbtp)


def _measure(
    plan: Plan, segment: PlannedSegment, raws: Path, partials: Path | None
) -> tuple[PlannedSegment, Task, float]:
    raw = str(raw_file(raws, segment.render_key))
    task = Measure(segment=segment, raw=raw, partial=_partial(plan, segment, partials))
    return segment, task, segment.seconds * _COST_MEASURE


def _step(
    plan: Plan,
    step: Step,
    sources: Mapping[str, Path],
    raws: Path,
    wanted: AbstractSet[str] | None,
    partials: Path | None,
) -> tuple[PlannedSegment, Task, float]:
    """Return a step as a task that keeps the sound behind its captures, of those that are `wanted` (None: all)."""
    segment, chain = step.segment, plan.spec.chains[step.segment.chain]
    blocks = [chain.blocks[stage.block] for stage in step.stages]
    track = plan.spec.di_tracks[segment.di_track].file
    task = Render(
        segment=segment,
        chain=chain,
        di=SourceFile(str(sources[track]), plan.facts[track]),
        sources={
            block.file: SourceFile(str(sources[block.file]), plan.facts[block.file])
            for block in blocks
            if isinstance(block, CaptureBlock | CabIrBlock)
        },
        first=step.first,
        begin=None if step.begin is None else str(raw_file(raws, step.begin.key)),
        keep={
            index: str(raw_file(raws, stage.key))
            for index, stage in enumerate(step.stages, step.first)
            if stage.inference and (wanted is None or stage.key in wanted)
        },
        raw=str(raw_file(raws, segment.render_key)),
        partial=_partial(plan, segment, partials),
    )
    return segment, task, step.cost + segment.seconds * _COST_MEASURE


def level(
    plan: Plan, raws: Path, staging: Path, measured: Mapping[str, Measured], executor: TaskExecutor
) -> tuple[LevelRecord, list[Levelled]]:
    """Write every segment at the common level.

    Gating at -70 LUFS makes loudness depend a little on level for very quiet material. So what was written is measured,
    and the match is made again from that while it is off.

    Args:
        plan: the plan.
        raws: where the rendered segments are.
        staging: where the files go.
        measured: what was rendered measures, by render key.
        executor: does the work.
    """
    requested = plan.spec.level
    before = [measured[segment.render_key] for segment in plan.segments]
    written: dict[int, Levelled] = {}
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
            written[n] = Levelled(after, match.gains_db[n], before[n].integrated_lufs, before[n].true_peak_dbtp)
            executor.reporter.segment(plan.segments[n].position, "levelled", after)
        heard = [written[n].measured.integrated_lufs - written[n].gain_db for n in range(len(before))]
        if all(abs(new - old.integrated_lufs) <= _LEVEL_TOLERANCE_LU for new, old in zip(heard, before, strict=True)):
            break
        before = [msgspec.structs.replace(old, integrated_lufs=new) for new, old in zip(heard, before, strict=True)]
    record = LevelRecord(
        requested=requested.target_lufs,
        target=match.target_lufs,
        ceiling=requested.ceiling_dbtp,
        limited_by=None if match.limited_by is None else plan.segments[match.limited_by].position,
    )
    return record, [written[n] for n in range(len(before))]


def _level_task(segment: PlannedSegment, raws: Path, staging: Path, gain_db: float) -> tuple[Task, float]:
    raw = str(raw_file(raws, segment.render_key))
    task = Level(segment=segment, raw=raw, gain_db=gain_db, flac=str(staging / segment.file))
    return task, segment.seconds * _COST_LEVEL


def raw_file(raws: Path, key: str) -> Path:
    """Return where sound lies, by its key."""
    return raws / f"{key}.npy"
