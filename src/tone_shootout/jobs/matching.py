"""The equalizer that brings one segment of a job to another."""

import asyncio
from typing import Annotated

from msgspec import Meta, Struct

from tone_shootout.jobs.errors import NoMatchError, SegmentNotFoundError
from tone_shootout.rendering.matching import (
    MatchDifference,
    MatchPoint,
    curve_points,
    difference,
    eq_block,
    match_levels,
)
from tone_shootout.rendering.output.manifest import Manifest, SegmentRecord
from tone_shootout.rendering.spec.schema import EqBlock


class MatchRead(Struct, kw_only=True):
    """The equalizer that brings the third octaves of one segment to those of another."""

    target: Annotated[int, Meta(description="Position of the segment to sound like.", examples=[1])]
    source: Annotated[int, Meta(description="Position of the segment to equalize.", examples=[2])]
    gain_db: Annotated[
        float, Meta(description="Gain to add to the equalizer for the level of the target, dB.", examples=[0.4])
    ]
    curve: Annotated[tuple[MatchPoint, ...], Meta(description="Gain by third octave, 25 Hz to 20 kHz.")]
    eq: Annotated[EqBlock, Meta(description="The same as a block of a chain: at most 16 peak filters.")]
    before: Annotated[MatchDifference, Meta(description="Difference of the segments in the matched third octaves.")]
    after: Annotated[
        MatchDifference, Meta(description="What the block leaves of it, computed from the levels of third octaves.")
    ]


async def match_read(manifest: Manifest, target: int, source: int) -> MatchRead:
    """Return the equalizer that brings one segment to another.

    Args:
        manifest: manifest of the job.
        target: position of the segment to sound like.
        source: position of the segment to equalize.

    Raises:
        SegmentNotFoundError: the job has no such segment.
        NoMatchError: the manifest has no levels of a segment, or they have no third octave in common.
    """
    levels = [_levels(manifest, position) for position in (target, source)]
    return await asyncio.to_thread(_match, target, source, *levels)


def _match(target: int, source: int, target_db: tuple[float, ...], source_db: tuple[float, ...]) -> MatchRead:
    from tone_shootout.audio.signals import AudioError  # here: it loads NumPy, which no other request needs

    try:
        match = match_levels(target_db, source_db)
    except AudioError as error:
        raise NoMatchError(error.detail) from None
    return MatchRead(
        target=target,
        source=source,
        gain_db=round(match.gain_db, 2) + 0.0,
        curve=curve_points(match),
        eq=eq_block(match),
        before=difference(match.before_db, match.matched),
        after=difference(match.after_bands_db, match.matched),
    )


def _levels(manifest: Manifest, position: int) -> tuple[float, ...]:
    found: SegmentRecord | None = next((each for each in manifest.segments if each.position == position), None)
    if found is None:
        raise SegmentNotFoundError(position, len(manifest.segments))
    if found.metrics is None:
        raise NoMatchError(f"the manifest has no third octaves of segment {position}")
    return found.metrics.third_octaves_db
