"""The pieces of work that a shootout is made of, each done by one child process."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from tone_shootout.audio.files import read_flac, write_flac
from tone_shootout.audio.levels import apply_gain
from tone_shootout.audio.loudness import measure
from tone_shootout.audio.signals import AudioError, Float32
from tone_shootout.rendering.chain import Shelf, SourceFile, render_segment
from tone_shootout.rendering.errors import RenderError
from tone_shootout.rendering.plan import PlannedSegment
from tone_shootout.rendering.rates import OUTPUT_RATE
from tone_shootout.rendering.scenes import Card, Scene
from tone_shootout.rendering.spec import Chain

Tick = Callable[[float], None]
"""Told the share of a task that is done, 0 to 1; may raise to stop."""


class Measured(Struct, frozen=True, kw_only=True):
    """What a segment measures; units are in the names, definitions in `audio.loudness`."""

    integrated_lufs: float
    loudness_range_lu: float
    max_momentary_lufs: float
    max_short_term_lufs: float
    true_peak_dbtp: float
    sample_peak_dbfs: float
    rms_dbfs: float
    crest_factor_db: float
    dc_offset: float


class Render(Struct, tag=True, frozen=True, kw_only=True):
    """Render a segment, keep its samples in the NumPy file `raw` and measure them."""

    segment: PlannedSegment
    chain: Chain
    di: SourceFile
    sources: dict[str, SourceFile]
    raw: str


class Measure(Struct, tag=True, frozen=True, kw_only=True):
    """Measure a segment that was rendered before."""

    segment: PlannedSegment
    raw: str


class Level(Struct, tag=True, frozen=True, kw_only=True):
    """Write a segment with its gain to a 24-bit FLAC, and measure what was written."""

    segment: PlannedSegment
    raw: str
    gain_db: float
    flac: str


class Draw(Struct, tag=True, frozen=True, kw_only=True):
    """Draw a segment's card, with the waveform of `raw` at its gain, and encode it to the file `still`."""

    card: Card
    raw: str
    gain_db: float
    still: str


class Film(Struct, tag=True, frozen=True, kw_only=True):
    """Put scenes together to a video."""

    title: str
    scenes: tuple[Scene, ...]
    video: str


Task = Render | Measure | Level | Draw | Film
Result = Measured | None


def perform(task: Task, shelf: Shelf, tick: Tick) -> Result:
    """Do one piece of work.

    Raises:
        RenderError: it can't be done.
        OSError: a file can't be read or written.
    """
    match task:
        case Render():
            return _render(task, shelf, tick)
        case Measure():
            return _measured(task.segment, np.load(task.raw, allow_pickle=False))
        case Level():
            return _level(task)
        case Draw():
            _draw(task)
        case Film():
            from tone_shootout.rendering.video import write_video

            write_video(Path(task.video), task.title, task.scenes, tick)
    return None


def _level(task: Level) -> Measured:
    try:
        samples = apply_gain(np.load(task.raw, allow_pickle=False), task.gain_db)
        write_flac(Path(task.flac), samples, OUTPUT_RATE)
    except AudioError as error:
        raise RenderError(error.code, f"{_pair(task.segment)}: {error.detail}") from None
    written = read_flac(Path(task.flac), max_seconds=task.segment.seconds + 1)
    return _measured(task.segment, written.samples[0])


def _render(task: Render, shelf: Shelf, tick: Tick) -> Measured:
    cost = task.segment.cost or 1.0
    samples = render_segment(
        task.segment, task.chain, task.di, task.sources, shelf, lambda done: tick(min(done / cost, 1.0))
    )
    np.save(task.raw, samples, allow_pickle=False)
    return _measured(task.segment, samples)


def _draw(task: Draw) -> None:
    # The plotting library is slow to import and only needed here.
    from tone_shootout.rendering.cards import draw
    from tone_shootout.rendering.video import encode_still

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
        )
    return Measured(**measures)


def _pair(segment: PlannedSegment) -> str:
    return f"“{segment.di_name}” through “{segment.chain_name}”"
