"""The A/B round: a performance goes on while the tone changes, every two to five seconds, where a phrase begins."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from msgspec import Struct

from tone_shootout.rendering.plan.planner import PlannedSegment
from tone_shootout.rendering.plan.rates import AB_ROUND_S, OUTPUT_RATE
from tone_shootout.rendering.plan.timeline import FRAME_RATE, FRAME_SAMPLES

SHORTEST_S: Final = AB_ROUND_S / 2
LONGEST_S: Final = 5.0
"""Shortest and longest turn of a tone."""

HALF_FADE: Final = 1440
"""Half of a crossfade, samples: 30 ms, less than a frame. So each step that a crossfade of 60 ms makes is less than
-60 dBFS, whatever the sound: π/2 / 2880 of the difference between both tones, which is at most 1.78 at -1 dBTP."""

_LEAD: Final = OUTPUT_RATE // 100
"""Resolution of onsets."""
_USUAL_S: Final = 3.5
_TWICE_UP_TO: Final = 4
_GAP_STEP_S: Final = 0.1
"""Shorter differences between gaps are the player's timing."""


class Turn(Struct, frozen=True):
    """A turn of a tone: position of the segment, first frame within the performance, number of frames."""

    position: int
    first: int
    frames: int


def is_possible(segments: Sequence[PlannedSegment]) -> bool:
    """Return whether a DI track, given by its segments, has two tones and is long enough to change between them."""
    return len(segments) > 1 and segments[0].seconds >= AB_ROUND_S


def changes(onsets: Sequence[int], samples: int) -> tuple[int, ...]:
    """Choose the frames of a performance where the tone changes: just before notes, so that attacks stay whole.

    Of the notes two to five seconds after a change, the next change is at the one after the longest gap between notes,
    where a phrase is likely to begin; of equal ones at the one closest to 3.5 s. Without a note it is in the middle.

    Args:
        onsets: positions of the notes, samples at 48 kHz, ascending.
        samples: length of the performance, at least four seconds.

    Returns:
        Frames, ascending.
    """
    notes = [((onset - HALF_FADE - _LEAD) // FRAME_SAMPLES, onset - before) for before, onset in pairwise([0, *onsets])]
    shortest, longest, usual = (round(seconds * FRAME_RATE) for seconds in (SHORTEST_S, LONGEST_S, _USUAL_S))
    end = samples // FRAME_SAMPLES
    found = [0]
    while end - found[-1] >= 2 * shortest:
        first, last = found[-1] + shortest, min(found[-1] + longest, end - shortest)
        choices = [(frame, gap) for frame, gap in notes if first <= frame <= last]
        wanted = min(found[-1] + usual, last)
        found.append(max(choices, key=lambda each: (_steps(each[1]), -abs(each[0] - wanted)))[0] if choices else wanted)
    return tuple(found[1:])


def turns(positions: Sequence[int], cuts: Sequence[int], frames: int) -> tuple[Turn, ...]:
    """Arrange the turns of all tones: one or two for each.

    Up to four tones have two turns each, if need be in a repetition of the performance; more have one at least. A
    performance that is long enough for more than two of each is left after them.

    Args:
        positions: positions of the segments, in the order of their turns.
        cuts: frames where the tone changes, from `changes`.
        frames: length of the performance, frames.
    """
    phrases = list(pairwise([0, *cuts, frames]))
    count = len(positions)
    passes = -(-(2 * count if count <= _TWICE_UP_TO else count) // len(phrases))
    # Another tone for each phrase of a repetition.
    shift = len(phrases) % count == 0
    arranged = [
        Turn(positions[(number * (len(phrases) + shift) + phrase) % count], first, end - first)
        for number in range(passes)
        for phrase, (first, end) in enumerate(phrases)
    ]
    return tuple(arranged if passes > 1 else arranged[: 2 * count])


def _steps(gap: int) -> int:
    return round(gap / (_GAP_STEP_S * OUTPUT_RATE))
