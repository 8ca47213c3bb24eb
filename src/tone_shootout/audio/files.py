"""Audio files: decoded to float32 under strict bounds, written as 32-bit float WAV or 24-bit FLAC.

FFmpeg (through PyAV) supports hundreds of formats, some of which open other files or network addresses. A file is
therefore recognized by its first bytes and handed to that one demuxer as a file object, with a list of allowed codecs.
"""

import io
import os
import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final, Literal, NoReturn

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from tone_shootout.audio.constants import Channel
from tone_shootout.audio.containers import CODECS, LOSSLESS, NAMES, declares_length, find_header, is_truncated
from tone_shootout.audio.layouts import Layout, aiff_layout, caf_layout, leading_tag, w64_layout, wav_layout
from tone_shootout.audio.lengths import TRUNCATED
from tone_shootout.audio.notices import FileNotice
from tone_shootout.audio.pcm import to_24_bits
from tone_shootout.audio.sides import select_channel
from tone_shootout.audio.signals import AudioError, Float32, Signal, as_channels, as_float32, check_rate
from tone_shootout.audio.windows import window

__all__ = ["Audio", "AudioError", "encode_flac", "mono", "read_audio", "write_flac", "write_wav"]

# A lossy stream's length may be declared with or without its padding: a few codec frames.
LOSSY_SLACK = 8_192
MAX_CHANNELS = 6
# Each frame costs time however small it is: after some thousand frames, their mean length must be reasonable.
SMALL_FRAMES, SMALLEST_FRAME = 4_096, 32
FIXED: Final[Mapping[str, str]] = {"lpc_type": "fixed"}
ADAPTIVE: Final[Mapping[str, str]] = {"lpc_type": "levinson", "compression_level": "5"}
"""Options of the FLAC encoder."""
NO_SAMPLES = "the file has no samples"
UNUSED_CHANNEL_ENERGY = 1e-4
"""Energy relative to the strongest channel below which a channel counts as an unused input: −40 dB."""

_LAYOUTS: Final[Mapping[str, Callable[[IO[bytes]], Layout | None]]] = {
    "wav": wav_layout,
    "w64": w64_layout,
    "aiff": aiff_layout,
    "caf": caf_layout,
}


@dataclass(frozen=True)
class Audio:
    """Decoded audio.

    Attributes:
        samples: shape (channels, T), full scale ±1.
        rate: sample rate in Hz.
        bits: bits of an integer sample; 0 for floating point and lossy formats.
        padded: whether integer samples are at least a byte shorter than their containers.
        notices: notices about the file.
        lossy: name of the lossy codec; empty for a lossless one.
    """

    samples: Float32
    rate: int
    bits: int = 0
    padded: bool = False
    notices: tuple[FileNotice, ...] = ()
    lossy: str = ""


def read_audio(source: Path | bytes, *, max_seconds: float, max_channels: int = 2) -> Audio:
    """Decode a WAV (RF64, RIFX), W64, AIFF, CAF, FLAC, MP3, OGG (Vorbis, Opus) or M4A (AAC, ALAC) file.

    Limits apply to the header first and then to the decoded samples block by block, so a file with a false length can't
    exhaust the memory. Integers of up to 24 bits are decoded exactly: sample = integer / 2^(bits−1).

    Args:
        source: path of the file, or its bytes.
        max_seconds: maximum duration in seconds.
        max_channels: maximum number of channels, up to 6.

    Returns:
        Decoded samples, shape (channels, T), with notices about the file.

    Raises:
        AudioError: `not_audio`, `truncated`, `too_long`, `too_many_channels`, `unsupported_rate` (8 to 192 kHz),
            `empty` or `not_finite`.
        OSError: the path can't be read.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        return _decode(file, max_seconds=max_seconds, max_channels=max_channels)


def mono(audio: Audio, channel: Channel | None = None) -> Float32:
    """Convert audio to one channel.

    Without `channel`, channels more than 40 dB below the strongest, such as an open input next to the recorded one,
    are ignored. Equal channels, or a single remaining one, give that channel unchanged: a DI recorded on one side of a
    stereo file keeps its level, and with it its drive. Otherwise the result is the mean of the channels.

    Args:
        audio: decoded audio, 1 to 6 channels.
        channel: channel of a mono or stereo file to use; None for the rule above.

    Returns:
        Samples, shape (T,).

    Raises:
        AudioError: `too_many_channels` if `channel` is given for more than two.
    """
    if channel is not None:
        return select_channel(audio.samples, channel)
    if len(audio.samples) == 1:
        return np.asarray(audio.samples[0], dtype=np.float32)
    energies = np.einsum("ct,ct->c", audio.samples, audio.samples, dtype=np.float64)
    used = audio.samples[energies >= UNUSED_CHANNEL_ENERGY * energies.max()]
    if (used == used[0]).all():
        return np.asarray(used[0], dtype=np.float32)
    return np.asarray(audio.samples.mean(axis=0, dtype=np.float64), dtype=np.float32)


def write_wav(path: Path, samples: Signal, rate: int) -> None:
    """Write a 32-bit float WAV; levels above full scale are preserved. The file is replaced atomically.

    Args:
        path: file to write.
        samples: shape (T,), (1, T) or (2, T), full scale ±1.
        rate: sample rate in Hz.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape`, `unsupported_rate` or `too_many_channels`.
    """
    channels = _one_or_two(as_float32(samples))
    with _atomic_write(path) as file:
        _encode(file, channels, check_rate(rate), container="wav", codec="pcm_f32le", sample_format="flt")


def write_flac(path: Path, samples: Signal, rate: int) -> None:
    """Write a 24-bit FLAC; equal samples give equal bytes. The file is replaced atomically.

    A sample becomes round(x·2²³), ties to even; +1 becomes the largest integer, 2²³ − 1. The file contains no date and
    no encoder version, and its predictors are FLAC's fixed integer ones, because the adaptive ones are computed in
    floating point that differs between processors.

    Args:
        path: file to write.
        samples: shape (T,), (1, T) or (2, T), within ±1.
        rate: sample rate in Hz.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape`, `unsupported_rate`, `too_many_channels`, or `clipped` for
            samples beyond ±1.
    """
    channels = _one_or_two(samples)
    peak = max(float(channels.max()), -float(channels.min()))
    if peak > 1.0:
        raise AudioError("clipped", f"expected samples within -1 to 1 for a 24-bit file, got a peak of {peak:g}")
    with _atomic_write(path) as file:
        _encode(file, channels, check_rate(rate), container="flac", codec="flac", sample_format="s32")


def encode_flac(samples: Signal, rate: int) -> bytes:
    """Encode a 24-bit FLAC file for playback: as `write_flac`, but smaller.

    Its predictors are adaptive. They are computed in floating point, so that the bytes, not the samples, may differ
    between processors.

    Args:
        samples: shape (T,), (1, T) or (2, T), within ±1.
        rate: sample rate in Hz.

    Returns:
        Content of the file.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape`, `unsupported_rate` or `too_many_channels`.
    """
    with io.BytesIO() as file:
        channels = _one_or_two(samples)
        _encode(file, channels, check_rate(rate), container="flac", codec="flac", sample_format="s32", options=ADAPTIVE)
        return file.getvalue()


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
    options: Mapping[str, str] = FIXED,
) -> None:
    """Encode samples of shape (channels, T), a second at a time."""
    layout = "mono" if len(channels) == 1 else "stereo"
    with av.open(file, "w", format=container, options={"fflags": "+bitexact"}) as output:
        chosen = {"flags": "+bitexact"} | (dict(options) if codec == "flac" else {})
        stream = output.add_stream(codec, rate=rate, options=chosen)
        stream.format = sample_format
        stream.layout = layout
        stream.codec_context.thread_count = 1
        for start in range(0, channels.shape[1], rate):
            block: NDArray[Any] = channels[:, start : start + rate].T
            if codec == "flac":
                block = to_24_bits(block)
            packed = np.ascontiguousarray(block).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format=sample_format, layout=layout)
            frame.sample_rate = rate
            frame.pts = start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


@contextmanager
def _atomic_write(path: Path) -> Generator[IO[bytes]]:
    """Open a temporary file next to `path` and rename it to `path` after writing."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb+") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _decode(file: IO[bytes], *, max_seconds: float, max_channels: int) -> Audio:
    container_format, header = find_header(file)
    notices: tuple[FileNotice, ...] = ()
    if header:
        file = window(file, header, file.seek(0, os.SEEK_END))
        notices = (leading_tag(header),)
    layout = _LAYOUTS[container_format](file) if container_format in _LAYOUTS else None
    if layout is not None:
        return _decode_layout(file, layout, notices, max_seconds=max_seconds, max_channels=max_channels)
    if is_truncated(file, container_format):
        raise AudioError("truncated", TRUNCATED)
    trusted = declares_length(file, container_format)
    file.seek(0)
    options = {"codec_whitelist": ",".join(CODECS[container_format])}
    decoder = _Decoder(NAMES[container_format], CODECS[container_format], max_seconds, max_channels, trusted=trusted)
    return replace(decoder.decode(file, container_format, options), notices=notices)


def _decode_layout(
    file: IO[bytes], layout: Layout, notices: tuple[FileNotice, ...], *, max_seconds: float, max_channels: int
) -> Audio:
    """Decode uncompressed audio whose position and sample format are known."""
    _check_channels(layout.channels, max_channels)
    check_rate(layout.rate)
    _check_length(layout.frames, int(max_seconds * layout.rate), layout.rate)
    if layout.frames == 0:
        raise AudioError("empty", NO_SAMPLES)
    codec = f"pcm_{layout.sample}"
    channels = "mono" if layout.channels == 1 else f"{layout.channels}c"
    options = {"codec_whitelist": codec, "sample_rate": str(layout.rate), "ch_layout": channels}
    data = window(file, layout.extent.start, layout.extent.stop)
    audio = _Decoder("PCM", (codec,), max_seconds, max_channels, trusted=True).decode(data, layout.sample, options)
    if audio.samples.shape[1] != layout.frames:
        raise AudioError("truncated", f"expected {layout.frames} samples, got {audio.samples.shape[1]}")
    return replace(audio, bits=layout.bits, padded=layout.padded, notices=(*notices, *layout.extent.notices))


@dataclass(frozen=True)
class _Decoder:
    """Decoder on FFmpeg, with the accepted codecs and limits.

    Attributes:
        name: name of the format, for error messages.
        codecs: accepted codecs.
        max_seconds: maximum duration in seconds.
        max_channels: maximum number of channels.
        trusted: whether the header declares the duration.
    """

    name: str
    codecs: tuple[str, ...]
    max_seconds: float
    max_channels: int
    trusted: bool

    def decode(self, file: IO[bytes], demuxer: str, options: dict[str, str]) -> Audio:
        """Decode the first audio stream of a file within the limits."""
        frames = declared = bits = slack = 0
        codec = ""
        buffer: _SampleBuffer | None = None
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
                # Decoding changes the codec context. PyAV reads out of bounds in frames of 8 channels or more.
                rate, channels = stream.rate, stream.channels
                codec = stream.codec_context.name
                slack = 0 if codec in LOSSLESS else LOSSY_SLACK
                limit = int(self.max_seconds * rate)
                if self.trusted and stream.duration and stream.time_base:
                    declared = int(stream.duration * stream.time_base * rate)
                _check_length(declared - slack, limit, rate)
                buffer = _SampleBuffer(channels, expected=declared)
                for frame in container.decode(stream):
                    if frame.sample_rate != rate or frame.layout.nb_channels != channels:
                        raise AudioError("not_audio", "the sample rate or channel count changes within the file")
                    _check_length(buffer.samples + frame.samples, limit, rate)
                    block, bits = _to_float32(frame)
                    buffer.append(block)
                    frames += 1
                    if frames > SMALL_FRAMES + buffer.samples // SMALLEST_FRAME:
                        raise AudioError("not_audio", f"the frames average fewer than {SMALLEST_FRAME} samples")
        except av.FFmpegError as error:
            decoded = buffer.samples if buffer else 0
            if decoded == 0:
                raise AudioError("not_audio", f"the file starts like {self.name} but can't be decoded") from error
            raise AudioError("truncated", f"only the first {decoded} samples could be decoded") from error
        if buffer.samples == 0:
            raise AudioError("empty", NO_SAMPLES)
        if buffer.samples < declared - slack:
            raise AudioError("truncated", f"the header declares {declared} samples, the file has {buffer.samples}")
        return Audio(buffer.to_array(), rate, bits, lossy=codec.removesuffix("float") if slack else "")


class _SampleBuffer:
    """Decoded samples in one array, allocated with the expected length and enlarged if that is exceeded."""

    def __init__(self, channels: int, *, expected: int) -> None:
        self._array = np.empty((channels, max(expected, 1)), dtype=np.float32)
        self.samples = 0

    def append(self, block: Float32) -> None:
        """Append samples, shape (channels, T)."""
        end = self.samples + block.shape[1]
        if end > self._array.shape[1]:
            larger = np.empty((len(self._array), max(end, 2 * self.samples)), dtype=np.float32)
            larger[:, : self.samples] = self._array[:, : self.samples]
            self._array = larger
        self._array[:, self.samples : end] = block
        self.samples = end

    def to_array(self) -> Float32:
        """Return all samples, shape (channels, T), contiguous."""
        return np.ascontiguousarray(self._array[:, : self.samples])


def _refuse_other_files(url: str, *_: object) -> NoReturn:
    raise AudioError("not_audio", f"the file refers to another file or address, {url!r}")


def _audio_stream(container: InputContainer, codecs: tuple[str, ...], max_channels: int) -> AudioStream:
    if not container.streams.audio:
        raise AudioError("not_audio", "the file has no audio stream")
    stream = container.streams.audio[0]
    # A stream that FFmpeg has no decoder for has no codec context in PyAV.
    if getattr(stream.codec_context, "name", None) not in codecs:
        raise AudioError("not_audio", f"expected audio in one of the codecs {', '.join(codecs)}")
    _check_channels(stream.channels, max_channels)
    check_rate(stream.rate)
    return stream


def _check_channels(channels: int, max_channels: int) -> None:
    limit = min(max_channels, MAX_CHANNELS)
    if not 1 <= channels <= limit:
        raise AudioError("too_many_channels", f"expected 1 to {limit} channels, got {channels}")


def _check_length(samples: int, limit: int, rate: int) -> None:
    if samples > limit:
        raise AudioError(
            "too_long", f"expected at most {limit / rate:g} seconds of audio, got {samples / rate:g} or more"
        )


def _to_float32(frame: av.AudioFrame) -> tuple[Float32, int]:
    """Return a frame as (channels, T) float32, full scale ±1, and the bits of its integers, 0 for floating point."""
    data: NDArray[Any] = frame.to_ndarray()
    channels = frame.layout.nb_channels
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T
    if data.dtype.kind == "f":
        if not np.isfinite(data).all():
            raise AudioError("not_finite", "the file has samples that are NaN or infinite")
        return as_float32(data), 0
    bits = 8 * data.dtype.itemsize
    zero = 128 if data.dtype == np.uint8 else 0
    return as_float32((data.astype(np.float64) - zero) / 2 ** (bits - 1)), bits
