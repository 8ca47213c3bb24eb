"""Times of the segments in the video: one after the other, each starting at a multiple of 0.1 s.

At 30 frames per second, 0.1 s is three frames and 4,800 samples: sound and picture change at exactly the same time, and
every time is a whole number of milliseconds. The rest of the last 0.1 s of a segment is silence.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from tone_shootout.rendering.plan.planner import PlannedSegment
from tone_shootout.rendering.plan.rates import OUTPUT_RATE

FRAME_RATE: Final = 30
FRAME_SAMPLES: Final = OUTPUT_RATE // FRAME_RATE
_GRID_MS: Final = 100
_GRID_SAMPLES: Final = OUTPUT_RATE * _GRID_MS // 1000


class Slot(Struct, frozen=True):
    """Start and end of a segment in the video, ms, and the duration of its picture, frames."""

    start_ms: int
    end_ms: int
    frames: int


def timeline(segments: Sequence[PlannedSegment]) -> tuple[Slot, ...]:
    """Return the slots of segments in order."""
    slots = []
    start_ms = 0
    for segment in segments:
        tenths = -(-segment.samples // _GRID_SAMPLES)
        end_ms = start_ms + round(segment.samples * 1000 / OUTPUT_RATE)
        slots.append(Slot(start_ms, end_ms, tenths * _GRID_SAMPLES // FRAME_SAMPLES))
        start_ms += tenths * _GRID_MS
    return tuple(slots)


def clock(ms: int) -> str:
    """Format a time as YouTube does: `0:00`, `12:34`, `1:02:03`; whole seconds, rounded down."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
