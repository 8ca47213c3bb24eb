"""Format detection and truncation checks on the raw bytes of an audio file, before FFmpeg decodes it.

FFmpeg decodes a truncated file as if it were shorter. The container's size fields reveal the truncation: ISO/IEC
14496-12 boxes (M4A), Core Audio chunks and the end-of-stream flag of Ogg pages (RFC 3533). For uncompressed audio, see
`layouts`.
"""

import os
import struct
from collections.abc import Iterator
from typing import IO, Literal

from tone_shootout.audio.signals import AudioError
from tone_shootout.audio.sniffing import SNIFFED_BYTES, describe
from tone_shootout.audio.windows import read_at

Format = Literal["wav", "w64", "aiff", "caf", "flac", "mp3", "ogg", "mov"]

NAMES: dict[Format, str] = {
    "wav": "WAV", "w64": "W64", "aiff": "AIFF", "caf": "CAF", "flac": "FLAC", "mp3": "MP3", "ogg": "OGG", "mov": "M4A",
}  # fmt: skip
PCM = (
    *("pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"),
    *("pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_alaw", "pcm_mulaw"),
)
CODECS: dict[Format, tuple[str, ...]] = {
    "wav": PCM,
    "w64": PCM,
    "aiff": PCM,
    "caf": ("alac", "aac"),
    "flac": ("flac",),
    "mp3": ("mp3float", "mp3"),
    "ogg": ("vorbis", "opus", "flac"),
    "mov": ("aac", "alac"),
}
LOSSLESS = frozenset((*PCM, "flac", "alac"))
MAX_CHUNKS = 4_096
OGG_PAGE_LIMIT = 65_307
OGG_LAST_PAGE = 4
MAX_TAGS = 8
MAX_PADDING = 1 << 16
_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")


def detect_format(file: IO[bytes]) -> Format:
    """Detect a file's format from its first bytes, after an ID3v2 tag if there is one.

    Args:
        file: file object, open for reading and seekable.

    Raises:
        AudioError: `empty` for a file without bytes, `not_audio` for any other format; the detail names the format if
            it is known.
    """
    return find_header(file)[0]


def find_header(file: IO[bytes]) -> tuple[Format, int]:
    """Return a file's format and the offset of its header in bytes; errors as for `detect_format`."""
    head = read_at(file, 0, 64)
    if not head:
        raise AudioError("empty", "the file is empty")
    if found := _signature(head):
        return found, 0
    if head[:3] == b"ID3":
        return _header_after_id3(file)
    if len(head) >= 4 and head[0] == 0xFF and _is_mpeg_header(head) and not _is_wide_text(file):
        return "mp3", 0
    known = describe(read_at(file, 0, SNIFFED_BYTES))
    formats = ", ".join(NAMES.values())
    raise AudioError("not_audio", f"expected {formats}; the file is {known or 'none of them'}")


def _signature(head: bytes) -> Format | None:
    if head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX") and head[8:12] == b"WAVE":
        return "wav"
    if head[:16] == _W64_RIFF:
        return "w64"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:6] == b"caff\x00\x01":
        return "caf"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return "ogg"
    return "mov" if head[4:8] == b"ftyp" else None


def _header_after_id3(file: IO[bytes]) -> tuple[Format, int]:
    """Find the header after ID3v2 tags (id3.org, "ID3v2.4.0 structure"); MP3 if no other format is recognized."""
    offset = 0
    for _ in range(MAX_TAGS):
        header = read_at(file, offset, 10)
        if header[:3] != b"ID3" or len(header) < 10:
            break
        # Sizes use seven bits per byte; some programs write eight. A footer repeats the header.
        footer = 10 if header[5] & 0x10 else 0
        ends = [offset + 10 + _seven_bits(header[6:10]) + footer, offset + 10 + int.from_bytes(header[6:10], "big")]
        for end in ends:
            if found := _signature(read_at(file, end, 64)):
                return found, end
        offset = ends[0]
    padding = read_at(file, offset, MAX_PADDING)
    begin = offset + len(padding) - len(padding.lstrip(b"\0"))
    if found := _signature(read_at(file, begin, 64)):
        return found, begin
    return "mp3", 0


def _seven_bits(size: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))


def _is_mpeg_header(head: bytes) -> bool:
    """Return whether four bytes can start an MPEG audio frame (ISO/IEC 11172-3): valid layer, bit and sample rate."""
    return head[1] & 0xE6 in (0xE2, 0xE4, 0xE6) and head[2] & 0xF0 != 0xF0 and head[2] & 0x0C != 0x0C


def _is_wide_text(file: IO[bytes]) -> bool:
    """Return whether a file is UTF-16 text, whose byte order mark looks like the start of an MPEG audio frame."""
    known = describe(read_at(file, 0, 1024))
    return known is not None and known.startswith("text in UTF")


def declares_length(file: IO[bytes], container: Format) -> bool:
    """Return whether the header declares the duration; MP3 without a Xing frame leaves an estimate by bit rate."""
    if container != "mp3":
        return True
    head = read_at(file, 0, 10)
    tag = 10 + _seven_bits(head[6:10]) if head[:3] == b"ID3" and len(head) == 10 else 0
    first_frame = read_at(file, tag, 512)
    return any(mark in first_frame for mark in (b"Xing", b"Info", b"VBRI"))


def is_truncated(file: IO[bytes], container: Format) -> bool:
    """Return whether the size fields or flags of a container show that the end of the file is missing.

    Args:
        file: file object, open for reading and seekable, with the header at offset 0.
        container: format of the file; only CAF, M4A and OGG are checked.
    """
    size = file.seek(0, os.SEEK_END)
    if container == "caf":
        return any(end > size for name, end in _caf_chunks(file, size) if name == b"data")
    if container == "mov":
        return any(end > size for _, end in _boxes(file, size))
    return container == "ogg" and not _has_last_ogg_page(file, size)


def _caf_chunks(file: IO[bytes], size: int) -> Iterator[tuple[bytes, int]]:
    """Yield name and end offset of each chunk of a Core Audio file; a negative length extends to its end."""
    offset = 8
    for _ in range(MAX_CHUNKS):
        header = read_at(file, offset, 12)
        if offset >= size or len(header) < 12:
            return
        name, length = struct.unpack(">4sq", header)
        if length < 0:
            return
        offset += 12 + length
        yield name, offset


def _boxes(file: IO[bytes], size: int) -> Iterator[tuple[bytes, int]]:
    """Yield name and end offset of each top-level box of an ISO base media file."""
    offset = 0
    for _ in range(MAX_CHUNKS):
        header = read_at(file, offset, 16)
        if offset >= size or len(header) < 8:
            return
        length, name = struct.unpack(">I4s", header[:8])
        if length == 1 and len(header) == 16:
            length = struct.unpack(">Q", header[8:])[0]
        if length == 0:
            return
        yield name, offset + length
        offset += max(length, 8)


def _has_last_ogg_page(file: IO[bytes], size: int) -> bool:
    tail = read_at(file, max(0, size - OGG_PAGE_LIMIT), OGG_PAGE_LIMIT)
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or not page[5] & OGG_LAST_PAGE:
        return False
    lacing = page[27 : 27 + page[26]]
    return len(lacing) == page[26] and len(page) >= 27 + len(lacing) + sum(lacing)
