"""Tasks that draw the plots of a shootout."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath

from tone_shootout.audio.constants import amplitude
from tone_shootout.rendering.executor.analysis import Measurements, by_track, chains_of_captures
from tone_shootout.rendering.executor.registry import COST_WAVEFORM, DRAW_PLOT
from tone_shootout.rendering.executor.stages import LeveledSegment, envelope_file
from tone_shootout.rendering.executor.sweeps import swept_tones
from tone_shootout.rendering.executor.task_executor import TaskGraph
from tone_shootout.rendering.executor.tasks import DrawPlot
from tone_shootout.rendering.output.manifest import Input, LevelRecord
from tone_shootout.rendering.output.plots import (
    DifferencePlot,
    DrivePlot,
    LevelsPlot,
    Plot,
    SpectraPlot,
    SweepPlot,
    WaveformPlot,
)
from tone_shootout.rendering.plan.planner import Plan, PlannedSegment, slug


def add_plots(
    graph: TaskGraph,
    plan: Plan,
    staging: Path,
    level: LevelRecord,
    leveled: Sequence[LeveledSegment],
    inputs: Mapping[str, Input],
    measurements: Measurements,
) -> list[str]:
    """Add a task for each plot, to run once what it shows is measured.

    Args:
        graph: the graph.
        plan: the plan.
        staging: folder of the result.
        level: the level match.
        leveled: the segments' levels.
        inputs: the manifest's records of the plan's files, by the spec's `file`.
        measurements: the tasks that measure.

    Returns:
        Names of the files, relative to the staging folder.
    """
    folder = staging / "plots"
    folder.mkdir()
    names: list[str] = []
    # One process may draw all plots but the waveforms (`pool`).
    others = DRAW_PLOT.cost() * (1 + sum(1 + (len(segments) > 1) for segments in by_track(plan)))

    def add(name: str, after: Iterable[int], make: Callable[[], Plot], cost: float, lead: float) -> None:
        names.extend(f"plots/{name}.{kind}" for kind in ("png", "svg"))
        graph.add_after(after, lambda: DrawPlot(plot=make(), stem=str(folder / name)), cost, lead=lead)

    def add_figure(name: str, after: Iterable[int], make: Callable[[], Plot]) -> None:
        add(name, after, make, DRAW_PLOT.cost(), others)

    def spectra(segments: Sequence[PlannedSegment]) -> SpectraPlot:
        return SpectraPlot(
            di_track=segments[0].di_name,
            chains=tuple(segment.chain_name for segment in segments),
            third_octaves_db=tuple(measurements.metrics(segment).third_octaves_db for segment in segments),
        )

    def difference(track: int) -> DifferencePlot:
        found = measurements.difference(track)
        return DifferencePlot(di_track=found.di_track, chains=found.chains, matrix=found.distances_db)

    def sweep(track: int) -> SweepPlot:
        found = measurements.sweep(track)
        if found is None:
            raise ValueError(f"expected DI track {track} to have tones at several levels")
        return SweepPlot(distances=found)

    def drive() -> DrivePlot:
        found = list(measurements.capture_metrics())
        labels = [_capture_label(inputs[file].name, size) for file, size, _ in found]
        names = capture_names(chains_of_captures(plan), labels)
        shown = [(name, each.behavior.drive) for name, (_, _, each) in zip(names, found, strict=True) if each.behavior]
        return DrivePlot(names=tuple(name for name, _ in shown), curves=tuple(curve for _, curve in shown))

    add_figure("levels", (), lambda: _levels(plan, level, leveled))
    for track, segments in enumerate(by_track(plan)):
        name = f"{track + 1:02d}-{slug(segments[0].di_name, fallback='di')}"
        numbers = [measurements.segments[segment.position - 1] for segment in segments]
        add_figure(f"spectra-{name}", numbers, partial(spectra, segments))
        if len(segments) > 1:
            add_figure(f"difference-{name}", [measurements.tracks[track]], partial(difference, track))
        if swept_tones(plan, segments):
            add_figure(f"sweep-{name}", [measurements.tracks[track]], partial(sweep, track))
    add_figure("drive", measurements.captures, drive)
    full_scale = max(amplitude(segment.measured.sample_peak_dbfs) for segment in leveled)
    for segment in plan.segments:
        plot = WaveformPlot(
            name=segment.title,
            chain_index=segment.chain,
            envelope=envelope_file(staging, segment),
            seconds=segment.seconds,
            full_scale=full_scale,
        )
        add(f"waveform-{PurePath(segment.file).stem}", (), partial(_made, plot), COST_WAVEFORM, 0.0)
    return names


def _levels(plan: Plan, level: LevelRecord, leveled: Sequence[LeveledSegment]) -> LevelsPlot:
    return LevelsPlot(
        names=tuple(segment.title for segment in plan.segments),
        lufs_before=tuple(segment.loudness_before_lufs for segment in leveled),
        lufs_after=tuple(segment.measured.integrated_lufs for segment in leveled),
        dbtp_before=tuple(segment.true_peak_before_dbtp for segment in leveled),
        dbtp_after=tuple(segment.measured.true_peak_dbtp for segment in leveled),
        target_lufs=level.target_lufs,
        ceiling_dbtp=level.ceiling_dbtp,
    )


def capture_names(chains: Sequence[Sequence[str]], labels: Sequence[str]) -> list[str]:
    """Return a name for each capture: that of its chain, with its own where a chain has several.

    Args:
        chains: names of the chains with each capture.
        labels: names of the captures themselves.
    """
    first = [each[0] if len(each) == 1 else f"{each[0]} and {len(each) - 1} more" for each in chains]
    return [f"{name}: {label}" if first.count(name) > 1 else name for name, label in zip(first, labels, strict=True)]


def _capture_label(name: str, size: float | None) -> str:
    return name if size is None else f"{name}, size {size:g}"


def _made(plot: Plot) -> Plot:
    return plot
