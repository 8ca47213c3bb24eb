"""How figures are taken, in a child process: each task leaves them as MessagePack in the file that it names."""

import dataclasses
from pathlib import Path
from typing import cast

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio import drive
from tone_shootout.audio.alignment import estimate_latency, latency_probe, remove_delay
from tone_shootout.audio.comparison import compare_all
from tone_shootout.audio.files import read_flac, write_wav
from tone_shootout.audio.levels import apply_gain
from tone_shootout.audio.loudness import integrated_lufs
from tone_shootout.audio.signals import Float32
from tone_shootout.audio.spectrum import spectrum
from tone_shootout.audio.temporal import temporal_features
from tone_shootout.audio.true_peak import true_peak_dbtp
from tone_shootout.rendering import metrics as figures
from tone_shootout.rendering.engine import sources
from tone_shootout.rendering.engine.chain import SourceCache, reamp, render_segment
from tone_shootout.rendering.errors import RenderError
from tone_shootout.rendering.executor.tasks import Align, Characterise, Compare, Examine, Listen, SourceFile, Voice
from tone_shootout.rendering.media_info import CaptureInfo
from tone_shootout.rendering.plan.planner import PlannedSegment
from tone_shootout.rendering.plan.rates import OUTPUT_RATE, resampled


def gauge(task: Align | Characterise | Examine | Compare | Listen, source_cache: SourceCache) -> None:
    """Take a task's figures and write them.

    Raises:
        OSError: a file can't be read or written.
    """
    match task:
        case Align():
            taken: object = _align(task, source_cache)
        case Characterise():
            taken = _characterise(task, source_cache)
        case Examine():
            taken = metrics(read_flac(Path(task.flac), max_seconds=sources.LONGEST_SECONDS + 1).samples[0], OUTPUT_RATE)
        case Compare():
            taken = _compare(task.voices)
        case Listen():
            taken = _listen(task)
    Path(task.figures).write_bytes(msgspec.msgpack.encode(taken))


def metrics(x: Float32, rate: int) -> figures.Metrics:
    """Measure how a mono signal, shape (T,), sounds and moves.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape` or `unsupported_rate`.
    """
    return figures.Metrics(
        **dataclasses.asdict(spectrum(x, rate)),
        **dataclasses.asdict(temporal_features(x, rate)),
    )


def _align(task: Align, source_cache: SourceCache) -> figures.Latency:
    """Send the probe through the chain as if it were a DI track."""
    path = Path(task.figures).with_suffix(".wav")
    sent = latency_probe(OUTPUT_RATE)
    write_wav(path, sent, OUTPUT_RATE)
    di = SourceFile(str(path), sources.probe(path, "di_track"))
    try:
        heard = render_segment(
            _carrying(task.segment, len(sent)), task.chain, di, task.sources, source_cache, lambda _: None
        )
    except RenderError:
        # A gate that stays shut, or a capture that is unstable for a sweep and not for playing.
        return figures.UNKNOWN
    return _latency(heard, OUTPUT_RATE)


def _carrying(segment: PlannedSegment, samples: int) -> PlannedSegment:
    """Return a segment that carries so many samples at `OUTPUT_RATE` and not its DI track."""
    stages = tuple(
        msgspec.structs.replace(stage, samples=resampled(samples, OUTPUT_RATE, stage.rate)) for stage in segment.stages
    )
    return msgspec.structs.replace(segment, di_rate=OUTPUT_RATE, start=0, stop=samples, samples=samples, stages=stages)


def _latency(heard: Float32, rate: int) -> figures.Latency:
    found = estimate_latency(heard, rate)
    return figures.Latency(samples=found.samples, confidence=found.confidence, polarity=found.polarity)


def _characterise(task: Characterise, source_cache: SourceCache) -> figures.CaptureFigures:
    capture = source_cache.capture(task.capture)
    rate = cast(CaptureInfo, task.capture.facts).sample_rate

    def through(x: Float32) -> Float32:
        return reamp(capture, x, size=task.size)

    try:
        where = _latency(through(latency_probe(rate)), rate)
    except sources.SourceError:
        where = figures.UNKNOWN
    try:
        does = msgspec.convert(drive.measure_drive(through, rate), figures.Behaviour, from_attributes=True)
    except sources.SourceError:
        does = None
    return figures.CaptureFigures(latency=where, behaviour=does)


def _compare(voices: tuple[Voice, ...]) -> list[figures.Pair]:
    heard = [_lined_up(voice) for voice in voices]
    # A segment can be silent where others are not, behind a gate: there is nothing to compare then.
    audible = [n for n, samples in enumerate(heard) if samples.any()]
    return [
        figures.Pair(
            reference=voices[audible[one]].position,
            position=voices[audible[other]].position,
            aligned=all(voices[audible[n]].latency.samples is not None for n in (one, other)),
            **dataclasses.asdict(found),
        )
        for (one, other), found in compare_all([heard[n] for n in audible], OUTPUT_RATE).items()
    ]


def _lined_up(voice: Voice) -> Float32:
    """Read a segment at the common level, with its latency taken off and its polarity upright where they are known."""
    delay = voice.latency.samples
    count = round(figures.COMPARED_SECONDS * OUTPUT_RATE)
    raw: NDArray[np.float32] = np.load(voice.raw, mmap_mode="r", allow_pickle=False)
    heard = apply_gain(np.array(raw[: count + (delay or 0)]), voice.gain_db)
    if delay is not None:
        heard = remove_delay(heard, delay) * np.float32(voice.latency.polarity)
    return heard[:count]


def _listen(task: Listen) -> figures.Encoded:
    """Decode a video's sound to a file, which may be larger than memory, and measure that."""
    path = Path(task.figures).with_suffix(".npy")
    shape = (2, round(task.seconds * OUTPUT_RATE))
    sound = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    at = 0
    with av.open(task.video) as container:
        for frame in container.decode(audio=0):
            part = frame.to_ndarray()[:, : shape[1] - at]
            sound[:, at : at + part.shape[1]] = part
            at += part.shape[1]
    # Both sides were the same, and joint stereo keeps them so: one peak is the other's.
    sides = sound[:1] if np.array_equal(sound[0], sound[1]) else sound
    return figures.Encoded(
        integrated_lufs=integrated_lufs(sound, OUTPUT_RATE), true_peak_dbtp=true_peak_dbtp(sides, OUTPUT_RATE)
    )
