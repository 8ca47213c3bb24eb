"""Times of the segments in the video: one after the other, each starting at a whole second.

YouTube reads chapters in whole seconds, so that `chapters.txt` names the exact start of each segment. A second is also
a whole number of frames and samples: sound and picture change at the same time. The rest of the last second of a
segment shows its card in silence; its FLAC file ends where the segment ends.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from tone_shootout.rendering.plan.planner import PlannedSegment
from tone_shootout.rendering.plan.rates import OUTPUT_RATE

FRAME_RATE: Final = 30
FRAME_SAMPLES: Final = OUTPUT_RATE // FRAME_RATE
TITLE_S: Final = 4
"""Duration of the title card, which comes before the first segment."""


class Slot(Struct, frozen=True):
    """Start and end of a segment's sound in the video, ms, and the duration of its picture, frames."""

    start_ms: int
    end_ms: int
    frames: int


def timeline(segments: Sequence[PlannedSegment]) -> tuple[Slot, ...]:
    """Return the slots of segments in order, the first after the title card."""
    slots = []
    start_ms = TITLE_S * 1000
    for segment in segments:
        seconds = -(-segment.samples // OUTPUT_RATE)
        end_ms = start_ms + round(segment.samples * 1000 / OUTPUT_RATE)
        slots.append(Slot(start_ms, end_ms, seconds * FRAME_RATE))
        start_ms += seconds * 1000
    return tuple(slots)


def clock(ms: int) -> str:
    """Format a time as YouTube does: `0:00`, `12:34`, `1:02:03`; whole seconds, rounded down."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
