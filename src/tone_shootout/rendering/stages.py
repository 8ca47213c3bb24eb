"""The stages of carrying out a plan: fetch what is there, render the rest, level, film. Children do the work."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tone_shootout.audio.levels import level_match
from tone_shootout.audio.signals import amplitude
from tone_shootout.rendering.manifest import LevelRecord, SegmentRecord
from tone_shootout.rendering.plan import Plan, PlannedSegment
from tone_shootout.rendering.pool import Pool
from tone_shootout.rendering.reporter import Reporter, SegmentStore
from tone_shootout.rendering.scenes import Card, Scene
from tone_shootout.rendering.spec import CabIr, Capture
from tone_shootout.rendering.texts import segment_title
from tone_shootout.rendering.timeline import timeline
from tone_shootout.rendering.work import Draw, Film, Level, Measure, Measured, Render, Result, SourceFile, Task

# Estimates for one core, in seconds for each second of audio.
_COST_MEASURE: Final = 0.012
_COST_LEVEL: Final = 0.015
_COST_FILM: Final = 0.05
# And for a picture.
_COST_STILL: Final = 0.6
# A level match is repeated while gating makes a segment miss it by more than this; once is the rule.
_LEVEL_TOLERANCE_LU: Final = 0.01
_LEVEL_ROUNDS: Final = 4


class Levelled(Struct, frozen=True):
    """A written segment: what it measures, its gain, and the loudness and true peak that called for that gain."""

    measured: Measured
    gain_db: float
    loudness_before_lufs: float
    true_peak_before_dbtp: float


class Bench:
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


def fetch(plan: Plan, store: SegmentStore | None, raws: Path, reporter: Reporter) -> set[str]:
    """Put what was rendered before into its place and return its render keys."""
    cached: set[str] = set()
    if store is None:
        return cached
    for segment in _distinct(plan):
        reporter.check()
        samples = store.get(segment.render_key)
        if samples is not None and _whole(samples, segment):
            np.save(_raw(raws, segment), samples, allow_pickle=False)
            cached.add(segment.render_key)
    return cached


def _distinct(plan: Plan) -> list[PlannedSegment]:
    """Return the first segment of each render key."""
    first: dict[str, PlannedSegment] = {}
    for segment in plan.segments:
        first.setdefault(segment.render_key, segment)
    return list(first.values())


def _whole(samples: NDArray[np.float32], segment: PlannedSegment) -> bool:
    return samples.dtype == np.float32 and samples.shape == (segment.samples,) and bool(np.isfinite(samples).all())


def total_cost(plan: Plan, cached: Collection[str], *, video: bool) -> float:
    """Estimate all the work that is left, in seconds on one core."""
    rendering = math.fsum(segment.cost for segment in _distinct(plan) if segment.render_key not in cached)
    measuring = math.fsum(segment.seconds * _COST_MEASURE for segment in _distinct(plan))
    filming = len(plan.segments) * _COST_STILL + plan.seconds * _COST_FILM if video else 0.0
    return rendering + measuring + plan.seconds * _COST_LEVEL + filming


def render(
    plan: Plan,
    sources: Mapping[str, Path],
    raws: Path,
    cached: Collection[str],
    bench: Bench,
    store: SegmentStore | None,
) -> dict[str, Measured]:
    """Render what is missing, measure everything, and return the measures by render key."""
    files = {file: SourceFile(str(sources[file]), facts) for file, facts in plan.facts.items()}
    segments = _distinct(plan)
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


def level(
    plan: Plan, raws: Path, staging: Path, measured: Mapping[str, Measured], bench: Bench
) -> tuple[LevelRecord, list[Levelled]]:
    """Write every segment at the common level.

    Gating at -70 LUFS makes loudness depend a little on level for very quiet material. So what was written is measured,
    and the match is made again from that while it is off.

    Args:
        plan: the plan.
        raws: where the rendered segments are.
        staging: where the files go.
        measured: what was rendered measures, by render key.
        bench: does the work.
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
        for index, result in bench.run(tasks):
            n = todo[index]
            after = cast(Measured, result)
            written[n] = Levelled(after, match.gains_db[n], before[n].integrated_lufs, before[n].true_peak_dbtp)
            bench.reporter.segment(plan.segments[n].position, "levelled", after)
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
    task = Level(segment=segment, raw=str(_raw(raws, segment)), gain_db=gain_db, flac=str(staging / segment.file))
    return task, segment.seconds * _COST_LEVEL


def film(plan: Plan, raws: Path, staging: Path, name: str, segments: Sequence[SegmentRecord], bench: Bench) -> None:
    """Draw a card for every segment and put the video together."""
    full_scale = max(amplitude(segment.measured.sample_peak_dbfs) for segment in segments)
    stills = [staging / f"{segment.position}.still" for segment in segments]
    drawings: list[tuple[Task, float]] = []
    for planned, segment, still in zip(plan.segments, segments, stills, strict=True):
        card = Card(
            title=plan.spec.title,
            di_track=segment.di_track,
            chain=segment.chain,
            chain_index=planned.chain,
            position=segment.position,
            count=len(segments),
            integrated_lufs=segment.measured.integrated_lufs,
            true_peak_dbtp=segment.measured.true_peak_dbtp,
            full_scale=full_scale,
            remark=f"trimmed {segment.trim_db:+.1f} dB" if segment.trim_db else "one gain, no limiter",
        )
        drawing = Draw(card=card, raw=str(_raw(raws, planned)), gain_db=segment.gain_db, still=str(still))
        drawings.append((drawing, _COST_STILL))
    for _ in bench.run(drawings):
        pass
    scenes = tuple(
        Scene(still=str(still), flac=str(staging / segment.file), frames=slot.frames, title=segment_title(segment))
        for segment, still, slot in zip(segments, stills, timeline(plan.segments), strict=True)
    )
    video = Film(title=plan.spec.title, scenes=scenes, video=str(staging / name))
    for _ in bench.run([(video, plan.seconds * _COST_FILM)]):
        pass


def _raw(raws: Path, segment: PlannedSegment) -> Path:
    return raws / f"{segment.render_key}.npy"
