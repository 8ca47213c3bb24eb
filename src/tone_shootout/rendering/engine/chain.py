"""One segment: a slice of a DI track through the blocks of a chain, all in this process.

The DI is resampled once to the rate of the chain's first capture, again only where a later capture runs at another
rate, and once at the end to the rate of the results. Each block sees float32 samples, mono, and leaves as many as it
was given; tails are cut where the DI ends. Levels are left alone: the common level comes later.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from tone_shootout.audio.convolve import cab_ir
from tone_shootout.audio.dynamics import compressor, noise_gate
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

Tick = Callable[[float], None]
"""Told the part of the plan's cost that is done so far; may raise to stop."""

Keep = Callable[[int, Float32], None]
"""Given a stage's index and the sound behind it."""


class SourceCache:
    """Decoded sources by content, so that the next segment finds what the last one used.

    One DI track is kept (ten minutes take 115 MB at 48 kHz), and every capture and cab IR.
    """

    def __init__(self) -> None:
        self._di: tuple[tuple[str, Channel | None], Float32] | None = None
        self._captures: dict[str, NamModel] = {}
        self._irs: dict[tuple[str, int, Channel | None], Float32] = {}

    def di(self, source: SourceFile, channel: Channel | None = None) -> Float32:
        """Return a DI track's samples, shape (T,), at its own rate."""
        key = (source.facts.sha256, channel)
        if self._di is None or self._di[0] != key:
            self._di = None
            self._di = (key, decode_di(_content(source), channel=channel)[0])
        return self._di[1]

    def capture(self, source: SourceFile) -> NamModel:
        """Return a loaded capture."""
        key = source.facts.sha256
        if key not in self._captures:
            self._captures[key] = decode_capture(_content(source))
        return self._captures[key]

    def ir(self, source: SourceFile, rate: int, channel: Channel | None = None) -> Float32:
        """Return a cab IR at `rate` Hz, shape (T,)."""
        key = (source.facts.sha256, rate, channel)
        if key not in self._irs:
            self._irs[key] = decode_ir(_content(source), rate, channel=channel)
        return self._irs[key]


def render_segment(
    segment: PlannedSegment,
    chain: Chain,
    di: SourceFile,
    sources: Mapping[str, SourceFile],
    source_cache: SourceCache,
    tick: Tick,
    *,
    first: int = 0,
    begin: Float32 | None = None,
    keep: Keep | None = None,
) -> Float32:
    """Render one segment, from the DI track or from the sound behind one of its stages.

    Args:
        segment: from the plan.
        chain: the segment's chain.
        di: the segment's DI track.
        sources: captures and cab IRs by the `file` of the chain's blocks.
        source_cache: decoded sources to share between segments.
        tick: told of progress, up to the cost of the stages that run.
        first: index of the first stage that runs.
        begin: the sound behind the stage before, shape (T,), at that stage's rate; None: the DI track, from its file.
        keep: given the sound behind each stage as it is made.

    Returns:
        float32 samples of shape (segment.samples,) at `OUTPUT_RATE`, full scale ±1, not levelled.

    Raises:
        RenderError: the result is silent or not finite, or a source or block can't be used.
        OSError: a source can't be read.
    """
    muted_by: Stage | None = None
    if begin is None:
        x, rate = _dry(segment, di, source_cache), segment.di_rate
    else:
        before = segment.stages[first - 1]
        x, rate = begin, before.rate
        muted_by = before if _silent(x) else None
    done = 0.0
    for index, stage in enumerate(segment.stages[first:], first):
        block = chain.blocks[stage.block]
        with _told(_where(segment, chain, stage), segment, _pointer(segment, stage)):
            x = resample(x, rate, stage.rate)[: stage.samples]
            x = _apply(block, x, stage, sources, source_cache, partial(_tell, tick, done, stage.cost, len(x)))
        rate = stage.rate
        muted_by = (muted_by or stage) if _silent(x) else None
        if keep is not None:
            keep(index, x)
        done += stage.cost
        tick(done)
    if muted_by is not None:
        raise RenderError(
            "silent",
            f"{_where(segment, chain, muted_by)} leaves nothing to hear (a peak below {SILENCE_DBFS:.0f} dBFS)",
            segment=segment.position,
            pointer=_pointer(segment, muted_by),
        )
    with _told(_pair(segment), segment):
        return resample(x, rate, OUTPUT_RATE)[: segment.samples]


def _dry(segment: PlannedSegment, di: SourceFile, source_cache: SourceCache) -> Float32:
    name, pointer = f"DI track “{segment.di_name}”", f"/di_tracks/{segment.di_track}"
    with _told(name, segment, pointer):
        x = source_cache.di(di, segment.channel)[segment.start : segment.stop]
    if len(x) < segment.stop - segment.start:
        raise RenderError(
            "changed",
            f"{name}: expected {segment.stop} samples, found {segment.start + len(x)}; an earlier version read it "
            "differently: add the file again",
            segment=segment.position,
            pointer=pointer,
        )
    if _silent(x):
        raise RenderError(
            "silent", f"{name}: the part that is used holds no playing", segment=segment.position, pointer=pointer
        )
    return x


def _pair(segment: PlannedSegment) -> str:
    return f"“{segment.di_name}” through “{segment.chain_name}”"


def _where(segment: PlannedSegment, chain: Chain, stage: Stage) -> str:
    return f"{_pair(segment)}: block {stage.block + 1} ({BLOCK_NAMES[type(chain.blocks[stage.block])]})"


def _pointer(segment: PlannedSegment, stage: Stage) -> str:
    return f"/chains/{segment.chain}/blocks/{stage.block}"


def reamp(
    capture: NamModel, x: Float32, *, size: float | None = None, tick: Callable[[int], None] | None = None
) -> Float32:
    """Run samples at the capture's own rate through it, from its settled state.

    Args:
        capture: the engine's.
        x: samples, shape (T,).
        size: of a slimmable capture, 0 to 1; None: full. Others have one size and ignore it.
        tick: told how many samples are done; may raise to stop.

    Returns:
        float32 samples, shape (T,).

    Raises:
        SourceError: the capture can't be made smaller, or its output is not finite for this input.
    """
    y = np.empty_like(x)
    try:
        run = capture.start(size=size)
        for start in range(0, len(x), run.block):
            y[start : start + run.block] = run.process(x[start : start + run.block])
            if tick is not None:
                tick(min(start + run.block, len(x)))
    except NamError as error:
        raise SourceError("not_finite" if error.code == "unstable" else error.code, str(error)) from None
    return y


def _apply(
    block: Block,
    x: Float32,
    stage: Stage,
    sources: Mapping[str, SourceFile],
    source_cache: SourceCache,
    tick: Callable[[int], None],
) -> Float32:
    rate = stage.rate
    match block:
        case CaptureBlock():
            capture = source_cache.capture(sources[block.file])
            x = _gained(_gained(x, stage.drive_db or 0.0), block.input_gain_db)
            return reamp(capture, x, size=block.size, tick=tick)
        case CabIrBlock():
            ir = source_cache.ir(sources[block.file], rate, block.channel)
            return cab_ir(x, ir, rate, mix=block.mix, low_cut_hz=block.low_cut_hz, high_cut_hz=block.high_cut_hz)
        case GainBlock():
            return _gained(x, block.db)
        case EqBlock():
            return equalize(x, rate, [Band(band.kind, band.hz, q=band.q, db=band.db) for band in block.bands])
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
            return delay(x, rate, ms=block.ms, feedback=block.feedback, mix=block.mix)
        case ReverbBlock():
            return reverb(x, rate, kind=block.kind, mix=block.mix, decay_s=block.decay_s)


def _tell(tick: Tick, done: float, cost: float, samples: int, processed: int) -> None:
    tick(done + cost * processed / samples)


def _gained(x: Float32, db: float) -> Float32:
    return apply_gain(x, db) if db else x


def _silent(x: Float32) -> bool:
    return decibels(max(float(x.max()), -float(x.min()))) < SILENCE_DBFS


@contextmanager
def _told(where: str, segment: PlannedSegment, pointer: str | None = None) -> Iterator[None]:
    """Say where it was that a source or block could not be used."""
    try:
        yield
    except (AudioError, SourceError) as error:
        raise RenderError(error.code, f"{where}: {error.detail}", segment=segment.position, pointer=pointer) from None


def _content(source: SourceFile) -> bytes:
    return read_source(Path(source.path), max_bytes=source.facts.bytes, sha256=source.facts.sha256)
