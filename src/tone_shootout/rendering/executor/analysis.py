"""What is measured of a shootout beyond loudness, and drawn: which figures there are to take, and which plots."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import Struct

from tone_shootout.audio.signals import amplitude
from tone_shootout.rendering.executor.stages import Levelled, TaskExecutor
from tone_shootout.rendering.executor.tasks import (
    Align,
    Characterise,
    Compare,
    DrawPlot,
    Examine,
    Listen,
    SourceFile,
    Task,
    Voice,
)
from tone_shootout.rendering.media_info import CaptureInfo
from tone_shootout.rendering.metrics import (
    COMPARED_SECONDS,
    CaptureFigures,
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

# Estimates for one core, in seconds for each second of audio.
_COST_EXAMINE: Final = 0.006
_COST_SPECTRA: Final = 0.004
_COST_PAIR: Final = 0.0003
_COST_LISTEN: Final = 0.004
# And for a chain's probe, a capture's test tones, and a plot.
_COST_ALIGN: Final = 0.02
_COST_CHARACTERISE: Final = 0.15
_COST_PLOT: Final = 0.2

T = TypeVar("T")
_Drive = tuple[int, tuple[float | None, ...]]
_Sized = tuple[str, float | None]


class Analysis(Struct, frozen=True, kw_only=True):
    """What was found: latency and metrics by segment, captures, pairs of segments, difference matrices."""

    latencies: tuple[Latency, ...]
    metrics: tuple[Metrics, ...]
    captures: tuple[CaptureRecord, ...]
    comparisons: tuple[Pair, ...]
    differences: tuple[Difference, ...]


def total_cost(plan: Plan, *, plots: bool, video: bool) -> float:
    """Estimate the work of measuring and drawing, in seconds on one core."""
    tracks = _by_track(plan)
    figures = len(plan.segments) + 2 + sum(1 + (len(segments) > 1) for segments in tracks)
    return math.fsum(
        (
            len(_chains(plan)) * _COST_ALIGN,
            len(_captures(plan)) * _COST_CHARACTERISE,
            plan.seconds * _COST_EXAMINE,
            math.fsum(_compare_cost(segments) for segments in tracks),
            figures * _COST_PLOT if plots else 0.0,
            plan.seconds * _COST_LISTEN if video else 0.0,
        )
    )


def survey(
    plan: Plan,
    sources: Mapping[str, Path],
    raws: Path,
    staging: Path,
    levelled: Sequence[Levelled],
    inputs: Mapping[str, Input],
    executor: TaskExecutor,
    besides: Sequence[tuple[Task, float]] = (),
) -> Analysis:
    """Measure chains, captures and written segments, then segments of the same DI track against each other.

    Args:
        plan: the plan.
        sources: where the content of each of the plan's files is.
        raws: where the rendered segments are, by render key.
        staging: where the written segments are.
        levelled: the segments' gains.
        inputs: what the manifest calls the plan's files.
        executor: does the work.
        besides: tasks that can be done meanwhile.
    """
    folder = staging / "figures"
    folder.mkdir()
    files = {file: SourceFile(str(sources[file]), facts) for file, facts in plan.facts.items()}
    chains, captures = _chains(plan), _captures(plan)
    tasks = list(besides)
    for n, segment in enumerate(chains.values()):
        chain = plan.spec.chains[segment.chain]
        used = {block.file: files[block.file] for block in chain.blocks if isinstance(block, CaptureBlock | CabIrBlock)}
        align = Align(segment=segment, chain=chain, sources=used, figures=str(folder / f"chain-{n}"))
        tasks.append((align, _COST_ALIGN))
    for n, ((_, size), file) in enumerate(captures.items()):
        task = Characterise(capture=files[file], size=size, figures=str(folder / f"capture-{n}"))
        tasks.append((task, _COST_CHARACTERISE))
    for segment in plan.segments:
        examine = Examine(flac=str(staging / segment.file), figures=str(folder / f"segment-{segment.position}"))
        tasks.append((examine, segment.seconds * _COST_EXAMINE))
    _run(executor, tasks)
    found = {key: _read(folder / f"chain-{n}", Latency) for n, key in enumerate(chains)}
    latencies = tuple(found[_drive(segment)] for segment in plan.segments)
    pairs = _compare(plan, raws, folder, levelled, latencies, executor)
    return Analysis(
        latencies=latencies,
        metrics=tuple(_read(folder / f"segment-{segment.position}", Metrics) for segment in plan.segments),
        captures=tuple(
            _capture_record(inputs[file], size, _read(folder / f"capture-{n}", CaptureFigures))
            for n, ((_, size), file) in enumerate(captures.items())
        ),
        comparisons=tuple(pair for of_track in pairs for pair in of_track),
        differences=tuple(
            difference(segments, of_track) for segments, of_track in zip(_by_track(plan), pairs, strict=True)
        ),
    )


def listen(plan: Plan, staging: Path, video: Path, executor: TaskExecutor) -> Encoded:
    """Measure the sound of the plan's video."""
    figures = staging / "figures" / "video"
    seconds = sum(slot.frames for slot in timeline(plan.segments)) / FRAME_RATE
    task = Listen(video=str(video), seconds=seconds, figures=str(figures))
    _run(executor, [(task, plan.seconds * _COST_LISTEN)])
    return _read(figures, Encoded)


def difference(segments: Sequence[PlannedSegment], pairs: Sequence[Pair]) -> Difference:
    """Make the difference matrix of a DI track, ordered so that what sounds alike stands together.

    Average linkage over log-mel distance, with the leaves in the order of least distance between neighbours (Bar-Joseph
    et al., "Fast optimal leaf ordering for hierarchical clustering", Bioinformatics 17, 2001). What has nothing to hear
    in the part that is compared is left out.
    """
    compared = {position for pair in pairs for position in (pair.reference, pair.position)}
    shown = [segment for segment in segments if segment.position in compared] or list(segments[:1])
    between = {(pair.reference, pair.position): pair.log_mel_db for pair in pairs}
    order = _likeness(
        len(shown), [between[one.position, two.position] for n, one in enumerate(shown) for two in shown[n + 1 :]]
    )
    ordered = [shown[n] for n in order]
    return Difference(
        di_track=segments[0].di_name,
        chains=tuple(segment.chain_name for segment in ordered),
        positions=tuple(segment.position for segment in ordered),
        matrix=tuple(
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
    found: Analysis,
    executor: TaskExecutor,
) -> list[str]:
    """Draw all plots and return the names of their files."""
    (staging / "plots").mkdir()
    plots = _plots(plan, staging, level, segments, found)
    _run(
        executor,
        [(DrawPlot(plot=plot, stem=str(staging / "plots" / name)), _COST_PLOT) for name, plot in plots.items()],
    )
    return [f"plots/{name}.{kind}" for name in plots for kind in ("png", "svg")]


def _plots(
    plan: Plan, staging: Path, level: LevelRecord, segments: Sequence[SegmentRecord], found: Analysis
) -> dict[str, Plot]:
    """Say what to draw, by the name of the file without its ending."""
    plots: dict[str, Plot] = {
        "levels": LevelsPlot(
            names=tuple(segment_title(segment) for segment in segments),
            lufs_before=tuple(segment.loudness_before_lufs for segment in segments),
            lufs_after=tuple(segment.measured.integrated_lufs for segment in segments),
            dbtp_before=tuple(segment.true_peak_before_dbtp for segment in segments),
            dbtp_after=tuple(segment.measured.true_peak_dbtp for segment in segments),
            target_lufs=level.target,
            ceiling_dbtp=level.ceiling,
        )
    }
    for n, (planned, matrix) in enumerate(zip(_by_track(plan), found.differences, strict=True), 1):
        track = f"{n:02d}-{slug(planned[0].di_name, fallback='di')}"
        plots[f"spectra-{track}"] = SpectraPlot(
            di_track=planned[0].di_name,
            chains=tuple(segment.chain_name for segment in planned),
            third_octaves_db=tuple(found.metrics[segment.position - 1].third_octaves_db for segment in planned),
        )
        if len(planned) > 1:
            plots[f"difference-{track}"] = DifferencePlot(
                di_track=matrix.di_track, chains=matrix.chains, matrix=matrix.matrix
            )
    curves = [(_called(capture), capture.behaviour.drive) for capture in found.captures if capture.behaviour]
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


def _called(capture: CaptureRecord) -> str:
    return capture.name if capture.size is None else f"{capture.name}, size {capture.size:g}"


def _compare(
    plan: Plan,
    raws: Path,
    folder: Path,
    levelled: Sequence[Levelled],
    latencies: Sequence[Latency],
    executor: TaskExecutor,
) -> list[list[Pair]]:
    tasks: list[tuple[Task, float]] = []
    for n, segments in enumerate(_by_track(plan)):
        voices = tuple(
            Voice(
                position=segment.position,
                raw=str(raws / f"{segment.render_key}.npy"),
                gain_db=levelled[segment.position - 1].gain_db - plan.spec.chains[segment.chain].trim_db,
                latency=latencies[segment.position - 1],
            )
            for segment in segments
        )
        tasks.append((Compare(voices=voices, figures=str(folder / f"track-{n}")), _compare_cost(segments)))
    _run(executor, tasks)
    return [_read(folder / f"track-{n}", list[Pair]) for n in range(len(tasks))]


def _compare_cost(segments: Sequence[PlannedSegment]) -> float:
    count = len(segments)
    seconds = min(segments[0].seconds, COMPARED_SECONDS)
    return seconds * (count * _COST_SPECTRA + math.comb(count, 2) * _COST_PAIR)


def _likeness(count: int, distances: list[float]) -> list[int]:
    if count < 3:
        return list(range(count))
    # Here, because a process that measures nothing has no use for it.
    from scipy.cluster.hierarchy import leaves_list, linkage

    return [int(n) for n in leaves_list(linkage(distances, "average", optimal_ordering=True))]


def _capture_record(source: Input, size: float | None, figures: CaptureFigures) -> CaptureRecord:
    return CaptureRecord(
        name=source.name, sha256=source.sha256, size=size, latency=figures.latency, behaviour=figures.behaviour
    )


def _by_track(plan: Plan) -> list[list[PlannedSegment]]:
    tracks: dict[int, list[PlannedSegment]] = {}
    for segment in plan.segments:
        tracks.setdefault(segment.di_track, []).append(segment)
    return list(tracks.values())


def _drive(segment: PlannedSegment) -> _Drive:
    """Return what decides a chain's latency: its blocks, and the gain in front of its captures."""
    return segment.chain, tuple(stage.drive_db for stage in segment.stages)


def _chains(plan: Plan) -> dict[_Drive, PlannedSegment]:
    """Return a segment for each chain and drive."""
    found: dict[_Drive, PlannedSegment] = {}
    for segment in plan.segments:
        found.setdefault(_drive(segment), segment)
    return found


def _captures(plan: Plan) -> dict[_Sized, str]:
    """Return a file for each content and size of the captures that take part."""
    found: dict[_Sized, str] = {}
    for segment in plan.segments:
        for stage in segment.stages:
            block = plan.spec.chains[segment.chain].blocks[stage.block]
            if isinstance(block, CaptureBlock):
                facts = cast(CaptureInfo, plan.facts[block.file])
                found.setdefault((facts.sha256, block.size if facts.slimmable else None), block.file)
    return found


def _run(executor: TaskExecutor, tasks: Sequence[tuple[Task, float]]) -> None:
    for _ in executor.run(tasks):
        pass


def _read(path: Path, kind: type[T]) -> T:
    return cast(T, msgspec.msgpack.decode(path.read_bytes(), type=cast(Any, kind)))
