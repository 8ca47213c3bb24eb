"""How each piece of work is done, in a child process."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from tone_shootout.audio.files import read_flac, write_flac
from tone_shootout.audio.levels import apply_gain, level_match
from tone_shootout.audio.loudness import measure
from tone_shootout.audio.signals import AudioError, Float32
from tone_shootout.rendering.engine.chain import SourceCache, render_segment
from tone_shootout.rendering.errors import RenderError
from tone_shootout.rendering.executor.measure import gauge
from tone_shootout.rendering.executor.tasks import (
    Align,
    Characterise,
    Compare,
    Draw,
    DrawPlot,
    Examine,
    Film,
    Level,
    Listen,
    Measure,
    Measured,
    Render,
    Result,
    Soundtrack,
    Task,
)
from tone_shootout.rendering.output.draw_plots import draw_plot
from tone_shootout.rendering.plan.planner import PlannedSegment
from tone_shootout.rendering.plan.rates import OUTPUT_RATE
from tone_shootout.rendering.video.cards import draw
from tone_shootout.rendering.video.encoder import encode_still, write_sound, write_video

Tick = Callable[[float], None]
"""Told the share of a task that is done, 0 to 1; may raise to stop."""


def perform(task: Task, source_cache: SourceCache, tick: Tick) -> Result:
    """Do one piece of work.

    Raises:
        RenderError: it can't be done.
        OSError: a file can't be read or written.
    """
    match task:
        case Render():
            return _render(task, source_cache, tick)
        case Measure():
            return _told(task, np.load(task.raw, allow_pickle=False))
        case Level():
            return _level(task)
        case Draw():
            _draw(task)
        case Soundtrack():
            write_sound(Path(task.sound), task.parts, tick)
        case Film():
            write_video(Path(task.video), task.title, task.scenes, Path(task.sound), tick)
        case Align() | Characterise() | Examine() | Compare() | Listen():
            gauge(task, source_cache)
        case DrawPlot():
            draw_plot(task.plot, task.stem)
    return None


def _level(task: Level) -> Measured:
    try:
        samples = apply_gain(np.load(task.raw, allow_pickle=False), task.gain_db)
        write_flac(Path(task.flac), samples, OUTPUT_RATE)
    except AudioError as error:
        raise RenderError(error.code, f"{_pair(task.segment)}: {error.detail}", segment=task.segment.position) from None
    written = read_flac(Path(task.flac), max_seconds=task.segment.seconds + 1)
    return _measured(task.segment, written.samples[0])


def _render(task: Render, source_cache: SourceCache, tick: Tick) -> Measured:
    cost = math.fsum(stage.cost for stage in task.segment.stages[task.first :]) or 1.0

    def keep(stage: int, samples: Float32) -> None:
        if stage in task.keep:
            np.save(task.keep[stage], samples, allow_pickle=False)

    samples = render_segment(
        task.segment,
        task.chain,
        task.di,
        task.sources,
        source_cache,
        lambda done: tick(min(done / cost, 1.0)),
        first=task.first,
        begin=None if task.begin is None else np.load(task.begin, allow_pickle=False),
        keep=keep,
    )
    np.save(task.raw, samples, allow_pickle=False)
    return _told(task, samples)


def _told(task: Render | Measure, samples: Float32) -> Measured:
    """Measure a segment, and write it to be heard meanwhile where that is wanted."""
    measured = _measured(task.segment, samples)
    if task.partial is not None:
        match = level_match([measured], requested_lufs=task.partial.target_lufs, ceiling_dbtp=task.partial.ceiling_dbtp)
        write_flac(Path(task.partial.flac), apply_gain(samples, match.gains_db[0]), OUTPUT_RATE)
    return measured


def _draw(task: Draw) -> None:
    samples = apply_gain(np.load(task.raw, allow_pickle=False), task.gain_db)
    Path(task.still).write_bytes(msgspec.msgpack.encode(encode_still(draw(task.card, samples))))


def _measured(segment: PlannedSegment, samples: Float32) -> Measured:
    measures = dataclasses.asdict(measure(samples, OUTPUT_RATE))
    del measures["seconds"]
    if math.isinf(measures["integrated_lufs"]):
        raise RenderError(
            "silent",
            f"{_pair(segment)} is too quiet to compare: nothing in it reaches "
            "-70 LUFS, the lowest loudness that counts as sound",
            segment=segment.position,
            pointer=f"/chains/{segment.chain}",
        )
    return Measured(**measures)


def _pair(segment: PlannedSegment) -> str:
    return f"“{segment.di_name}” through “{segment.chain_name}”"
