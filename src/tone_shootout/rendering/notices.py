"""What a spec's author should know before comparing or publishing; nothing here stops a rendering."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from tone_shootout.rendering.media_info import MediaInfo
from tone_shootout.rendering.plan.calibration import uneven_drives
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock, Spec

UNEVEN: Final = "uneven_calibration"
"""Some chains are calibrated to the DI tracks and others are not."""

WARNINGS: Final = frozenset({UNEVEN})
"""Codes of what makes a comparison unfair, which a command line calls a warning."""


class Notice(Struct, frozen=True, kw_only=True):
    """Something to know before comparing or publishing; nothing that stops a rendering.

    Attributes:
        code: stable, for programs.
        pointer: JSON pointer into the spec.
        detail: one sentence for people.
    """

    code: str
    pointer: str
    detail: str


def spec_notices(spec: Spec, facts: Mapping[str, MediaInfo]) -> Iterator[Notice]:
    """Yield what is to be said about a spec once it is known what its files are.

    Args:
        spec: the shootout.
        facts: what is known of its files, by the spec's `file`; files that are missing here are left out.
    """
    yield from _file_notices(spec, facts)
    for pointer, detail in uneven_drives(spec, facts):
        yield Notice(code=UNEVEN, pointer=pointer, detail=detail)


def _file_notices(spec: Spec, facts: Mapping[str, MediaInfo]) -> Iterator[Notice]:
    """Yield the notices of the files, once a file, each with the place where the file is used first."""
    named: set[str] = set()
    one_sided = {track.file for track in spec.di_tracks if track.channel in ("left", "right")}
    one_sided -= {track.file for track in spec.di_tracks if track.channel not in ("left", "right")}
    for pointer, name, file in _uses(spec):
        found = facts.get(file)
        if found is None or file in named:
            continue
        named.add(file)
        for notice in found.notices:
            if notice.code == "sides_cancel" and file in one_sided:
                continue
            yield Notice(code=notice.code, pointer=pointer, detail=f"{name}: {notice.detail}")


def _uses(spec: Spec) -> Iterator[tuple[str, str, str]]:
    """Yield the pointer, the name for people and the `file` of everything that takes part and has one."""
    for index, track in enumerate(spec.di_tracks):
        yield f"/di_tracks/{index}", f"DI track “{track.name}”", track.file
    for index, chain in enumerate(spec.chains):
        for place, block in enumerate(chain.blocks):
            if isinstance(block, CaptureBlock | CabIrBlock) and not block.bypass:
                what = "capture" if isinstance(block, CaptureBlock) else "cab IR"
                yield f"/chains/{index}/blocks/{place}", f"Chain “{chain.name}”, {what}", block.file
