"""Comparison of the length that a header declares with the length of the file."""

from dataclasses import dataclass
from typing import Final

from tone_shootout.audio.notices import FileNotice
from tone_shootout.audio.signals import AudioError

SLACK_BYTES: Final = 256
"""Tolerated excess of a declared length: up to this, a mistake of the writer; above, the file is truncated."""

PIPED_BYTES: Final = 0x7F000000
"""Lowest placeholder of programs that write to a pipe and can't seek back: SoX declares 0x7ffff000 in WAV and
0x7f000008 in AIFF, others 0x7fffffff, 0x80000000, 0xffffffff and slightly less."""

TRUNCATED: Final = "the file is shorter than its header declares"


@dataclass(frozen=True)
class Extent:
    """Position of the samples in a file.

    Attributes:
        start: offset of the first byte.
        stop: offset after the last byte.
        notices: notices about the declared length.
    """

    start: int
    stop: int
    notices: tuple[FileNotice, ...] = ()


def extent(start: int, declared: int | None, size: int, *, piped: int = PIPED_BYTES) -> Extent:
    """Return the position of the samples after comparing their declared length with the file.

    Args:
        start: offset of the samples in bytes.
        declared: declared length of the samples in bytes; None if the header does not declare it.
        size: size of the file in bytes.
        piped: a declared length from here on that exceeds the file is a placeholder for an unknown length.

    Raises:
        AudioError: `truncated`.
    """
    available = max(0, size - start)
    if declared is None or (declared > available and declared >= piped):
        detail = "the header does not declare the length of the audio; it is read to the end of the file."
        return Extent(start, start + available, (FileNotice("unknown_length", detail),))
    missing = declared - available
    if missing <= 0:
        return Extent(start, start + declared)
    if missing > min(SLACK_BYTES, available):
        raise AudioError("truncated", TRUNCATED)
    detail = f"the header declares {missing} bytes more than the file has; the audio is read to the end of the file."
    return Extent(start, start + available, (FileNotice("length_mismatch", detail),))
