"""Carry a plan out: from files to the result folder.

The command line and the worker both call `produce`; that is what makes their results equal.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, Protocol, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.levels import LevelMatch, level_match
from tone_shootout.rendering.chain import SourceFile
from tone_shootout.rendering.folder import publish, record, staging_folder
from tone_shootout.rendering.keys import ENGINE
from tone_shootout.rendering.manifest import (
    LevelRecord,
    Manifest,
    SegmentRecord,
    name_inputs,
    versions,
    with_names,
)
from tone_shootout.rendering.plan import Plan, PlannedSegment
from tone_shootout.rendering.pool import Pool
from tone_shootout.rendering.rates import OUTPUT_RATE
from tone_shootout.rendering.spec import CabIr, Capture
from tone_shootout.rendering.texts import notes
from tone_shootout.rendering.timeline import timeline
from tone_shootout.rendering.work import Level, Measure, Measured, Render, Result, Task

Phase = Literal["render", "level", "video"]
SegmentStatus = Literal["rendered", "cached", "levelled"]

VIDEO_NAME: Final = "comparison.mp4"

# Estimates for one core, in seconds for each second of audio.
_COST_MEASURE: Final = 0.02
_COST_LEVEL: Final = 0.04
# A level match is repeated while gating makes a segment miss it by more than this; once is the rule.
_LEVEL_TOLERANCE_LU: Final = 0.01
_LEVEL_ROUNDS: Final = 4


class Reporter(Protocol):
    """Told how the work goes. Called from the thread that called `produce`, and only from there."""

    def phase(self, name: Phase) -> None:
        """Start a phase."""

    def progress(self, done: float, total: float) -> None:
        """Tell how much of all work is done, in estimated seconds on one core."""

    def segment(self, position: int, status: SegmentStatus, measured: Measured | None) -> None:
        """Tell that a segment has got further, and what it measures now."""

    def file(self, name: str) -> None:
        """Tell that a file is in its place in the result folder; the manifest comes last."""

    def check(self) -> None:
        """Raise `Cancelled` where the work is no longer wanted; called at least every 0.1 s while children work."""


class SegmentStore(Protocol):
    """Keeps rendered segments, before the level match, by render key."""

    def get(self, key: str) -> NDArray[np.float32] | None:
        """Return a segment's samples, None where there are none. What comes is checked."""

    def put(self, key: str, samples: NDArray[np.float32]) -> None:
        """Keep a segment's samples, shape (T,)."""


def produce(
    plan: Plan,
    sources: Mapping[str, Path],
    out: Path,
    *,
    processes: int,
    reporter: Reporter,
    video: bool = True,
    store: SegmentStore | None = None,
    names: Mapping[str, str] | None = None,
) -> Manifest:
    """Render, level and present a shootout; blocks until it is done.

    Args:
        plan: what to do.
        sources: where the content of each of the plan's files is.
        out: result folder; made where it does not exist. A former result in it is replaced as a whole at the end.
        processes: how many child processes work at once.
        reporter: told of progress, asked whether to go on.
        video: whether a video is made.
        store: segments that were rendered before.
        names: what the manifest calls the inputs, by the plan's file; by default the last part of the path.

    Returns:
        The manifest, which is also the last file written.

    Raises:
        RenderError: a segment can't be made; says which and why.
        WorkerDied: a child process is gone.
        OSError: the result folder can't be written.
        Exception: whatever `reporter.check` raises, usually `Cancelled`.
    """
    with staging_folder(out) as staging, Pool(processes) as pool:
        reporter.phase("render")
        raws = staging / "raw"
        raws.mkdir()
        cached = _fetch(plan, store, raws, reporter)
        bench = _Bench(pool, reporter, _total_cost(plan, cached))
        measured = _render(plan, sources, raws, cached, bench, store)
        reporter.phase("level")
        (staging / "segments").mkdir()
        match, levelled, before = _level(plan, raws, staging, measured, bench)
        inputs = name_inputs(plan.facts, names or {})
        level = LevelRecord(
            requested=plan.spec.level.target_lufs,
            target=match.target_lufs,
            ceiling=plan.spec.level.ceiling_dbtp,
            limited_by=None if match.limited_by is None else match.limited_by + 1,
        )
        files = {segment.file: record(staging, segment.file) for segment in plan.segments}
        segments = tuple(
            SegmentRecord(
                position=segment.position,
                di_track=segment.di_name,
                chain=segment.chain_name,
                render_key=segment.render_key,
                file=segment.file,
                sha256=files[segment.file].sha256,
                start_ms=slot.start_ms,
                end_ms=slot.end_ms,
                sample_rate=OUTPUT_RATE,
                samples=segment.samples,
                measured=after,
                loudness_before_lufs=raw.integrated_lufs,
                true_peak_before_dbtp=raw.true_peak_dbtp,
                gain_db=gain,
                trim_db=plan.spec.chains[segment.chain].trim_db,
                calibration=segment.calibration,
                cache_hit=segment.render_key in cached,
                notes=notes(segment.seconds),
            )
            for segment, slot, after, raw, gain in zip(
                plan.segments, timeline(plan.segments), levelled, before, match.gains_db, strict=True
            )
        )
        manifest = Manifest(
            title=plan.spec.title,
            engine=ENGINE,
            versions=versions(),
            level=level,
            inputs=tuple(inputs.values()),
            spec=with_names(plan.spec, inputs),
            segments=segments,
            files=tuple(files.values()),
        )
        for name in publish(staging, out, manifest):
            reporter.file(name)
    return manifest


class _Bench:
    """The pool, and how much of all work it has done."""

    def __init__(self, pool: Pool, reporter: Reporter, total: float) -> None:
        self._pool = pool
        self.reporter = reporter
        self._total = total
        self._done = 0.0

    def run(self, tasks: Sequence[tuple[Task, float]]) -> Iterator[tuple[int, Result]]:
        """Do tasks, given with their costs, and yield each one's index and result."""
        costs = [cost for _, cost in tasks]
        shares = [0.0] * len(tasks)

        def progress(index: int, share: float) -> None:
            shares[index] = share
            done = math.fsum(cost * part for cost, part in zip(costs, shares, strict=True))
            self.reporter.progress(min(self._done + done, self._total), self._total)

        for index, result in self._pool.run([task for task, _ in tasks], check=self.reporter.check, progress=progress):
            progress(index, 1.0)
            yield index, result
        self._done += math.fsum(costs)


def _fetch(plan: Plan, store: SegmentStore | None, raws: Path, reporter: Reporter) -> set[str]:
    """Put what was rendered before into its place and return its render keys."""
    cached: set[str] = set()
    if store is None:
        return cached
    for segment in {segment.render_key: segment for segment in plan.segments}.values():
        reporter.check()
        samples = store.get(segment.render_key)
        if samples is not None and _whole(samples, segment):
            np.save(_raw(raws, segment), samples, allow_pickle=False)
            cached.add(segment.render_key)
    return cached


def _whole(samples: NDArray[np.float32], segment: PlannedSegment) -> bool:
    return samples.dtype == np.float32 and samples.shape == (segment.samples,) and bool(np.isfinite(samples).all())


def _total_cost(plan: Plan, cached: set[str]) -> float:
    first = {segment.render_key: segment for segment in plan.segments}
    rendering = math.fsum(segment.cost for key, segment in first.items() if key not in cached)
    measuring = math.fsum(segment.seconds * _COST_MEASURE for segment in first.values())
    return rendering + measuring + plan.seconds * _COST_LEVEL


def _render(
    plan: Plan, sources: Mapping[str, Path], raws: Path, cached: set[str], bench: _Bench, store: SegmentStore | None
) -> dict[str, Measured]:
    """Render what is missing, measure everything, and return the measures by render key."""
    files = {file: SourceFile(str(sources[file]), facts) for file, facts in plan.facts.items()}
    segments = list({segment.render_key: segment for segment in reversed(plan.segments)}.values())[::-1]
    tasks: list[tuple[Task, float]] = []
    for segment in segments:
        raw = str(_raw(raws, segment))
        measuring = segment.seconds * _COST_MEASURE
        if segment.render_key in cached:
            tasks.append((Measure(segment=segment, raw=raw), measuring))
            continue
        chain = plan.spec.chains[segment.chain]
        used = {block.file: files[block.file] for block in chain.blocks if isinstance(block, Capture | CabIr)}
        di = files[plan.spec.di_tracks[segment.di_track].file]
        task = Render(segment=segment, chain=chain, di=di, sources=used, raw=raw)
        tasks.append((task, segment.cost + measuring))
    measured: dict[str, Measured] = {}
    for index, result in bench.run(tasks):
        key = segments[index].render_key
        measured[key] = cast(Measured, result)
        hit = key in cached
        if store is not None and not hit:
            store.put(key, np.load(_raw(raws, segments[index]), allow_pickle=False))
        for segment in plan.segments:
            if segment.render_key == key:
                bench.reporter.segment(segment.position, "cached" if hit else "rendered", measured[key])
    return measured


def _level(
    plan: Plan, raws: Path, staging: Path, measured: Mapping[str, Measured], bench: _Bench
) -> tuple[LevelMatch, list[Measured], list[Measured]]:
    """Write every segment at the common level.

    Gating at -70 LUFS makes loudness depend a little on level for very quiet material. So what was written is measured,
    and the match is repeated from there while it is off.

    Returns:
        The match, and of each segment the measures of its file and those that the match was made from.
    """
    before = [measured[segment.render_key] for segment in plan.segments]
    written: dict[int, tuple[float, Measured]] = {}
    for _ in range(_LEVEL_ROUNDS):
        match = level_match(
            before,
            requested_lufs=plan.spec.level.target_lufs,
            ceiling_dbtp=plan.spec.level.ceiling_dbtp,
            trims_db=[plan.spec.chains[segment.chain].trim_db for segment in plan.segments],
        )
        todo = [
            (segment, gain)
            for index, (segment, gain) in enumerate(zip(plan.segments, match.gains_db, strict=True))
            if index not in written or written[index][0] != gain
        ]
        tasks = [
            (
                Level(segment=segment, raw=str(_raw(raws, segment)), gain_db=gain, flac=str(staging / segment.file)),
                segment.seconds * _COST_LEVEL,
            )
            for segment, gain in todo
        ]
        for index, result in bench.run(tasks):
            segment, gain = todo[index]
            written[segment.position - 1] = (gain, cast(Measured, result))
            bench.reporter.segment(segment.position, "levelled", written[segment.position - 1][1])
        levelled = [written[index][1] for index in range(len(plan.segments))]
        heard = [
            msgspec.structs.replace(raw, integrated_lufs=after.integrated_lufs - gain)
            for raw, after, gain in zip(before, levelled, match.gains_db, strict=True)
        ]
        if all(
            abs(new.integrated_lufs - old.integrated_lufs) <= _LEVEL_TOLERANCE_LU
            for new, old in zip(heard, before, strict=True)
        ):
            break
        before = heard
    return match, levelled, before


def _raw(raws: Path, segment: PlannedSegment) -> Path:
    return raws / f"{segment.render_key}.npy"
