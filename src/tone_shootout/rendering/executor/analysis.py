"""Measurements beyond loudness: creates their tasks and collects the results."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import Struct

from tone_shootout.audio.clustering import leaf_order
from tone_shootout.rendering.executor import placements
from tone_shootout.rendering.executor.latencies import chains_of, latency_task, read_latency
from tone_shootout.rendering.executor.path_latencies import shifts_of
from tone_shootout.rendering.executor.placements import Placement
from tone_shootout.rendering.executor.registry import (
    COMPARE_SEGMENTS,
    COST_WAVEFORM,
    DRAW_PLOT,
    MEASURE_CAPTURE,
    MEASURE_LATENCY,
    MEASURE_SEGMENT,
)
from tone_shootout.rendering.executor.stages import LeveledSegment, raw_file
from tone_shootout.rendering.executor.sweeps import sweep_distances, swept_tones
from tone_shootout.rendering.executor.task_executor import TaskGraph
from tone_shootout.rendering.executor.tasks import (
    ComparedSegment,
    CompareSegments,
    MeasureCapture,
    MeasureSegment,
    SourceFile,
)
from tone_shootout.rendering.media_info import CaptureInfo
from tone_shootout.rendering.metrics import (
    COMPARED_SECONDS,
    CaptureMetrics,
    Difference,
    Latency,
    Metrics,
    Pair,
    SweepDistances,
)
from tone_shootout.rendering.output.manifest import CaptureRecord, Input
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment
from tone_shootout.rendering.spec.leaves import block_at
from tone_shootout.rendering.spec.schema import CaptureBlock

# Seconds on one core for each pair of segments and second of audio, besides the cost of each segment.
_COST_PAIR: Final = 0.0003

T = TypeVar("T")
_CaptureKey = tuple[str, float | None]


class Analysis(Struct, frozen=True, kw_only=True):
    """Latency and metrics of each segment, captures, pairs of segments, and what compares all tones of a DI track."""

    latencies: tuple[Latency, ...]
    metrics: tuple[Metrics, ...]
    captures: tuple[CaptureRecord, ...]
    comparisons: tuple[Pair, ...]
    differences: tuple[Difference, ...]
    sweeps: tuple[SweepDistances, ...]


def total_cost(plan: Plan, *, plots: bool) -> float:
    """Estimate the cost of measuring and drawing, in seconds on one core."""
    tracks = by_track(plan)
    figures = 2
    figures += sum(1 + (len(segments) > 1) + bool(swept_tones(plan, segments)) for segments in tracks)
    return math.fsum(
        (
            0.0 if placements.is_needed(plan) else len(chains_of(plan)) * MEASURE_LATENCY.cost(),
            len(_captures(plan)) * MEASURE_CAPTURE.cost(),
            MEASURE_SEGMENT.cost(plan.seconds),
            math.fsum(_compare_cost(segments) for segments in tracks),
            figures * DRAW_PLOT.cost() + len(plan.segments) * COST_WAVEFORM if plots else 0.0,
        )
    )


class Measurements:
    """The tasks of a graph that measure, and their results once they are complete."""

    def __init__(
        self,
        graph: TaskGraph,
        plan: Plan,
        sources: Mapping[str, Path],
        raws: Path,
        folder: Path,
        leveled: Sequence[LeveledSegment],
        paths: Mapping[str, Latency],
        placed: Mapping[str, Placement],
    ) -> None:
        """Add the tasks: chains, captures and segments, then segments of the same DI track against each other.

        Args:
            graph: the graph.
            plan: the plan.
            sources: path of each of the plan's files, by the spec's `file`.
            raws: folder of the rendered segments.
            folder: folder for the results.
            leveled: the segments' gains.
            paths: latencies of the paths of splits.
            placed: shift and polarity of the files by the key of the chain.
        """
        self._placed = placed
        self._paths = paths
        self._plan = plan
        self._folder = folder
        self._leveled = leveled
        self._files = {file: SourceFile(str(sources[file]), info) for file, info in plan.media_info.items()}
        self._chains = {
            key: self._add_chain(graph, sources, segment, folder / f"chain-{n}")
            for n, (key, segment) in enumerate(chains_of(plan).items())
            if key not in placed
        }
        """Number and result of the task of each chain that was not measured before."""
        self.captures = [
            graph.add(
                MeasureCapture(capture=self._files[file], size=size, metrics_file=str(folder / f"capture-{n}")),
                MEASURE_CAPTURE.cost(),
            )
            for n, ((_, size), file) in enumerate(_captures(plan).items())
        ]
        """Numbers of the captures' tasks."""
        self.segments = [
            graph.add(
                MeasureSegment(
                    raw=str(raw_file(raws, segment.render_key)),
                    gain_db=level.gain_db,
                    metrics_file=str(folder / f"segment-{segment.position}"),
                ),
                MEASURE_SEGMENT.cost(segment.seconds),
            )
            for segment, level in zip(plan.segments, leveled, strict=True)
        ]
        """Numbers of the segments' tasks."""
        self.tracks = [
            graph.add_after(
                {self._chains[key][0] for segment in segments if (key := segment.chain_key) in self._chains},
                partial(self._comparison, raws, segments, folder / f"track-{n}"),
                _compare_cost(segments),
            )
            for n, segments in enumerate(by_track(plan))
        ]
        """Numbers of the DI tracks' comparisons."""

    def _add_chain(
        self, graph: TaskGraph, sources: Mapping[str, Path], segment: PlannedSegment, file: Path
    ) -> tuple[int, Path]:
        task = latency_task(self._plan, segment, sources, file, shifts_of(segment, self._paths))
        return graph.add(task, MEASURE_LATENCY.cost()), file

    def _comparison(self, raws: Path, segments: Sequence[PlannedSegment], metrics_file: Path) -> CompareSegments:
        compared = tuple(
            ComparedSegment(
                position=segment.position,
                raw=str(raw_file(raws, segment.render_key)),
                gain_db=self._leveled[segment.position - 1].gain_db - self._plan.spec.chains[segment.chain].trim_db,
                latency=self._latency(segment),
            )
            for segment in segments
        )
        faded = any(segment.faded for segment in segments)
        return CompareSegments(segments=compared, faded=faded, metrics_file=str(metrics_file))

    def _latency(self, segment: PlannedSegment) -> Latency:
        placement = self._placed.get(segment.chain_key)
        return placement.left if placement else read_latency(self._chains[segment.chain_key][1])

    def metrics(self, segment: PlannedSegment) -> Metrics:
        """Return the metrics of a segment."""
        return _read(self._folder / f"segment-{segment.position}", Metrics)

    def capture_metrics(self) -> Iterator[tuple[str, float | None, CaptureMetrics]]:
        """Yield file, size and metrics of each capture."""
        for n, ((_, size), file) in enumerate(_captures(self._plan).items()):
            yield file, size, _read(self._folder / f"capture-{n}", CaptureMetrics)

    def pairs(self, track: int) -> list[Pair]:
        """Return the comparisons of a DI track, by its index in `by_track`."""
        return _read(self._folder / f"track-{track}", list[Pair])

    def difference(self, track: int) -> Difference:
        """Return the difference matrix of a DI track, by its index in `by_track`."""
        return difference(by_track(self._plan)[track], self.pairs(track))

    def sweep(self, track: int) -> SweepDistances | None:
        """Return the distances by input level of a DI track, by its index in `by_track`; None without a sweep."""
        return sweep_distances(swept_tones(self._plan, by_track(self._plan)[track]), self.pairs(track))

    def collect(self, inputs: Mapping[str, Input]) -> Analysis:
        """Return all results.

        Args:
            inputs: the manifest's records of the plan's files, by the spec's `file`.
        """
        tracks = range(len(self.tracks))
        return Analysis(
            latencies=tuple(self._latency(segment) for segment in self._plan.segments),
            metrics=tuple(self.metrics(segment) for segment in self._plan.segments),
            captures=tuple(
                CaptureRecord(
                    name=inputs[file].name,
                    sha256=inputs[file].sha256,
                    size=size,
                    latency=metrics.latency,
                    behavior=metrics.behavior,
                )
                for file, size, metrics in self.capture_metrics()
            ),
            comparisons=tuple(pair for track in tracks for pair in self.pairs(track)),
            differences=tuple(self.difference(track) for track in tracks),
            sweeps=tuple(found for track in tracks if (found := self.sweep(track)) is not None),
        )


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
    order = leaf_order(len(compared_segments), distances)
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


def _compare_cost(segments: Sequence[PlannedSegment]) -> float:
    count = len(segments)
    seconds = min(segments[0].seconds, COMPARED_SECONDS)
    return COMPARE_SEGMENTS.cost(count * seconds) + math.comb(count, 2) * seconds * _COST_PAIR


def by_track(plan: Plan) -> list[list[PlannedSegment]]:
    """Return the segments of each DI track."""
    tracks: dict[int, list[PlannedSegment]] = {}
    for segment in plan.segments:
        tracks.setdefault(segment.di_track, []).append(segment)
    return list(tracks.values())


def chains_of_captures(plan: Plan) -> list[tuple[str, ...]]:
    """Return the names of the chains with each capture, in the order of `Measurements.capture_metrics`."""
    found: dict[_CaptureKey, dict[str, None]] = {}
    for key, _, chain in _capture_uses(plan):
        found.setdefault(key, {})[chain] = None
    return [tuple(chains) for chains in found.values()]


def _captures(plan: Plan) -> dict[_CaptureKey, str]:
    """Return one file for each content and size of the captures in use."""
    found: dict[_CaptureKey, str] = {}
    for key, file, _ in _capture_uses(plan):
        found.setdefault(key, file)
    return found


def _capture_uses(plan: Plan) -> Iterator[tuple[_CaptureKey, str, str]]:
    """Yield content and size, file and name of the chain of each capture in use."""
    for segment in plan.segments:
        for stage in segment.stages:
            block = block_at(plan.spec.chains[segment.chain], stage.place)
            if isinstance(block, CaptureBlock):
                info = cast(CaptureInfo, plan.media_info[block.file])
                yield (info.sha256, block.size if info.slimmable else None), block.file, segment.chain_name


def _read(path: Path, kind: type[T]) -> T:
    return cast(T, msgspec.msgpack.decode(path.read_bytes(), type=cast(Any, kind)))
