"""Renders one segment in this process: a slice of a DI track through the blocks of a chain.

The DI track is resampled once to the rate of the chain's first capture, again only before a later capture with another
rate, and once at the end to the output rate. Each block takes mono float32 samples and returns as many; the DI track is
extended with silence if the segment has a tail. Cuts of the slice and the ends of the segment are faded. Levels are not
changed here: the level match follows later.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from tone_shootout.audio.convolve import cab_ir
from tone_shootout.audio.dynamics import compressor, noise_gate
from tone_shootout.audio.fades import fade_ends
from tone_shootout.audio.filters import Band, equalize
from tone_shootout.audio.levels import apply_gain
from tone_shootout.audio.nam import NamError, NamModel
from tone_shootout.audio.resample import resample
from tone_shootout.audio.sides import Channel
from tone_shootout.audio.signals import AudioError, Float32, decibels
from tone_shootout.audio.space import delay, reverb
from tone_shootout.rendering.engine.sources import (
    SILENCE_DBFS,
    SourceError,
    decode_capture,
    decode_di,
    decode_ir,
    read_source,
)
from tone_shootout.rendering.errors import RenderError
from tone_shootout.rendering.executor.tasks import SourceFile
from tone_shootout.rendering.plan.planner import PlannedSegment, Stage
from tone_shootout.rendering.plan.rates import OUTPUT_RATE
from tone_shootout.rendering.spec.pointers import block_pointer, di_track_pointer
from tone_shootout.rendering.spec.schema import (
    Block,
    CabIrBlock,
    CaptureBlock,
    Chain,
    CompressorBlock,
    DelayBlock,
    EqBlock,
    GainBlock,
    NoiseGateBlock,
    ReverbBlock,
)

BLOCK_NAMES: Final[Mapping[type[Block], str]] = {
    CaptureBlock: "capture",
    CabIrBlock: "cab IR",
    GainBlock: "gain",
    EqBlock: "EQ",
    CompressorBlock: "compressor",
    NoiseGateBlock: "noise gate",
    DelayBlock: "delay",
    ReverbBlock: "reverb",
}

ReportCost = Callable[[float], None]
"""Takes the completed part of the segment's cost. It may raise to stop the rendering."""

OnStage = Callable[[int, Float32], None]
"""Takes a stage's index and its output, shape (T,)."""


class SourceCache:
    """Caches decoded sources by content, for the segments that follow.

    It holds one DI track (ten minutes take 115 MB at 48 kHz), and every capture and cab IR.
    """

    def __init__(self) -> None:
        self._di: tuple[tuple[str, Channel | None], Float32] | None = None
        self._captures: dict[str, NamModel] = {}
        self._irs: dict[tuple[str, int, Channel | None], Float32] = {}

    def di(self, source: SourceFile, channel: Channel | None = None) -> Float32:
        """Return a DI track's samples, shape (T,), at its own rate."""
        key = (source.media_info.sha256, channel)
        if self._di is None or self._di[0] != key:
            self._di = None
            self._di = (key, decode_di(_content(source), channel=channel)[0])
        return self._di[1]

    def capture(self, source: SourceFile) -> NamModel:
        """Return a loaded capture."""
        key = source.media_info.sha256
        if key not in self._captures:
            self._captures[key] = decode_capture(_content(source))
        return self._captures[key]

    def ir(self, source: SourceFile, rate: int, channel: Channel | None = None) -> Float32:
        """Return a cab IR at `rate` Hz, shape (T,)."""
        key = (source.media_info.sha256, rate, channel)
        if key not in self._irs:
            self._irs[key] = decode_ir(_content(source), rate, channel=channel)
        return self._irs[key]


def render_segment(
    segment: PlannedSegment,
    chain: Chain,
    di: SourceFile,
    sources: Mapping[str, SourceFile],
    source_cache: SourceCache,
    report_cost: ReportCost,
    *,
    first: int = 0,
    initial: Float32 | None = None,
    on_stage: OnStage | None = None,
) -> Float32:
    """Render one segment, from its DI track or from the output of one of its stages.

    Args:
        segment: the planned segment.
        chain: the segment's chain.
        di: the segment's DI track.
        sources: captures and cab IRs by the `file` of the chain's blocks.
        source_cache: decoded sources, shared between segments.
        report_cost: called with the completed cost, up to the total of the stages that run.
        first: index of the first stage that runs.
        initial: output of the stage before `first`, shape (T,), at that stage's rate; None: start from the DI track.
        on_stage: called with the output of each stage.

    Returns:
        float32 samples, shape (segment.samples,), at `OUTPUT_RATE`, full scale ±1, before the level match.

    Raises:
        RenderError: the result is silent or not finite, or a source or block can't be used.
        OSError: a source can't be read.
    """
    muted_by: Stage | None = None
    if initial is None:
        x, rate = _read_slice(segment, di, source_cache), segment.di_rate
    else:
        before = segment.stages[first - 1]
        x, rate = initial, before.rate
        muted_by = before if _silent(x) else None
    done = 0.0
    for index, stage in enumerate(segment.stages[first:], first):
        block = chain.blocks[stage.block]
        with _render_errors(_block_name(segment, chain, stage), segment, _stage_pointer(segment, stage)):
            x = resample(x, rate, stage.rate)[: stage.samples]
            report_samples = partial(_report_samples, report_cost, done, stage.cost, len(x))
            x = _apply(block, x, stage, sources, source_cache, report_samples)
        rate = stage.rate
        muted_by = (muted_by or stage) if _silent(x) else None
        if on_stage is not None:
            on_stage(index, x)
        done += stage.cost
        report_cost(done)
    if muted_by is not None:
        raise RenderError(
            "silent",
            f"{_block_name(segment, chain, muted_by)} outputs silence (peak below {SILENCE_DBFS:.0f} dBFS)",
            segment=segment.position,
            pointer=_stage_pointer(segment, muted_by),
        )
    with _render_errors(segment_name(segment), segment):
        x = resample(x, rate, OUTPUT_RATE)[: segment.samples]
        return fade_ends(x, OUTPUT_RATE) if segment.faded else x


def _read_slice(segment: PlannedSegment, di: SourceFile, source_cache: SourceCache) -> Float32:
    name, pointer = f"DI track “{segment.di_name}”", di_track_pointer(segment.di_track)
    with _render_errors(name, segment, pointer):
        x = source_cache.di(di, segment.channel)[segment.start : segment.stop]
    if len(x) < segment.stop - segment.start:
        raise RenderError(
            "changed",
            f"{name}: expected {segment.stop} samples, got {segment.start + len(x)}: an earlier version decoded the "
            "file differently. Upload it again",
            segment=segment.position,
            pointer=pointer,
        )
    if _silent(x):
        raise RenderError("silent", f"{name}: the selected slice is silent", segment=segment.position, pointer=pointer)
    if segment.slice_fades:
        x = fade_ends(x, segment.di_rate, start="start" in segment.slice_fades, end="end" in segment.slice_fades)
    return np.pad(x, (0, segment.tail)) if segment.tail else x


def segment_name(segment: PlannedSegment) -> str:
    """Return a name of the segment for error details."""
    return f"“{segment.di_name}” through “{segment.chain_name}”"


def _block_name(segment: PlannedSegment, chain: Chain, stage: Stage) -> str:
    return f"{segment_name(segment)}: block {stage.block + 1} ({BLOCK_NAMES[type(chain.blocks[stage.block])]})"


def _stage_pointer(segment: PlannedSegment, stage: Stage) -> str:
    return block_pointer(segment.chain, stage.block)


def reamp(
    capture: NamModel, x: Float32, *, size: float | None = None, report_samples: Callable[[int], None] | None = None
) -> Float32:
    """Run samples through a capture, from its prewarmed state.

    Args:
        capture: the loaded capture.
        x: samples at the capture's own rate, shape (T,).
        size: size of a slimmable capture, 0 to 1; None: full. Other captures ignore it.
        report_samples: called with the number of completed samples; it may raise to stop.

    Returns:
        float32 samples, shape (T,).

    Raises:
        SourceError: the capture can't be reduced to `size`, or its output is not finite for this input.
    """
    y = np.empty_like(x)
    try:
        run = capture.start(size=size)
        for start in range(0, len(x), run.block):
            y[start : start + run.block] = run.process(x[start : start + run.block])
            if report_samples is not None:
                report_samples(min(start + run.block, len(x)))
    except NamError as error:
        raise SourceError("not_finite" if error.code == "unstable" else error.code, str(error)) from None
    return y


def _apply(
    block: Block,
    x: Float32,
    stage: Stage,
    sources: Mapping[str, SourceFile],
    source_cache: SourceCache,
    report_samples: Callable[[int], None],
) -> Float32:
    rate = stage.rate
    match block:
        case CaptureBlock():
            capture = source_cache.capture(sources[block.file])
            x = _apply_gain(_apply_gain(x, stage.drive_db or 0.0), block.input_gain_db)
            return reamp(capture, x, size=block.size, report_samples=report_samples)
        case CabIrBlock():
            ir = source_cache.ir(sources[block.file], rate, block.channel)
            return cab_ir(x, ir, rate, mix=block.mix, low_cut_hz=block.low_cut_hz, high_cut_hz=block.high_cut_hz)
        case GainBlock():
            return _apply_gain(x, block.gain_db)
        case EqBlock():
            return equalize(
                x, rate, [Band(band.type, band.frequency_hz, q=band.q, db=band.gain_db) for band in block.bands]
            )
        case CompressorBlock():
            return compressor(
                x,
                rate,
                threshold_db=block.threshold_db,
                ratio=block.ratio,
                attack_ms=block.attack_ms,
                release_ms=block.release_ms,
            )
        case NoiseGateBlock():
            return noise_gate(x, rate, threshold_db=block.threshold_db)
        case DelayBlock():
            return delay(x, rate, ms=block.time_ms, feedback=block.feedback, mix=block.mix)
        case ReverbBlock():
            return reverb(x, rate, kind=block.reverb_type, mix=block.mix, decay_s=block.decay_s)


def _report_samples(report_cost: ReportCost, done: float, cost: float, samples: int, processed: int) -> None:
    report_cost(done + cost * processed / samples)


def _apply_gain(x: Float32, db: float) -> Float32:
    return apply_gain(x, db) if db else x


def _silent(x: Float32) -> bool:
    return decibels(max(float(x.max()), -float(x.min()))) < SILENCE_DBFS


@contextmanager
def _render_errors(where: str, segment: PlannedSegment, pointer: str | None = None) -> Generator[None]:
    """Turn errors of sources and blocks into a `RenderError` that names the segment and the block."""
    try:
        yield
    except (AudioError, SourceError) as error:
        raise RenderError(error.code, f"{where}: {error.detail}", segment=segment.position, pointer=pointer) from None


def _content(source: SourceFile) -> bytes:
    return read_source(Path(source.path), max_bytes=source.media_info.size_bytes, sha256=source.media_info.sha256)
