"""Renders one segment in this process: a slice of a DI track through the blocks of a chain.

The DI track is resampled once to the rate of the chain's first capture, again only before a later capture with another
rate, and once at the end to the output rate. Each block takes float32 samples and returns as many: mono, or stereo
after a stereo IR, a reverb with width or a panned split. The DI track is extended with silence if the segment has a
tail. Cuts of the slice and the ends of the segment are faded. Levels are not changed here: the level match follows
later.
"""

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from tone_shootout.audio.constants import Channel
from tone_shootout.audio.convolve import cab_ir
from tone_shootout.audio.dynamics import compressor, noise_gate
from tone_shootout.audio.fades import fade_ends
from tone_shootout.audio.filters import Band, equalize
from tone_shootout.audio.levels import apply_gain
from tone_shootout.audio.mixing import MixedPath, sum_paths
from tone_shootout.audio.nam import NamError, NamModel
from tone_shootout.audio.resample import resample
from tone_shootout.audio.sides import each_side, select_channel, with_responses
from tone_shootout.audio.signals import AudioError, Float32, decibels
from tone_shootout.audio.space import delay, reverb, reverb_ir, stereo_reverb_ir
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
from tone_shootout.rendering.plan.planner import PlannedSegment
from tone_shootout.rendering.plan.rates import OUTPUT_RATE
from tone_shootout.rendering.plan.stages import Stage
from tone_shootout.rendering.spec.leaves import block_at
from tone_shootout.rendering.spec.pointers import block_pointer, di_track_pointer, place_in_words
from tone_shootout.rendering.spec.schema import (
    Block,
    CabIrBlock,
    CaptureBlock,
    Chain,
    CompressorBlock,
    DelayBlock,
    EqBlock,
    GainBlock,
    LeafBlock,
    NoiseGateBlock,
    ReverbBlock,
    SplitBlock,
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
    SplitBlock: "split",
}

ReportCost = Callable[[float], None]
"""Takes the completed part of the segment's cost. It may raise to stop the rendering."""

Shifts = Mapping[int, Sequence[int]]
"""By index of a split's stage, the samples by which each of its paths is moved earlier, at the stage's rate."""

OnStage = Callable[[int, Float32], None]
"""Takes a stage's index and its output, shape (T,) or (2, T)."""


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
        """Return a cab IR at `rate` Hz, shape (T,) or (2, T)."""
        key = (source.media_info.sha256, rate, channel)
        if key not in self._irs:
            self._irs[key] = decode_ir(_content(source), rate, channel=channel)
        return self._irs[key]


class _Output(NamedTuple):
    """Output of a stage: samples, shape (T,) or (2, T), their rate, and the stage that muted them if any did."""

    samples: Float32
    rate: int
    muted_by: Stage | None = None


def render_segment(
    segment: PlannedSegment,
    chain: Chain,
    di: SourceFile,
    sources: Mapping[str, SourceFile],
    source_cache: SourceCache,
    report_cost: ReportCost,
    *,
    runs: Sequence[int] | None = None,
    resumed: Mapping[int, Float32] | None = None,
    shifts: Shifts | None = None,
    advance: int = 0,
    inverted: bool = False,
    on_stage: OnStage | None = None,
) -> Float32:
    """Render one segment, from its DI track or from the outputs of some of its stages.

    Args:
        segment: the planned segment.
        chain: the segment's chain.
        di: the segment's DI track.
        sources: captures and cab IRs by the `file` of the chain's blocks.
        source_cache: decoded sources, shared between segments.
        report_cost: called with the completed cost, up to the total of the stages that run.
        runs: indices of the stages that run, in order; None: all.
        resumed: outputs of the stages that those need and that do not run, by index, at the stage's rate.
        shifts: by index of a split's stage, samples by which each of its paths is moved earlier; None: by none.
        advance: samples at `OUTPUT_RATE` by which the segment is moved earlier, at most 10 ms; the segment has a
            `reserve` then.
        inverted: whether its polarity is inverted.
        on_stage: called with the index and the output of each stage.

    Returns:
        float32 samples, shape (segment.samples,), of a stereo segment (2, segment.samples), at `OUTPUT_RATE`, full
        scale ±1, before the level match.

    Raises:
        RenderError: the result is silent or not finite, or a source or block can't be used.
        OSError: a source can't be read.
    """
    stages = segment.stages
    numbers = range(len(stages)) if runs is None else runs
    last = len(stages) - 1
    uses = Counter(needed for number in numbers for needed in stages[number].inputs)
    uses[last] += 1
    outputs = {
        number: _Output(x, stages[number].rate, stages[number] if _silent(x) else None)
        for number, x in (resumed or {}).items()
    }
    if uses[-1]:
        outputs[-1] = _Output(_read_slice(segment, di, source_cache), segment.di_rate)
    done = 0.0
    for number in numbers:
        stage = stages[number]
        with _render_errors(_block_name(segment, chain, stage), segment, _stage_pointer(segment, stage)):
            found = [outputs[needed] for needed in stage.inputs]
            inputs = [resample(each.samples, each.rate, stage.rate)[..., : stage.samples] for each in found]
            report_samples = partial(_report_samples, report_cost, done, stage.cost, stage.samples)
            block = block_at(chain, stage.place)
            if isinstance(block, SplitBlock):
                x = _sum(block, inputs, (shifts or {}).get(number), stereo=stage.channels > 1)
            else:
                x = _apply(block, inputs[0], stage, sources, source_cache, report_samples)
        muted = [each.muted_by for each in found]
        outputs[number] = _Output(x, stage.rate, (muted[0] if all(muted) else stage) if _silent(x) else None)
        if on_stage is not None:
            on_stage(number, x)
        for needed in stage.inputs:
            uses[needed] -= 1
            if not uses[needed]:
                outputs.pop(needed, None)
        done += stage.cost
        report_cost(done)
    result = outputs[last]
    if result.muted_by is not None:
        raise RenderError(
            "silent",
            f"{_block_name(segment, chain, result.muted_by)} outputs silence (peak below {SILENCE_DBFS:.0f} dBFS)",
            segment=segment.position,
            pointer=_stage_pointer(segment, result.muted_by),
        )
    with _render_errors(segment_name(segment), segment):
        x = resample(result.samples, result.rate, OUTPUT_RATE)[..., advance : advance + segment.samples]
        if inverted:
            x = -x
        return fade_ends(x, OUTPUT_RATE) if segment.faded else x


def _sum(block: SplitBlock, inputs: Sequence[Float32], shifts: Sequence[int] | None, *, stereo: bool) -> Float32:
    paths = [
        MixedPath(x, gain_db=path.mix_db, pan=path.pan, inverted=path.polarity == "inverted", advance=shift)
        for path, x, shift in zip(block.paths, inputs, shifts or [0] * len(inputs), strict=True)
    ]
    return sum_paths(paths, stereo=stereo)


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
    silence = segment.tail + segment.reserve
    return np.pad(x, (0, silence)) if silence else x


def segment_name(segment: PlannedSegment) -> str:
    """Return a name of the segment for error details."""
    return f"“{segment.di_name}” through “{segment.chain_name}”"


def _block_name(segment: PlannedSegment, chain: Chain, stage: Stage) -> str:
    kind = BLOCK_NAMES[type(block_at(chain, stage.place))]
    return f"{segment_name(segment)}: {place_in_words(stage.place)} ({kind})"


def _stage_pointer(segment: PlannedSegment, stage: Stage) -> str:
    return block_pointer(segment.chain, stage.place)


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
    block: LeafBlock,
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
            x = _apply_gain(_apply_gain(x, stage.drive_db or 0.0), block.input_gain_db + stage.input_db)
            return reamp(capture, x, size=block.size, report_samples=report_samples)
        case CabIrBlock():
            ir = source_cache.ir(sources[block.file], rate, block.channel)
            convolve = partial(
                cab_ir, rate=rate, mix=block.mix, low_cut_hz=block.low_cut_hz, high_cut_hz=block.high_cut_hz
            )
            return with_responses(convolve, x, ir)
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
            apply = partial(delay, rate=rate, ms=block.time_ms, feedback=block.feedback, mix=block.mix)
            return each_side(apply, x)
        case ReverbBlock():
            return with_responses(partial(reverb, mix=block.mix), x, _reverb_responses(block, rate))


def _reverb_responses(block: ReverbBlock, rate: int) -> Float32:
    if not block.width:
        return reverb_ir(rate, kind=block.reverb_type, decay_s=block.decay_s)
    sides = stereo_reverb_ir(rate, kind=block.reverb_type, decay_s=block.decay_s, width=block.width)
    return sides if block.channel is None else select_channel(sides, block.channel)


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
