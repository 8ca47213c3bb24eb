"""Handlers of the tasks that measure; they run in child processes and write their result as MessagePack."""

import dataclasses
from pathlib import Path
from typing import Any, cast

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio import drive
from tone_shootout.audio.alignment import estimate_latency, latency_probe, remove_delay
from tone_shootout.audio.comparison import compare_all
from tone_shootout.audio.constants import FADE_MS
from tone_shootout.audio.files import write_wav
from tone_shootout.audio.levels import apply_gain
from tone_shootout.audio.loudness import integrated_lufs
from tone_shootout.audio.pcm import round_to_24_bits
from tone_shootout.audio.sides import as_two_sides, louder_side
from tone_shootout.audio.signals import Float32, is_equal
from tone_shootout.audio.spectrum import spectrum
from tone_shootout.audio.temporal import temporal_features
from tone_shootout.audio.true_peak import true_peak_dbtp
from tone_shootout.rendering import metrics
from tone_shootout.rendering.engine import sources
from tone_shootout.rendering.engine.chain import SourceCache, reamp, render_segment
from tone_shootout.rendering.errors import RenderError
from tone_shootout.rendering.executor.registry import ReportProgress
from tone_shootout.rendering.executor.tasks import (
    ComparedSegment,
    CompareSegments,
    MeasureCapture,
    MeasureLatency,
    MeasureSegment,
    MeasureSound,
    SourceFile,
)
from tone_shootout.rendering.media_info import CaptureInfo
from tone_shootout.rendering.plan.planner import PlannedSegment
from tone_shootout.rendering.plan.rates import OUTPUT_RATE, resampled


def measure_latency(task: MeasureLatency, source_cache: SourceCache, _report: ReportProgress) -> None:
    """Send the probe signal through the chain as if it were a DI track, and find it in the output."""
    path = Path(task.metrics_file).with_suffix(".wav")
    probe = latency_probe(OUTPUT_RATE)
    write_wav(path, probe, OUTPUT_RATE)
    di = SourceFile(str(path), sources.probe(path, "di_track"))
    segment = _with_length(task.segment, len(probe))
    try:
        output = render_segment(segment, task.chain, di, task.sources, source_cache, lambda _: None, shifts=task.shifts)
    except RenderError:
        # A gate that stays closed, or a capture that is unstable for a sweep but not for guitar.
        _write(task.metrics_file, metrics.UNKNOWN)
    else:
        _write(task.metrics_file, _latency(output, OUTPUT_RATE))


def measure_capture(task: MeasureCapture, source_cache: SourceCache, _report: ReportProgress) -> None:
    """Measure latency, drive curve, noise and aliasing of a capture at its own rate."""
    capture = source_cache.capture(task.capture)
    rate = cast(CaptureInfo, task.capture.media_info).sample_rate_hz

    def process(x: Float32) -> Float32:
        return reamp(capture, x, size=task.size)

    try:
        latency = _latency(process(latency_probe(rate)), rate)
    except sources.SourceError:
        latency = metrics.UNKNOWN
    try:
        behavior = msgspec.convert(drive.measure_drive(process, rate), metrics.Behavior, from_attributes=True)
    except sources.SourceError:
        behavior = None
    _write(task.metrics_file, metrics.CaptureMetrics(latency=latency, behavior=behavior))


def measure_segment(task: MeasureSegment, _cache: SourceCache, _report: ReportProgress) -> None:
    """Measure spectrum and dynamics of the samples that a leveled file decodes to."""
    x = round_to_24_bits(apply_gain(np.load(task.raw, allow_pickle=False), task.gain_db))
    _write(task.metrics_file, segment_metrics(x, OUTPUT_RATE))


def compare_segments(task: CompareSegments, _cache: SourceCache, _report: ReportProgress) -> None:
    """Compare the segments of a DI track in pairs; silent segments are left out."""
    aligned = [_read_aligned(segment) for segment in task.segments]
    if task.faded:
        fade = round(FADE_MS * OUTPUT_RATE / 1000)
        latest = max(segment.latency.samples or 0 for segment in task.segments)
        aligned = [samples[..., fade : -fade - latest] for samples in aligned]
    if any(samples.ndim == 2 for samples in aligned):
        # One side after the other: every measure is that of both sides.
        aligned = [as_two_sides(samples).reshape(-1) for samples in aligned]
    # Some segments can be silent, for instance after a gate: they can't be compared.
    audible = [n for n, samples in enumerate(aligned) if samples.any()]
    pairs = [
        metrics.Pair(
            reference=task.segments[audible[one]].position,
            position=task.segments[audible[other]].position,
            aligned=all(task.segments[audible[n]].latency.samples is not None for n in (one, other)),
            **dataclasses.asdict(comparison),
        )
        for (one, other), comparison in compare_all([aligned[n] for n in audible], OUTPUT_RATE).items()
    ]
    _write(task.metrics_file, pairs)


def measure_sound(task: MeasureSound, _cache: SourceCache, _report: ReportProgress) -> None:
    """Decode a video's sound to a file, because it may be larger than memory, and measure its levels."""
    path = Path(task.metrics_file).with_suffix(".npy")
    shape = (2, round(task.seconds * OUTPUT_RATE))
    sound = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    position = 0
    with av.open(task.sound) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray()[:, : shape[1] - position]
            sound[:, position : position + samples.shape[1]] = samples
            position += samples.shape[1]
    # Equal sides are encoded as such, and one peak is the peak of both.
    sides = sound[:1] if is_equal(sound[0], sound[1]) else sound
    encoded = metrics.Encoded(
        integrated_lufs=integrated_lufs(sound, OUTPUT_RATE), true_peak_dbtp=true_peak_dbtp(sides, OUTPUT_RATE)
    )
    _write(task.metrics_file, encoded)


def segment_metrics(x: Float32, rate: int) -> metrics.Metrics:
    """Measure spectrum and dynamics of a signal: the spectrum of both sides, the dynamics of the louder one.

    Args:
        x: samples, shape (T,) or (2, T).
        rate: sample rate, Hz.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate`.
    """
    return metrics.Metrics(
        **dataclasses.asdict(spectrum(x, rate)),
        **dataclasses.asdict(temporal_features(louder_side(x), rate)),
    )


def _with_length(segment: PlannedSegment, samples: int) -> PlannedSegment:
    """Return a segment whose DI track is `samples` samples at `OUTPUT_RATE`, without fades and tail."""
    stages = tuple(
        msgspec.structs.replace(stage, samples=resampled(samples, OUTPUT_RATE, stage.rate)) for stage in segment.stages
    )
    return msgspec.structs.replace(
        segment,
        di_rate=OUTPUT_RATE,
        start=0,
        stop=samples,
        tail=0,
        reserve=0,
        slice_fades=(),
        faded=False,
        samples=samples,
        stages=stages,
    )


def _latency(output: Float32, rate: int) -> metrics.Latency:
    # Of a stereo output, the side that is more certain.
    sides = output if output.ndim == 2 else [output]
    found = max((estimate_latency(side, rate) for side in sides), key=lambda each: each.confidence)
    return metrics.Latency(samples=found.samples, confidence=found.confidence, polarity=found.polarity)


def _read_aligned(segment: ComparedSegment) -> Float32:
    """Read a segment at the common level, with its latency and its polarity corrected if they are known."""
    delay = segment.latency.samples
    count = round(metrics.COMPARED_SECONDS * OUTPUT_RATE)
    raw: NDArray[np.float32] = np.load(segment.raw, mmap_mode="r", allow_pickle=False)
    samples = apply_gain(np.array(raw[..., : count + (delay or 0)]), segment.gain_db)
    if delay is not None:
        samples = remove_delay(samples, delay) * np.float32(segment.latency.polarity)
    return samples[..., :count]


def _write(metrics_file: str, found: Any) -> None:
    Path(metrics_file).write_bytes(msgspec.msgpack.encode(found))
