"""Handlers of the tasks that render, level and draw plots; they run in child processes."""

import dataclasses
import math
from pathlib import Path

import numpy as np

from tone_shootout.audio.files import write_flac
from tone_shootout.audio.levels import apply_gain, level_match
from tone_shootout.audio.loudness import measure
from tone_shootout.audio.pcm import round_to_24_bits
from tone_shootout.audio.signals import AudioError, Float32
from tone_shootout.rendering.engine.chain import SourceCache, render_segment, segment_name
from tone_shootout.rendering.errors import RenderError
from tone_shootout.rendering.executor.registry import ReportProgress
from tone_shootout.rendering.executor.tasks import (
    DrawPlot,
    LevelSegment,
    Measured,
    MeasureLoudness,
    RenderSegment,
)
from tone_shootout.rendering.output.draw_waveform import draw_waveform
from tone_shootout.rendering.output.plots import WaveformPlot
from tone_shootout.rendering.plan.planner import PlannedSegment
from tone_shootout.rendering.plan.rates import OUTPUT_RATE
from tone_shootout.rendering.spec.pointers import chain_pointer
from tone_shootout.rendering.video.drawing import envelope


def render_segment_task(task: RenderSegment, source_cache: SourceCache, report_progress: ReportProgress) -> Measured:
    """Render a segment, save the outputs that the task names, and measure its levels."""
    cost = math.fsum(task.segment.stages[number].cost for number in task.runs) or 1.0

    def save_stage(stage: int, samples: Float32) -> None:
        if stage in task.stage_outputs:
            np.save(task.stage_outputs[stage], samples, allow_pickle=False)

    samples = render_segment(
        task.segment,
        task.chain,
        task.di,
        task.sources,
        source_cache,
        lambda done: report_progress(min(done / cost, 1.0)),
        runs=task.runs,
        resumed={number: np.load(path, allow_pickle=False) for number, path in task.resumed.items()},
        shifts=task.shifts,
        advance=task.advance,
        inverted=task.inverted,
        on_stage=save_stage,
    )
    np.save(task.raw, samples, allow_pickle=False)
    return _measure_and_preview(task, samples)


def measure_loudness(task: MeasureLoudness, _cache: SourceCache, _report: ReportProgress) -> Measured:
    """Measure the levels of a rendered segment."""
    return _measure_and_preview(task, np.load(task.raw, allow_pickle=False))


def level_segment(task: LevelSegment, _cache: SourceCache, _report: ReportProgress) -> Measured:
    """Write a segment at its gain, and measure the samples that the file decodes to.

    Raises:
        RenderError: the gain is out of range, the samples exceed full scale, or the result is silent.
        OSError: a file can't be read or written.
    """
    try:
        samples = apply_gain(np.load(task.raw, allow_pickle=False), task.gain_db)
        write_flac(Path(task.flac), samples, OUTPUT_RATE)
    except AudioError as error:
        detail = f"{segment_name(task.segment)}: {error.detail}"
        raise RenderError(error.code, detail, segment=task.segment.position) from None
    written = round_to_24_bits(samples)
    np.save(task.envelope, envelope(written), allow_pickle=False)
    return _measured(task.segment, written)


def draw_plot_task(task: DrawPlot, _cache: SourceCache, _report: ReportProgress) -> None:
    """Draw a plot."""
    if isinstance(task.plot, WaveformPlot):
        draw_waveform(task.plot, task.stem)
        return
    # Imported here: matplotlib takes longer to import than everything else.
    from tone_shootout.rendering.output.draw_plots import draw_plot

    draw_plot(task.plot, task.stem)


def _measure_and_preview(task: RenderSegment | MeasureLoudness, samples: Float32) -> Measured:
    measured = _measured(task.segment, samples)
    if task.preview is not None:
        match = level_match([measured], requested_lufs=task.preview.target_lufs, ceiling_dbtp=task.preview.ceiling_dbtp)
        write_flac(Path(task.preview.flac), apply_gain(samples, match.gains_db[0]), OUTPUT_RATE)
    return measured


def _measured(segment: PlannedSegment, samples: Float32) -> Measured:
    levels: dict[str, float] = dataclasses.asdict(measure(samples, OUTPUT_RATE))
    del levels["seconds"]
    if math.isinf(levels["integrated_lufs"]):
        raise RenderError(
            "silent",
            f"{segment_name(segment)} is too quiet to compare: no part of it reaches -70 LUFS, the absolute gate of "
            "BS.1770. Raise the level of the DI track or the gain of the chain",
            segment=segment.position,
            pointer=chain_pointer(segment.chain),
        )
    return Measured(**levels)
