"""Which files hold the sound of a segment for the listening page: plain data, known before a sample is rendered."""

import math
from typing import Final

from msgspec import Struct

from tone_shootout.rendering.plan.rates import OUTPUT_RATE

BUDGET_BYTES: Final = 400_000_000
"""Most memory that a page may use for decoded sound. Browsers decode to 4 bytes a sample."""
PART_S: Final = 30
"""Duration of each sound file of a segment that is loaded in parts."""
FOLDER: Final = "listen"
"""Folder of the page's own files in a result."""

_SAMPLE_BYTES: Final = 4


class SoundFile(Struct, frozen=True, kw_only=True):
    """A file with the sound of a segment or of a part of it.

    Attributes:
        start: first sample in the segment.
        samples: number of samples.
        file: path relative to the result folder.
    """

    start: int
    samples: int
    file: str


class SegmentSound(Struct, frozen=True, kw_only=True):
    """Sound files of a segment, in order, and its peaks: minimum and maximum by column, 8 bits each, in base64."""

    files: tuple[SoundFile, ...]
    peaks: str = ""


def sound_files(stem: str, samples: int, tones: int, channels: int = 1) -> tuple[SoundFile, ...]:
    """Return the sound files of a segment: one, or parts of 30 s where a DI track exceeds the memory of the page.

    Args:
        stem: name of the segment's file without folder and suffix.
        samples: length of the segment.
        tones: number of segments of its DI track.
        channels: channels of the segments, the most of all.
    """
    if fits(samples, tones, channels):
        return (SoundFile(start=0, samples=samples, file=f"{FOLDER}/{stem}.js"),)
    part = PART_S * OUTPUT_RATE
    return tuple(
        SoundFile(start=start, samples=min(part, samples - start), file=f"{FOLDER}/{stem}-{n:03d}.js")
        for n, start in enumerate(range(0, samples, part), 1)
    )


def fits(samples: int, tones: int, channels: int = 1) -> bool:
    """Return whether a page may decode all tones of a DI track as a whole."""
    return math.prod((samples, tones, channels, _SAMPLE_BYTES)) <= BUDGET_BYTES
