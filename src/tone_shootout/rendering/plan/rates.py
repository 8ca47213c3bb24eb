"""Slices of DI tracks in samples, and the sample rate of each block of a chain."""

from collections.abc import Iterator, Mapping
from typing import Final

from tone_shootout.rendering.media_info import CaptureInfo, DiTrackInfo, MediaInfo
from tone_shootout.rendering.spec.schema import Block, CaptureBlock, Chain, DiTrack

OUTPUT_RATE: Final = 48_000
"""Sample rate of all results, Hz."""


def resampled(samples: int, from_rate: int, to_rate: int) -> int:
    """Return the length of the output of `audio.resample` for `samples` samples."""
    return -(-samples * to_rate // from_rate)


def slice_of(track: DiTrack, di: DiTrackInfo) -> tuple[int, int]:
    """Return start and end (exclusive) of a DI track's slice, in samples at the DI track's rate."""
    start = round(track.start_s * di.sample_rate_hz)
    return start, di.samples if track.end_s is None else round(track.end_s * di.sample_rate_hz)


def running_rates(chain: Chain, media_info: Mapping[str, MediaInfo]) -> Iterator[tuple[int, Block, int]]:
    """Yield index, block and sample rate in Hz of each active block.

    A chain runs at the rate of its first capture, and from each later capture on at that capture's rate. A chain
    without captures runs at `OUTPUT_RATE`.
    """
    blocks = [(index, block) for index, block in enumerate(chain.blocks) if not block.bypass]
    rates = {
        index: found.sample_rate_hz
        for index, block in blocks
        if isinstance(block, CaptureBlock) and isinstance(found := media_info.get(block.file), CaptureInfo)
    }
    rate = next(iter(rates.values()), OUTPUT_RATE)
    for index, block in blocks:
        rate = rates.get(index, rate)
        yield index, block, rate
