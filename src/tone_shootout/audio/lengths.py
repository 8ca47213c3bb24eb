"""How much of a file's declared sound is there: exactly that, a little less, an unknown length, or a part cut off."""

from dataclasses import dataclass
from typing import Final

from tone_shootout.audio.notices import FileNotice
from tone_shootout.audio.signals import AudioError

SLACK_BYTES: Final = 256
"""A declared size that is larger than the file by no more than this is a writer's mistake; by more, the end is lost."""

PIPED_BYTES: Final = 0x7F000000
"""What programs declare that write to a pipe and can't come back: SoX 0x7ffff000 in WAV and 0x7f000008 in AIFF, others
0x7fffffff, 0x80000000, 0xffffffff and a little less."""


@dataclass(frozen=True)
class Extent:
    """Where sound lies in a file: bytes `start` to `stop`, exclusive, with what is to be said about it."""

    start: int
    stop: int
    notices: tuple[FileNotice, ...] = ()


def extent(start: int, declared: int | None, size: int, *, piped: int = PIPED_BYTES) -> Extent:
    """Hold a declared length of sound against the file.

    Args:
        start: where the sound begins, bytes.
        declared: how many bytes of it the file declares; None: it says that it does not know.
        size: of the file, bytes.
        piped: from which length on a declaration that the file does not meet means that nobody knew.

    Raises:
        AudioError: `truncated`.
    """
    there = max(0, size - start)
    if declared is None or (declared > there and declared >= piped):
        detail = "the header does not state how long the sound is; it is played to the end of the file."
        return Extent(start, start + there, (FileNotice("unknown_length", detail),))
    missing = declared - there
    if missing <= 0:
        return Extent(start, start + declared)
    if missing > min(SLACK_BYTES, there):
        raise AudioError("truncated", "the file ends before its header says that it does")
    detail = f"the header declares {missing} bytes more than the file holds; what is there is played."
    return Extent(start, start + there, (FileNotice("length_mismatch", detail),))
