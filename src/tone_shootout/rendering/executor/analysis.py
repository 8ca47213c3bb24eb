"""Measurements beyond loudness, and plots: creates their tasks and collects the results."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path, PurePath
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import Struct

from tone_shootout.audio.signals import amplitude
from tone_shootout.rendering.executor.registry import (
    COMPARE_SEGMENTS,
    DRAW_PLOT,
    MEASURE_CAPTURE,
    MEASURE_LATENCY,
    MEASURE_SEGMENT,
    MEASURE_VIDEO,
)
from tone_shootout.rendering.executor.stages import LeveledSegment, TaskExecutor, raw_file
from tone_shootout.rendering.executor.tasks import (
    ComparedSegment,
    CompareSegments,
    DrawPlot,
    MeasureCapture,
    MeasureLatency,
    MeasureSegment,
    MeasureVideo,
    SourceFile,
    Task,
)
from tone_shootout.rendering.media_info import CaptureInfo
from tone_shootout.rendering.metrics import (
    COMPARED_SECONDS,
    CaptureMetrics,
    Difference,
    Encoded,
    Latency,
    Metrics,
    Pair,
)
from tone_shootout.rendering.output.manifest import CaptureRecord, Input, LevelRecord, SegmentRecord
from tone_shootout.rendering.output.plots import DifferencePlot, DrivePlot, LevelsPlot, Plot, SpectraPlot, WaveformPlot
from tone_shootout.rendering.output.youtube_text import segment_title
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment, slug
from tone_shootout.rendering.plan.timeline import FRAME_RATE, timeline
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock

# Seconds on one core for each pair of segments and second of audio, besides the cost of each segment.
_COST_PAIR: Final = 0.0003

T = TypeVar("T")
_ChainKey = tuple[int, tuple[float | None, ...]]
_CaptureKey = tuple[str, float | None]


class Analysis(Struct, frozen=True, kw_only=True):
    """Latency and metrics of each segment, captures, pairs of segments, and a difference matrix for each DI track."""

    latencies: tuple[Latency, ...]
    metrics: tuple[Metrics, ...]
    captures: tuple[CaptureRecord, ...]
    comparisons: tuple[Pair, ...]
    differences: tuple[Difference, ...]


def total_cost(plan: Plan, *, plots: bool, video: bool) -> float:
    """Estimate the cost of measuring and drawing, in seconds on one core."""
    tracks = _by_track(plan)
    plot_count = len(plan.segments) + 2 + sum(1 + (len(segments) > 1) for segments in tracks)
    return math.fsum(
        (
            len(_chains(plan)) * MEASURE_LATENCY.cost(),
            len(_captures(plan)) * MEASURE_CAPTURE.cost(),
            MEASURE_SEGMENT.cost(plan.seconds),
            math.fsum(_compare_cost(segments) for segments in tracks),
            plot_count * DRAW_PLOT.cost() if plots else 0.0,
            MEASURE_VIDEO.cost(plan.seconds) if video else 0.0,
        )
    )


def analyze(
    plan: Plan,
    sources: Mapping[str, Path],
    raws: Path,
    staging: Path,
    leveled: Sequence[LeveledSegment],
    inputs: Mapping[str, Input],
    executor: TaskExecutor,
    other_tasks: Sequence[tuple[Task, float]] = (),
) -> Analysis:
    """Measure chains, captures and written segments, then segments of the same DI track against each other.

    Args:
        plan: the plan.
        sources: path of each of the plan's files, by the spec's `file`.
        raws: folder of the rendered segments.
        staging: folder of the leveled files.
        leveled: the segments' gains.
        inputs: the manifest's records of the plan's files, by the spec's `file`.
        executor: runs the tasks.
        other_tasks: tasks to run in the same batch, so that all cores stay busy.
    """
    folder = staging / "metrics"
    folder.mkdir()
    files = {file: SourceFile(str(sources[file]), info) for file, info in plan.media_info.items()}
    chains, captures = _chains(plan), _captures(plan)
    tasks = list(other_tasks)
    for n, segment in enumerate(chains.values()):
        chain = plan.spec.chains[segment.chain]
        used = {block.file: files[block.file] for block in chain.blocks if isinstance(block, CaptureBlock | CabIrBlock)}
        latency = MeasureLatency(segment=segment, chain=chain, sources=used, metrics_file=str(folder / f"chain-{n}"))
        tasks.append((latency, MEASURE_LATENCY.cost()))
    for n, ((_, size), file) in enumerate(captures.items()):
        task = MeasureCapture(capture=files[file], size=size, metrics_file=str(folder / f"capture-{n}"))
        tasks.append((task, MEASURE_CAPTURE.cost()))
    for segment in plan.segments:
        name = f"segment-{segment.position}"
        metrics = MeasureSegment(flac=str(staging / segment.file), metrics_file=str(folder / name))
        tasks.append((metrics, MEASURE_SEGMENT.cost(segment.seconds)))
    _run(executor, tasks)
    found = {key: _read(folder / f"chain-{n}", Latency) for n, key in enumerate(chains)}
    latencies = tuple(found[_chain_key(segment)] for segment in plan.segments)
    pairs = _compare(plan, raws, folder, leveled, latencies, executor)
    return Analysis(
        latencies=latencies,
        metrics=tuple(_read(folder / f"segment-{segment.position}", Metrics) for segment in plan.segments),
        captures=tuple(
            _capture_record(inputs[file], size, _read(folder / f"capture-{n}", CaptureMetrics))
            for n, ((_, size), file) in enumerate(captures.items())
        ),
        comparisons=tuple(pair for of_track in pairs for pair in of_track),
        differences=tuple(
            difference(segments, of_track) for segments, of_track in zip(_by_track(plan), pairs, strict=True)
        ),
    )


def measure_video(plan: Plan, staging: Path, video: Path, executor: TaskExecutor) -> Encoded:
    """Measure the sound of the plan's video."""
    metrics_file = staging / "metrics" / "video"
    seconds = sum(slot.frames for slot in timeline(plan.segments)) / FRAME_RATE
    task = MeasureVideo(video=str(video), seconds=seconds, metrics_file=str(metrics_file))
    _run(executor, [(task, MEASURE_VIDEO.cost(plan.seconds))])
    return _read(metrics_file, Encoded)


def difference(segments: Sequence[PlannedSegment], pairs: Sequence[Pair]) -> Difference:
    """Build the difference matrix of a DI track, ordered so that similar segments are neighbors.

    Average linkage over log-mel distance, with the leaves in the order of least distance between neighbors (Bar-Joseph
    et al., "Fast optimal leaf ordering for hierarchical clustering", Bioinformatics 17, 2001). Segments that are silent
    in the compared part are left out.

    Args:
        segments: all segments of the DI track.
        pairs: their comparisons.
    """
    compared = {position for pair in pairs for position in (pair.reference, pair.position)}
    compared_segments = [segment for segment in segments if segment.position in compared] or list(segments[:1])
    between = {(pair.reference, pair.position): pair.log_mel_db for pair in pairs}
    distances = [between[one.position, two.position] for one, two in combinations(compared_segments, 2)]
    order = _leaf_order(len(compared_segments), distances)
    ordered = [compared_segments[n] for n in order]
    return Difference(
        di_track=segments[0].di_name,
        chains=tuple(segment.chain_name for segment in ordered),
        positions=tuple(segment.position for segment in ordered),
        distances_db=tuple(
            tuple(
                0.0
                if row is column
                else between[min(row.position, column.position), max(row.position, column.position)]
                for column in ordered
            )
            for row in ordered
        ),
    )


def draw(
    plan: Plan,
    staging: Path,
    level: LevelRecord,
    segments: Sequence[SegmentRecord],
    analysis: Analysis,
    executor: TaskExecutor,
) -> list[str]:
    """Draw all plots and return the names of their files, relative to the staging folder."""
    (staging / "plots").mkdir()
    plots = _plots(plan, staging, level, segments, analysis)
    _run(
        executor,
        [(DrawPlot(plot=plot, stem=str(staging / "plots" / name)), DRAW_PLOT.cost()) for name, plot in plots.items()],
    )
    return [f"plots/{name}.{kind}" for name in plots for kind in ("png", "svg")]


def _plots(
    plan: Plan, staging: Path, level: LevelRecord, segments: Sequence[SegmentRecord], analysis: Analysis
) -> dict[str, Plot]:
    """Return the plots by the names of their files without suffix."""
    plots: dict[str, Plot] = {
        "levels": LevelsPlot(
            names=tuple(segment_title(segment) for segment in segments),
            lufs_before=tuple(segment.loudness_before_lufs for segment in segments),
            lufs_after=tuple(segment.measured.integrated_lufs for segment in segments),
            dbtp_before=tuple(segment.true_peak_before_dbtp for segment in segments),
            dbtp_after=tuple(segment.measured.true_peak_dbtp for segment in segments),
            target_lufs=level.target_lufs,
            ceiling_dbtp=level.ceiling_dbtp,
        )
    }
    for n, (planned, matrix) in enumerate(zip(_by_track(plan), analysis.differences, strict=True), 1):
        track = f"{n:02d}-{slug(planned[0].di_name, fallback='di')}"
        plots[f"spectra-{track}"] = SpectraPlot(
            di_track=planned[0].di_name,
            chains=tuple(segment.chain_name for segment in planned),
            third_octaves_db=tuple(analysis.metrics[segment.position - 1].third_octaves_db for segment in planned),
        )
        if len(planned) > 1:
            plots[f"difference-{track}"] = DifferencePlot(
                di_track=matrix.di_track, chains=matrix.chains, matrix=matrix.distances_db
            )
    curves = [(_capture_label(capture), capture.behavior.drive) for capture in analysis.captures if capture.behavior]
    plots["drive"] = DrivePlot(names=tuple(name for name, _ in curves), curves=tuple(curve for _, curve in curves))
    full_scale = max(amplitude(segment.measured.sample_peak_dbfs) for segment in segments)
    for segment, record in zip(plan.segments, segments, strict=True):
        plots[f"waveform-{PurePath(segment.file).stem}"] = WaveformPlot(
            name=segment_title(record),
            chain_index=segment.chain,
            flac=str(staging / segment.file),
            seconds=segment.seconds,
            full_scale=full_scale,
        )
    return plots


def _capture_label(capture: CaptureRecord) -> str:
    return capture.name if capture.size is None else f"{capture.name}, size {capture.size:g}"


def _compare(
    plan: Plan,
    raws: Path,
    folder: Path,
    leveled: Sequence[LeveledSegment],
    latencies: Sequence[Latency],
    executor: TaskExecutor,
) -> list[list[Pair]]:
    tasks: list[tuple[Task, float]] = []
    for n, segments in enumerate(_by_track(plan)):
        compared = tuple(
            ComparedSegment(
                position=segment.position,
                raw=str(raw_file(raws, segment.render_key)),
                gain_db=leveled[segment.position - 1].gain_db - plan.spec.chains[segment.chain].trim_db,
                latency=latencies[segment.position - 1],
            )
            for segment in segments
        )
        task = CompareSegments(segments=compared, metrics_file=str(folder / f"track-{n}"))
        tasks.append((task, _compare_cost(segments)))
    _run(executor, tasks)
    return [_read(folder / f"track-{n}", list[Pair]) for n in range(len(tasks))]


def _compare_cost(segments: Sequence[PlannedSegment]) -> float:
    count = len(segments)
    seconds = min(segments[0].seconds, COMPARED_SECONDS)
    return COMPARE_SEGMENTS.cost(count * seconds) + math.comb(count, 2) * seconds * _COST_PAIR


def _leaf_order(count: int, distances: list[float]) -> list[int]:
    if count < 3:
        return list(range(count))
    # Imported here because only processes that analyze need it.
    from scipy.cluster.hierarchy import leaves_list, linkage

    return [int(n) for n in leaves_list(linkage(distances, "average", optimal_ordering=True))]


def _capture_record(source: Input, size: float | None, metrics: CaptureMetrics) -> CaptureRecord:
    return CaptureRecord(
        name=source.name, sha256=source.sha256, size=size, latency=metrics.latency, behavior=metrics.behavior
    )


def _by_track(plan: Plan) -> list[list[PlannedSegment]]:
    tracks: dict[int, list[PlannedSegment]] = {}
    for segment in plan.segments:
        tracks.setdefault(segment.di_track, []).append(segment)
    return list(tracks.values())


def _chain_key(segment: PlannedSegment) -> _ChainKey:
    """Return everything that decides a chain's latency: its blocks, and the calibration gain before its captures."""
    return segment.chain, tuple(stage.drive_db for stage in segment.stages)


def _chains(plan: Plan) -> dict[_ChainKey, PlannedSegment]:
    """Return one segment for each chain and calibration gain."""
    found: dict[_ChainKey, PlannedSegment] = {}
    for segment in plan.segments:
        found.setdefault(_chain_key(segment), segment)
    return found


def _captures(plan: Plan) -> dict[_CaptureKey, str]:
    """Return one file for each content and size of the captures in use."""
    found: dict[_CaptureKey, str] = {}
    for segment in plan.segments:
        for stage in segment.stages:
            block = plan.spec.chains[segment.chain].blocks[stage.block]
            if isinstance(block, CaptureBlock):
                info = cast(CaptureInfo, plan.media_info[block.file])
                found.setdefault((info.sha256, block.size if info.slimmable else None), block.file)
    return found


def _run(executor: TaskExecutor, tasks: Sequence[tuple[Task, float]]) -> None:
    for _ in executor.run(tasks):
        pass


def _read(path: Path, kind: type[T]) -> T:
    return cast(T, msgspec.msgpack.decode(path.read_bytes(), type=cast(Any, kind)))
