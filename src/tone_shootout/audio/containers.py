"""What a file's own bytes say about it before FFmpeg is asked: its format, and whether all of it is there.

FFmpeg reads a file that was cut off as if it were shorter. The container's own size fields know better: RIFF chunks
(Microsoft's WAVE specification, EBU Tech 3306 for RF64), EA IFF 85 chunks (AIFF), ISO/IEC 14496-12 boxes (M4A) and the
end-of-stream flag of Ogg pages (RFC 3533).
"""

import os
import struct
from collections.abc import Iterator
from typing import IO, Literal

from tone_shootout.audio.signals import AudioError

Format = Literal["wav", "aiff", "flac", "mp3", "ogg", "mov"]

NAMES: dict[Format, str] = {
    "wav": "WAV", "aiff": "AIFF", "flac": "FLAC", "mp3": "MP3", "ogg": "OGG", "mov": "M4A",
}  # fmt: skip
PCM = (
    *("pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"),
    *("pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be"),
)
CODECS: dict[Format, tuple[str, ...]] = {
    "wav": PCM,
    "aiff": PCM,
    "flac": ("flac",),
    "mp3": ("mp3float", "mp3"),
    "ogg": ("vorbis", "opus", "flac"),
    "mov": ("aac", "alac"),
}
LOSSLESS = frozenset((*PCM, "flac", "alac"))
UNKNOWN_SIZE = 0xFFFFFFFF
MAX_CHUNKS = 4_096
OGG_PAGE_LIMIT = 65_307
OGG_LAST_PAGE = 4


def recognise(file: IO[bytes]) -> Format:
    """Name FFmpeg's demuxer for a file from its first bytes.

    Raises:
        AudioError: `empty` for a file of no bytes, `not_audio` for any other format.
    """
    head = _read(file, 0, 12)
    if not head:
        raise AudioError("empty", "the file is empty")
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return "ogg"
    if head[4:8] == b"ftyp":
        return "mov"
    if head[:3] == b"ID3" or (head[0] == 0xFF and len(head) > 1 and head[1] & 0xE6 in (0xE2, 0xE4, 0xE6)):
        return "mp3"
    raise AudioError("not_audio", f"expected {', '.join(NAMES.values())}; the file is none of them")


def declares_length(file: IO[bytes], container: Format) -> bool:
    """Whether the header's duration is a statement and not a guess from the bit rate (MP3 without a Xing frame)."""
    if container != "mp3":
        return True
    head = _read(file, 0, 10)
    tag = 0
    if head[:3] == b"ID3" and len(head) == 10:
        tag = 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    first_frame = _read(file, tag, 512)
    return any(mark in first_frame for mark in (b"Xing", b"Info", b"VBRI"))


def is_cut_off(file: IO[bytes], container: Format) -> bool:
    """Whether the container's own size fields or flags say that its end is missing."""
    size = file.seek(0, os.SEEK_END)
    if container == "wav":
        return any(end > size for name, end in _riff_chunks(file, size) if name == b"data")
    if container == "aiff":
        return any(end > size for name, end in _chunks(file, size, ">4sI", 12) if name == b"SSND")
    if container == "mov":
        return any(end > size for _, end in _boxes(file, size))
    return container == "ogg" and not _ends_its_ogg_stream(file, size)


def _read(file: IO[bytes], offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


def _chunks(file: IO[bytes], size: int, layout: str, offset: int) -> Iterator[tuple[bytes, int]]:
    """Walk chunks of (name, length, data padded to even): yields each name and where its data ends."""
    for _ in range(MAX_CHUNKS):
        header = _read(file, offset, 8)
        if offset >= size or len(header) < 8:
            return
        name, length = struct.unpack(layout, header)
        yield name, offset + 8 + length
        offset += 8 + length + length % 2


def _riff_chunks(file: IO[bytes], size: int) -> Iterator[tuple[bytes, int]]:
    """Walk a WAVE file's chunks up to its data; an unknown length means up to the end of the file, or RF64's own."""
    long_length = 0
    for name, end in _chunks(file, size, "<4sI", 12):
        start = file.tell()
        if name == b"ds64" and len(lengths := file.read(16)) == 16:
            long_length = struct.unpack("<8xQ", lengths)[0]
        if end - start == UNKNOWN_SIZE:
            yield name, start + long_length
            return
        yield name, end
        if name == b"data":
            return


def _boxes(file: IO[bytes], size: int) -> Iterator[tuple[bytes, int]]:
    offset = 0
    for _ in range(MAX_CHUNKS):
        header = _read(file, offset, 16)
        if offset >= size or len(header) < 8:
            return
        length, name = struct.unpack(">I4s", header[:8])
        if length == 1 and len(header) == 16:
            length = struct.unpack(">Q", header[8:])[0]
        if length == 0:
            return
        yield name, offset + length
        offset += max(length, 8)


def _ends_its_ogg_stream(file: IO[bytes], size: int) -> bool:
    tail = _read(file, max(0, size - OGG_PAGE_LIMIT), OGG_PAGE_LIMIT)
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or not page[5] & OGG_LAST_PAGE:
        return False
    lacing = page[27 : 27 + page[26]]
    return len(lacing) == page[26] and len(page) >= 27 + len(lacing) + sum(lacing)
