"""The equalizer that brings one segment of a job to another."""

import asyncio
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from tone_shootout.jobs.errors import NoMatchError, SegmentNotFoundError
from tone_shootout.rendering.matching import (
    RATE,
    MatchDifference,
    MatchPoint,
    curve_points,
    difference,
    eq_block,
    match_levels,
)
from tone_shootout.rendering.output.manifest import Manifest, SegmentRecord
from tone_shootout.rendering.spec.schema import EqBlock

if TYPE_CHECKING:
    from tone_shootout.audio.matching import Match

Levels = tuple[float, ...]
"""Levels of third octaves, dB."""


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
        MatchDifference,
        Meta(
            description="What the block leaves of it, computed from the levels of third octaves. Rendered, about 0.4 "
            "dB RMS more is left, because notes fill bands unevenly."
        ),
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
    return await asyncio.to_thread(_match_read, target, source, *_both_levels(manifest, target, source))


async def match_response(manifest: Manifest, target: int, source: int) -> bytes:
    """Return the same equalizer as an impulse response: a mono WAV at 48 kHz, 32-bit float.

    Args:
        manifest: as in `match_read`.
        target: as in `match_read`.
        source: as in `match_read`.

    Raises:
        SegmentNotFoundError: as in `match_read`.
        NoMatchError: as in `match_read`.
    """
    return await asyncio.to_thread(_response, *_both_levels(manifest, target, source))


def _response(target_db: Levels, source_db: Levels) -> bytes:
    from tone_shootout.audio.matching import minimum_phase  # here: it loads NumPy, which no other request needs
    from tone_shootout.audio.wav import float_wav_bytes

    return float_wav_bytes(minimum_phase(_match(target_db, source_db).curve_db, RATE), RATE)


def _match(target_db: Levels, source_db: Levels) -> "Match":
    from tone_shootout.audio.signals import AudioError

    try:
        return match_levels(target_db, source_db)
    except AudioError as error:
        raise NoMatchError(error.detail) from None


def _match_read(target: int, source: int, target_db: Levels, source_db: Levels) -> MatchRead:
    match = _match(target_db, source_db)
    return MatchRead(
        target=target,
        source=source,
        gain_db=round(match.gain_db, 2) + 0.0,
        curve=curve_points(match),
        eq=eq_block(match),
        before=difference(match.before_db, match.matched),
        after=difference(match.after_bands_db, match.matched),
    )


def _both_levels(manifest: Manifest, target: int, source: int) -> tuple[Levels, Levels]:
    return _levels(manifest, target), _levels(manifest, source)


def _levels(manifest: Manifest, position: int) -> Levels:
    found: SegmentRecord | None = next((each for each in manifest.segments if each.position == position), None)
    if found is None:
        raise SegmentNotFoundError(position, len(manifest.segments))
    if found.metrics is None:
        raise NoMatchError(f"the manifest has no third octaves of segment {position}")
    return found.metrics.third_octaves_db
