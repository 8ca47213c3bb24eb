"""Headers of uncompressed WAV, RF64, RIFX, W64, AIFF and CAF files: position and format of the samples.

FFmpeg takes the number of valid bits for the size of a sample and decodes 16 bits in a container of 32 as noise. So
this module reads the headers and uses the size of the container, like libsndfile (valid bits are left-aligned); FFmpeg
decodes the samples. Sources: Microsoft's "Multiple Channel Audio Data and WAVE Files", EBU Tech 3306 (RF64), Sony's
Wave64 format, Apple's "Audio Interchange File Format" (AIFF-C) and "Core Audio Format Specification".
"""

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO, Final

from tone_shootout.audio.lengths import PIPED_BYTES, SLACK_BYTES, Extent, extent
from tone_shootout.audio.notices import FileNotice
from tone_shootout.audio.signals import AudioError
from tone_shootout.audio.windows import read_at

MAX_CHUNKS: Final = 4_096
FORMAT_BYTES: Final = 4_096
"""Maximum number of bytes to read of a format chunk."""

_PCM, _FLOAT, _A_LAW, _MU_LAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_UNKNOWN_32: Final = 0xFFFFFFFF
# Unsupported codecs in WAV files by format tag (RFC 2361).
_UNSUPPORTED_TAGS: Final = {
    0x02: "Microsoft ADPCM", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x50: "MPEG", 0x55: "MP3", 0x92: "Dolby AC-3",
    0x161: "Windows Media Audio", 0xFF: "AAC", 0x674F: "Vorbis", 0xF1AC: "FLAC",
}  # fmt: skip
_SUBFORMATS: Final = (
    bytes.fromhex("000000001000800000aa00389b71"),
    bytes.fromhex("00002107d3118644c8c1ca000000"),  # ambisonics
)
_W64_GUID: Final = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_AIFC: Final = {
    b"NONE": "be", b"twos": "be", b"in24": "be", b"in32": "be", b"sowt": "le", b"42n1": "le", b"23ni": "le",
    b"fl32": "f32be", b"FL32": "f32be", b"fl64": "f64be", b"FL64": "f64be",
    b"ulaw": "mulaw", b"ULAW": "mulaw", b"alaw": "alaw", b"ALAW": "alaw", b"raw ": "u8",
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """Position and format of the uncompressed samples in a file.

    Attributes:
        sample: sample format as FFmpeg names it: `s24le`, `f32be`, `mulaw` and so on.
        width: bytes per sample.
        bits: valid bits of an integer sample; 0 for floating point.
        channels: number of channels.
        rate: sample rate in Hz.
        extent: position of the complete frames.
    """

    sample: str
    width: int
    bits: int
    channels: int
    rate: int
    extent: Extent

    @property
    def padded(self) -> bool:
        """Whether integer samples are at least a byte shorter than their containers."""
        return 0 < self.bits <= 8 * (self.width - 1)

    @property
    def frames(self) -> int:
        """Number of samples per channel."""
        return (self.extent.stop - self.extent.start) // (self.width * self.channels)


@dataclass(frozen=True)
class _SampleFormat:
    """Format of the samples, as in `Layout`."""

    sample: str
    width: int
    bits: int
    channels: int
    rate: int

    def at(self, extent: Extent) -> Layout:
        """Return the layout of samples at a position, without an incomplete frame at the end."""
        if self.channels < 1:
            raise AudioError("too_many_channels", f"expected at least 1 channel, got {self.channels}")
        block = self.width * self.channels
        stop = extent.start + (extent.stop - extent.start) // block * block
        return Layout(self.sample, self.width, self.bits, self.channels, self.rate, replace(extent, stop=stop))


@dataclass(frozen=True)
class _Chunk:
    name: bytes
    start: int
    length: int


def wav_layout(file: IO[bytes]) -> Layout:
    """Read the header of a WAV, RF64, BW64 or RIFX file.

    Args:
        file: file object, open for reading and seekable, with the header at offset 0.

    Returns:
        Position and format of the samples, with notices about the declared length.

    Raises:
        AudioError: `not_audio` for an invalid header or an unsupported codec, `truncated`, `too_many_channels` for
            zero channels.
    """
    size = file.seek(0, os.SEEK_END)
    order = ">" if read_at(file, 0, 4) == b"RIFX" else "<"
    form: _SampleFormat | None = None
    long_length: int | None = None
    for chunk in _chunks(file, 12, size, f"{order}4sI"):
        if chunk.name == b"ds64" and chunk.length >= 16:
            long_length = struct.unpack("<8xQ", read_at(file, chunk.start, 16).ljust(16, b"\0"))[0]
        elif chunk.name == b"fmt ":
            form = _wave_form(read_at(file, chunk.start, min(chunk.length, FORMAT_BYTES)), order)
        elif chunk.name == b"data" and form is not None:
            return form.at(_wave_extent(file, chunk, size, long_length, f"{order}4sI"))
    raise _incomplete("WAV", form)


def w64_layout(file: IO[bytes]) -> Layout:
    """Read the header of a Sony Wave64 file; errors as for `wav_layout`."""
    size = file.seek(0, os.SEEK_END)
    form: _SampleFormat | None = None
    at = 40
    for _ in range(MAX_CHUNKS):
        header = read_at(file, at, 24)
        if len(header) < 24:
            break
        length = struct.unpack("<Q", header[16:])[0]
        start = at + 24
        if header[:4] == b"fmt " and header[4:16] == _W64_GUID:
            form = _wave_form(read_at(file, start, min(max(0, length - 24), FORMAT_BYTES)), "<")
        elif header[:4] == b"data" and header[4:16] == _W64_GUID and form is not None:
            return form.at(extent(start, length - 24 if length > 24 else None, size, piped=1 << 62))
        at += max(24, length + -length % 8)
    raise _incomplete("W64", form)


def aiff_layout(file: IO[bytes]) -> Layout:
    """Read the header of an AIFF or AIFF-C file; errors as for `wav_layout`."""
    size = file.seek(0, os.SEEK_END)
    compressed = read_at(file, 8, 4) == b"AIFC"
    form: _SampleFormat | None = None
    frames = 0
    data: _Chunk | None = None
    for chunk in _chunks(file, 12, size, ">4sI"):
        if chunk.name == b"COMM":
            form, frames = _aiff_form(
                read_at(file, chunk.start, min(chunk.length, FORMAT_BYTES)), compressed=compressed
            )
        elif chunk.name == b"SSND":
            data = chunk
        if form is not None and data is not None:
            break
    if form is None or data is None:
        raise _incomplete("AIFF", form)
    # The chunk starts with an offset and a block size.
    offset = struct.unpack(">I", read_at(file, data.start, 4).ljust(4, b"\0"))[0]
    start = data.start + 8 + offset
    declared = data.length - 8 - offset if data.length >= 8 else None
    if declared is not None and declared < 0:
        raise AudioError("not_audio", "the file starts like AIFF but can't be decoded")
    if declared == 0 and not _only_chunks(file, start, size, ">4sI"):
        declared = None
    if declared is not None and declared + SLACK_BYTES < frames * form.width * form.channels < PIPED_BYTES:
        raise AudioError("truncated", f"the header declares {frames} samples, the file has fewer")
    return form.at(extent(start, declared, size))


def caf_layout(file: IO[bytes]) -> Layout | None:
    """Read the header of a Core Audio file; None if its audio is compressed. Errors as for `wav_layout`."""
    size = file.seek(0, os.SEEK_END)
    form: _SampleFormat | None = None
    for chunk in _chunks(file, 8, size, ">4sq", padded=False):
        if chunk.name == b"desc":
            description = read_at(file, chunk.start, 32)
            if len(description) == 32 and description[8:12] not in (b"lpcm", b"ulaw", b"alaw"):
                return None
            form = _caf_form(description)
        elif chunk.name == b"data" and form is not None:
            # The chunk starts with an edit count of four bytes; a length of −1 extends to the end of the file.
            declared = chunk.length - 4 if chunk.length >= 4 else None
            return form.at(extent(chunk.start + 4, declared, size, piped=1 << 62))
    raise _incomplete("CAF", form)


def _chunks(file: IO[bytes], offset: int, size: int, layout: str, *, padded: bool = True) -> Iterator[_Chunk]:
    """Yield chunks with a name and a length; some writers omit the padding byte after an odd length."""
    header_bytes = struct.calcsize(layout)
    for _ in range(MAX_CHUNKS):
        header = read_at(file, offset, header_bytes)
        if offset >= size or len(header) < header_bytes:
            return
        name, length = struct.unpack(layout, header)
        yield _Chunk(name, offset + header_bytes, length)
        offset += header_bytes + max(0, length)
        if padded and length % 2 and (_is_name(read_at(file, offset + 1, 4)) or not _is_name(read_at(file, offset, 4))):
            offset += 1


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name)


def _wave_extent(file: IO[bytes], chunk: _Chunk, size: int, long_length: int | None, layout: str) -> Extent:
    declared: int | None = chunk.length
    if declared == _UNKNOWN_32:
        declared = long_length or None
    elif declared == 0 and not _only_chunks(file, chunk.start, size, layout):
        declared = None
    if declared is None or (declared >= PIPED_BYTES and chunk.start + declared > size):
        return extent(chunk.start, None, _without_tag(file, size))
    return extent(chunk.start, declared, size)


def _only_chunks(file: IO[bytes], start: int, size: int, layout: str) -> bool:
    """Return whether only chunks follow up to the end of the file; then a declared length of 0 is correct."""
    end = start
    for chunk in _chunks(file, start, size, layout):
        if not _is_name(chunk.name):
            return False
        end = chunk.start + chunk.length
    return end <= size and size - end <= 8


def _without_tag(file: IO[bytes], size: int) -> int:
    """Return the size of a file without an ID3v1 tag, which occupies the last 128 bytes."""
    return size - 128 if size >= 128 and read_at(file, size - 128, 3) == b"TAG" else size


def _wave_form(data: bytes, order: str) -> _SampleFormat:
    if len(data) < 14:
        raise AudioError("not_audio", "the file starts like WAV but its fmt chunk is too short")
    tag, channels, rate, byte_rate, block = struct.unpack(f"{order}HHIIH", data[:14])
    bits = struct.unpack(f"{order}H", data[14:16])[0] if len(data) >= 16 else 8
    valid, width = bits, (bits + 7) // 8
    if tag == _EXTENSIBLE:
        tag = _PCM
        # Some writers store the valid bits in the field for the container's bits. The size of a block, one sample of
        # each channel, takes precedence if the byte rate agrees with it.
        if channels and 8 * block >= bits * channels and byte_rate == block * rate and block % channels == 0:
            width = block // channels
        if len(data) >= 40:
            valid, subformat = struct.unpack(f"{order}H", data[18:20])[0] or bits, data[24:40]
            # Some RIFX writers store the identifier in the byte order of RIFF.
            tag = struct.unpack(f"{order}I", subformat[:4])[0] & 0xFFFF or struct.unpack("<H", subformat[:2])[0]
            if subformat[2:] not in _SUBFORMATS and order == "<":
                raise AudioError("not_audio", f"the subformat {subformat.hex()} is not supported: use PCM")
    valid = min(valid, 8 * width)
    endian = "be" if order == ">" else "le"
    if tag == _PCM and 1 <= width <= 4 and bits > 0:
        return _SampleFormat("u8" if width == 1 else f"s{8 * width}{endian}", width, valid, channels, rate)
    if tag == _FLOAT and width in (4, 8):
        return _SampleFormat(f"f{8 * width}{endian}", width, 0, channels, rate)
    if tag in (_A_LAW, _MU_LAW):
        return _SampleFormat("alaw" if tag == _A_LAW else "mulaw", 1, 16, channels, rate)
    name = _UNSUPPORTED_TAGS.get(tag) or {_PCM: "PCM", _FLOAT: "floating point"}.get(tag, f"format {tag:#06x}")
    raise AudioError("not_audio", f"the audio is {name} of {bits} bits: use PCM of 8 to 32 bits, or float")


def _aiff_form(data: bytes, *, compressed: bool) -> tuple[_SampleFormat, int]:
    if len(data) < 18:
        raise AudioError("not_audio", "the file starts like AIFF but its COMM chunk is too short")
    channels, frames, bits, exponent, mantissa = struct.unpack(">hIhHQ", data[:18])
    exponent = (exponent & 0x7FFF) - 16_383 - 63
    rate = round(math.ldexp(mantissa, exponent)) if -64 <= exponent <= 0 else 0
    compression = data[18:22] if compressed else b"NONE"
    kind = _AIFC.get(compression)
    if kind is None:
        name = compression.decode("ascii", "replace")
        raise AudioError("not_audio", f"the audio is compressed as {name!r}: use uncompressed AIFF, WAV or FLAC")
    bits = {b"in24": 24, b"42n1": 24, b"in32": 32, b"23ni": 32}.get(compression, bits)
    if kind in ("be", "le"):
        if not 1 <= bits <= 32:
            raise AudioError("not_audio", f"expected samples of 1 to 32 bits, got {bits}")
        width = (bits + 7) // 8
        return _SampleFormat("s8" if width == 1 else f"s{8 * width}{kind}", width, bits, channels, rate), frames
    width = {"f32be": 4, "f64be": 8}.get(kind, 1)
    return _SampleFormat(kind, width, {"u8": 8, "alaw": 16, "mulaw": 16}.get(kind, 0), channels, rate), frames


def _caf_form(data: bytes) -> _SampleFormat:
    if len(data) < 32:
        raise AudioError("not_audio", "the file starts like CAF but its desc chunk is too short")
    rate, kind, flags, packet, per_packet, channels, bits = struct.unpack(">d4sIIIII", data)
    whole_rate = round(rate) if math.isfinite(rate) and abs(rate) < 1e9 else 0
    if kind in (b"ulaw", b"alaw"):
        return _SampleFormat("mulaw" if kind == b"ulaw" else "alaw", 1, 16, channels, whole_rate)
    endian = "le" if flags & 2 else "be"
    width, rest = divmod(packet, channels) if channels else (0, 0)
    if rest or per_packet != 1 or not 1 <= width <= 8 or 8 * width < bits:
        raise AudioError("not_audio", "the file starts like CAF but its sample format is invalid")
    if flags & 1:
        if width in (4, 8):
            return _SampleFormat(f"f{8 * width}{endian}", width, 0, channels, whole_rate)
    elif 1 <= width <= 4:
        return _SampleFormat("s8" if width == 1 else f"s{8 * width}{endian}", width, bits, channels, whole_rate)
    raise AudioError("not_audio", f"the audio has samples of {bits} bits: use PCM of 8 to 32 bits, or float")


def _incomplete(name: str, form: _SampleFormat | None) -> AudioError:
    missing = "description of its samples" if form is None else "samples"
    return AudioError("not_audio", f"the file starts like {name} but has no {missing}")


def leading_tag(length: int) -> FileNotice:
    """Return the notice about an ID3 tag of `length` bytes before the header of the file."""
    return FileNotice("leading_tag", f"an ID3 tag of {length} bytes precedes the header of the file; it is ignored.")
