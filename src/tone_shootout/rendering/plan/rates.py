"""Where a DI track is cut, and at which sample rate each block of a chain runs."""

from collections.abc import Iterator, Mapping
from typing import Final

from tone_shootout.rendering.media_info import CaptureInfo, DiTrackInfo, MediaInfo
from tone_shootout.rendering.spec.schema import Block, CaptureBlock, Chain, DiTrack

OUTPUT_RATE: Final = 48_000
"""Sample rate of all results, Hz."""


def resampled(samples: int, from_rate: int, to_rate: int) -> int:
    """Return how many samples `audio.resample` makes of `samples` ones."""
    return -(-samples * to_rate // from_rate)


def slice_of(track: DiTrack, di: DiTrackInfo) -> tuple[int, int]:
    """Return the first and last sample (exclusive) of a DI track's slice, at the DI's own rate."""
    start = round(track.start_s * di.rate)
    return start, di.samples if track.end_s is None else round(track.end_s * di.rate)


def running_rates(chain: Chain, media_info: Mapping[str, MediaInfo]) -> Iterator[tuple[int, Block, int]]:
    """Yield index, block and sample rate in Hz of each block that takes part.

    A chain runs at the rate of its first capture, and from another capture on at that one's; without any at
    `OUTPUT_RATE`.
    """
    blocks = [(index, block) for index, block in enumerate(chain.blocks) if not block.bypass]
    rates = {
        index: found.sample_rate
        for index, block in blocks
        if isinstance(block, CaptureBlock) and isinstance(found := media_info.get(block.file), CaptureInfo)
    }
    rate = next(iter(rates.values()), OUTPUT_RATE)
    for index, block in blocks:
        rate = rates.get(index, rate)
        yield index, block, rate
