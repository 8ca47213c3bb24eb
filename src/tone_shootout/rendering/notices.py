"""Notices about a spec: advice for its author that does not prevent rendering."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from tone_shootout.rendering.media_info import MediaInfo
from tone_shootout.rendering.plan.calibration import uneven_drives
from tone_shootout.rendering.spec.pointers import block_pointer, di_track_pointer
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock, Spec

UNEVEN: Final = "uneven_calibration"
"""Code of the notice that some chains are calibrated to the DI tracks and others are not."""

WARNINGS: Final = frozenset({UNEVEN})
"""Codes of notices about unfair comparisons; the command line shows them as warnings."""


class Notice(Struct, frozen=True, kw_only=True):
    """Advice for the author of a spec that does not prevent rendering.

    Attributes:
        code: stable identifier for programs.
        pointer: JSON pointer into the spec.
        detail: one sentence for people.
    """

    code: str
    pointer: str
    detail: str


def spec_notices(spec: Spec, media_info: Mapping[str, MediaInfo]) -> Iterator[Notice]:
    """Yield the notices of a spec.

    Args:
        spec: the spec.
        media_info: media info of its files, by the spec's `file`; other files are skipped.
    """
    yield from _file_notices(spec, media_info)
    for pointer, detail in uneven_drives(spec, media_info):
        yield Notice(code=UNEVEN, pointer=pointer, detail=detail)


def _file_notices(spec: Spec, media_info: Mapping[str, MediaInfo]) -> Iterator[Notice]:
    """Yield the notices of each file once, with the pointer to its first use."""
    reported: set[str] = set()
    one_sided = {track.file for track in spec.di_tracks if track.channel in ("left", "right")}
    one_sided -= {track.file for track in spec.di_tracks if track.channel not in ("left", "right")}
    for pointer, name, file in _uses(spec):
        found = media_info.get(file)
        if found is None or file in reported:
            continue
        reported.add(file)
        for notice in found.notices:
            if notice.code == "sides_cancel" and file in one_sided:
                continue
            yield Notice(code=notice.code, pointer=pointer, detail=f"{name}: {notice.detail}")


def _uses(spec: Spec) -> Iterator[tuple[str, str, str]]:
    """Yield pointer, display name and `file` of every DI track, capture and cab IR in use."""
    for index, track in enumerate(spec.di_tracks):
        yield di_track_pointer(index), f"DI track “{track.name}”", track.file
    for index, chain in enumerate(spec.chains):
        for position, block in enumerate(chain.blocks):
            if isinstance(block, CaptureBlock | CabIrBlock) and not block.bypass:
                what = "capture" if isinstance(block, CaptureBlock) else "cab IR"
                yield block_pointer(index, position), f"Chain “{chain.name}”, {what}", block.file
