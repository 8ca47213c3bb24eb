"""Slices of DI tracks in samples, and the sample rate of results."""

from typing import Final

from tone_shootout.rendering.media_info import DiTrackInfo
from tone_shootout.rendering.spec.schema import DiTrack

OUTPUT_RATE: Final = 48_000
"""Sample rate of all results, Hz."""

AB_ROUND_S: Final = 4.0
"""Shortest performance within which the tone changes in the video: two turns of 2 s."""


def resampled(samples: int, from_rate: int, to_rate: int) -> int:
    """Return the length of the output of `audio.resample` for `samples` samples."""
    return -(-samples * to_rate // from_rate)


def slice_of(track: DiTrack, di: DiTrackInfo) -> tuple[int, int]:
    """Return start and end (exclusive) of a DI track's slice, in samples at the DI track's rate."""
    start = round(track.start_s * di.sample_rate_hz)
    return start, di.samples if track.end_s is None else round(track.end_s * di.sample_rate_hz)
