"""Audio files: decoded to float32 under strict bounds, written as 32-bit float WAV or 24-bit FLAC.

FFmpeg (through PyAV) knows hundreds of formats, some of which open other files or network addresses. A file is
therefore recognised by its first bytes and handed to that one demuxer as a file object, with a list of allowed codecs.
"""

import io
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final, Literal, NoReturn

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from tone_shootout.audio.containers import CODECS, LOSSLESS, NAMES, declares_length, is_cut_off, locate
from tone_shootout.audio.layouts import Layout, aiff_layout, caf_layout, leading_tag, w64_layout, wav_layout
from tone_shootout.audio.notices import FileNotice
from tone_shootout.audio.sides import Channel, choose
from tone_shootout.audio.signals import AudioError, Float32, Signal, as_channels, as_float32, check_rate
from tone_shootout.audio.windows import window

__all__ = ["Audio", "AudioError", "mono", "read_audio", "read_flac", "write_flac", "write_wav"]

# A lossy stream's length may be declared with or without its padding: a few codec frames.
LOSSY_SLACK = 8_192
MAX_CHANNELS = 6
# Frames cost time however small they are: after some thousand, their mean length must be sane.
SMALL_FRAMES, SMALLEST_FRAME = 4_096, 32
FULL_SCALE_24 = 2**23
# Energy, relative to the strongest channel's, below which a channel is an input that nobody plays into: -40 dB.
UNPLAYED = 1e-4

_LAYOUTS: Final[Mapping[str, Callable[[IO[bytes]], Layout | None]]] = {
    "wav": wav_layout,
    "w64": w64_layout,
    "aiff": aiff_layout,
    "caf": caf_layout,
}


@dataclass(frozen=True)
class Audio:
    """Decoded audio: `samples` of shape (channels, T), full scale ±1, at `rate` Hz.

    `bits` of an integer sample, 0 where the file holds floating point or a lossy format; `padded`: whether
    they have at least a byte less than their containers; `notices` are about the file.
    """

    samples: Float32
    rate: int
    bits: int = 0
    padded: bool = False
    notices: tuple[FileNotice, ...] = ()


def read_audio(source: Path | bytes, *, max_seconds: float, max_channels: int = 2) -> Audio:
    """Decode a WAV (RF64, RIFX), W64, AIFF, CAF, FLAC, MP3, OGG (Vorbis, Opus) or M4A (AAC, ALAC) file.

    Bounds are held against the header first and against the decoded samples as they come, so a file that lies about
    its length can't fill the memory. Integers come in exactly up to 24 bits: sample = integer / 2^(bits−1).

    Args:
        source: a path, or the file's bytes.
        max_seconds: longest accepted duration.
        max_channels: most channels accepted, up to 6.

    Raises:
        AudioError: `not_audio`, `truncated`, `too_long`, `too_many_channels`, `unsupported_rate` (8 to 192 kHz),
            `empty` or `not_finite`.
        OSError: the path can't be read.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        return _decode(file, max_seconds=max_seconds, max_channels=max_channels)


read_flac = read_audio


def mono(audio: Audio, channel: Channel | None = None) -> Float32:
    """Fold audio to one channel, shape (T,): the `channel` that is wanted, or what follows.

    Channels more than 40 dB below the strongest, such as an open input beside the one that is played, don't count.
    Equal channels, or a single one that counts, give that channel untouched: a DI recorded on one side of a stereo file
    keeps its level, and with it its drive. Anything else gives the mean of those that count.
    """
    if channel is not None:
        return choose(audio.samples, channel)
    if len(audio.samples) == 1:
        return np.asarray(audio.samples[0], dtype=np.float32)
    energies = np.einsum("ct,ct->c", audio.samples, audio.samples, dtype=np.float64)
    sounding = audio.samples[energies >= UNPLAYED * energies.max()]
    if (sounding == sounding[0]).all():
        return np.asarray(sounding[0], dtype=np.float32)
    return np.asarray(audio.samples.mean(axis=0, dtype=np.float64), dtype=np.float32)


def write_wav(path: Path, samples: Signal, rate: int) -> None:
    """Write a 32-bit float WAV, samples of shape (T,) or (2, T); levels above full scale are kept.

    The file appears whole or not at all.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape`, `unsupported_rate` or `too_many_channels`.
    """
    channels = _one_or_two(as_float32(samples))
    with _replacing(path) as file:
        _encode(file, channels, check_rate(rate), container="wav", codec="pcm_f32le", sample_format="flt")


def write_flac(path: Path, samples: Signal, rate: int) -> None:
    """Write a 24-bit FLAC, samples of shape (T,) or (2, T) within ±1; the same samples give the same bytes.

    A sample becomes round(x·2²³), ties to even; +1 becomes the largest integer, 2²³ − 1. The file carries no date and
    no encoder version, and its predictors are FLAC's fixed integer ones, because the adaptive ones are computed in
    floating point that differs between processors. The file appears whole or not at all.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape`, `unsupported_rate`, `too_many_channels`, or `clipped` where a
            sample lies beyond ±1.
    """
    channels = _one_or_two(samples)
    peak = max(float(channels.max()), -float(channels.min()))
    if peak > 1.0:
        raise AudioError("clipped", f"expected samples within -1 to 1 for a 24-bit file, got a peak of {peak:g}")
    with _replacing(path) as file:
        _encode(file, channels, check_rate(rate), container="flac", codec="flac", sample_format="s32")


def _steps_of_24_bits(block: Signal) -> NDArray[np.int32]:
    """Return samples as integers of 24 bits in the upper part of 32."""
    steps = np.rint(block.astype(np.float64) * FULL_SCALE_24)
    return np.minimum(steps, FULL_SCALE_24 - 1).astype(np.int32) << 8


def _one_or_two(samples: Signal) -> Signal:
    channels = as_channels(samples)
    if len(channels) > 2:
        raise AudioError("too_many_channels", f"expected 1 or 2 channels, got {len(channels)}")
    return channels


def _encode(
    file: IO[bytes],
    channels: Signal,
    rate: int,
    *,
    container: Literal["wav", "flac"],
    codec: Literal["pcm_f32le", "flac"],
    sample_format: str,
) -> None:
    """Encode samples of shape (channels, T), a second at a time."""
    layout = "mono" if len(channels) == 1 else "stereo"
    with av.open(file, "w", format=container, options={"fflags": "+bitexact"}) as output:
        options = {"flags": "+bitexact"} | ({"lpc_type": "fixed"} if codec == "flac" else {})
        stream = output.add_stream(codec, rate=rate, options=options)
        stream.format = sample_format
        stream.layout = layout
        stream.codec_context.thread_count = 1
        for start in range(0, channels.shape[1], rate):
            block: NDArray[Any] = channels[:, start : start + rate].T
            if codec == "flac":
                block = _steps_of_24_bits(block)
            packed = np.ascontiguousarray(block).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format=sample_format, layout=layout)
            frame.sample_rate = rate
            frame.pts = start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a neighbour of `path` for writing and rename it onto `path` once all is written."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb+") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _decode(file: IO[bytes], *, max_seconds: float, max_channels: int) -> Audio:
    container_format, begin = locate(file)
    notices: tuple[FileNotice, ...] = ()
    if begin:
        file = window(file, begin, file.seek(0, os.SEEK_END))
        notices = (leading_tag(begin),)
    layout = _LAYOUTS[container_format](file) if container_format in _LAYOUTS else None
    if layout is not None:
        return _decode_layout(file, layout, notices, max_seconds=max_seconds, max_channels=max_channels)
    if is_cut_off(file, container_format):
        raise AudioError("truncated", "the file ends before its header says that it does")
    trusted = declares_length(file, container_format)
    file.seek(0)
    options = {"codec_whitelist": ",".join(CODECS[container_format])}
    reading = _Reading(NAMES[container_format], CODECS[container_format], max_seconds, max_channels, trusted=trusted)
    return replace(reading.read(file, container_format, options), notices=notices)


def _decode_layout(
    file: IO[bytes], layout: Layout, notices: tuple[FileNotice, ...], *, max_seconds: float, max_channels: int
) -> Audio:
    """Decode uncompressed sound whose place and form are known."""
    _check_channels(layout.channels, max_channels)
    check_rate(layout.rate)
    _check_length(layout.frames, int(max_seconds * layout.rate), layout.rate)
    if layout.frames == 0:
        raise AudioError("empty", "the file holds no samples")
    codec = f"pcm_{layout.sample}"
    channels = "mono" if layout.channels == 1 else f"{layout.channels}c"
    options = {"codec_whitelist": codec, "sample_rate": str(layout.rate), "ch_layout": channels}
    sound = window(file, layout.extent.start, layout.extent.stop)
    audio = _Reading("PCM", (codec,), max_seconds, max_channels, trusted=True).read(sound, layout.sample, options)
    if audio.samples.shape[1] != layout.frames:
        raise AudioError("truncated", f"expected {layout.frames} samples, got {audio.samples.shape[1]}")
    return replace(audio, bits=layout.bits, padded=layout.padded, notices=(*notices, *layout.extent.notices))


@dataclass(frozen=True)
class _Reading:
    """How a file is read through FFmpeg, and what is accepted."""

    name: str
    codecs: tuple[str, ...]
    max_seconds: float
    max_channels: int
    trusted: bool

    def read(self, file: IO[bytes], demuxer: str, options: dict[str, str]) -> Audio:
        """Decode the file's first audio stream, with bounds on what comes."""
        frames = declared = bits = 0
        gathered: _Gathered | None = None
        try:
            with av.open(
                file,
                "r",
                format=demuxer,
                container_options=options | {"protocol_whitelist": "none"},
                metadata_errors="replace",
                io_open=_refuse_other_files,
            ) as container:
                stream = _audio_stream(container, self.codecs, self.max_channels)
                # A decoder changes its context; and PyAV reads out of bounds in frames of 8 channels or more.
                rate, channels = stream.rate, stream.channels
                slack = 0 if stream.codec_context.name in LOSSLESS else LOSSY_SLACK
                limit = int(self.max_seconds * rate)
                if self.trusted and stream.duration and stream.time_base:
                    declared = int(stream.duration * stream.time_base * rate)
                _check_length(declared - slack, limit, rate)
                gathered = _Gathered(channels, expected=declared)
                for frame in container.decode(stream):
                    if frame.sample_rate != rate or frame.layout.nb_channels != channels:
                        raise AudioError("not_audio", "the sample rate or the channels change within the file")
                    _check_length(gathered.samples + frame.samples, limit, rate)
                    block, bits = _normalised(frame)
                    gathered.add(block)
                    frames += 1
                    if frames > SMALL_FRAMES + gathered.samples // SMALLEST_FRAME:
                        raise AudioError("not_audio", "the file is cut into absurdly small frames")
        except av.FFmpegError as error:
            decoded = gathered.samples if gathered else 0
            if decoded == 0:
                raise AudioError("not_audio", f"the file starts like {self.name} but can't be decoded") from error
            raise AudioError("truncated", f"only the first {decoded} samples could be decoded") from error
        if gathered.samples == 0:
            raise AudioError("empty", "the file holds no samples")
        if gathered.samples < declared - slack:
            raise AudioError("truncated", f"the header declares {declared} samples, the file holds {gathered.samples}")
        return Audio(gathered.result(), rate, bits)


class _Gathered:
    """Samples as they come, in one array that has the expected size from the start and grows where that was wrong."""

    def __init__(self, channels: int, *, expected: int) -> None:
        self._array = np.empty((channels, max(expected, 1)), dtype=np.float32)
        self.samples = 0

    def add(self, block: Float32) -> None:
        """Put (channels, T) samples behind those that are there."""
        end = self.samples + block.shape[1]
        if end > self._array.shape[1]:
            larger = np.empty((len(self._array), max(end, 2 * self.samples)), dtype=np.float32)
            larger[:, : self.samples] = self._array[:, : self.samples]
            self._array = larger
        self._array[:, self.samples : end] = block
        self.samples = end

    def result(self) -> Float32:
        """Return (channels, T) samples, contiguous."""
        return np.ascontiguousarray(self._array[:, : self.samples])


def _refuse_other_files(url: str, *_: object) -> NoReturn:
    raise AudioError("not_audio", f"the file refers to another file or address, {url!r}")


def _audio_stream(container: InputContainer, codecs: tuple[str, ...], max_channels: int) -> AudioStream:
    if not container.streams.audio:
        raise AudioError("not_audio", "the file holds no sound")
    stream = container.streams.audio[0]
    # PyAV gives a stream that FFmpeg has no decoder for no codec context.
    if getattr(stream.codec_context, "name", None) not in codecs:
        raise AudioError("not_audio", f"expected sound in one of the codecs {', '.join(codecs)}")
    _check_channels(stream.channels, max_channels)
    check_rate(stream.rate)
    return stream


def _check_channels(channels: int, max_channels: int) -> None:
    most = min(max_channels, MAX_CHANNELS)
    if not 1 <= channels <= most:
        raise AudioError("too_many_channels", f"expected 1 to {most} channels, got {channels}")


def _check_length(samples: int, limit: int, rate: int) -> None:
    if samples > limit:
        raise AudioError(
            "too_long", f"expected at most {limit / rate:g} seconds of audio, got {samples / rate:g} or more"
        )


def _normalised(frame: av.AudioFrame) -> tuple[Float32, int]:
    """Return a frame as (channels, T) float32, full scale ±1, and the bits of its integers, 0 for floating point."""
    data: NDArray[Any] = frame.to_ndarray()
    channels = frame.layout.nb_channels
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T
    if data.dtype.kind == "f":
        if not np.isfinite(data).all():
            raise AudioError("not_finite", "the file holds samples that are no numbers, or infinite")
        return as_float32(data), 0
    bits = 8 * data.dtype.itemsize
    zero = 128 if data.dtype == np.uint8 else 0
    return as_float32((data.astype(np.float64) - zero) / 2 ** (bits - 1)), bits
