"""Notices about a spec: advice for its author that does not prevent rendering."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from tone_shootout.audio.constants import DUAL_MONO_DB
from tone_shootout.audio.notices import FileNotice
from tone_shootout.rendering import fonts
from tone_shootout.rendering.media_info import CaptureInfo, MediaInfo
from tone_shootout.rendering.plan.calibration import one_sided_levels, uneven_drives
from tone_shootout.rendering.plan.routes import nodes_of
from tone_shootout.rendering.spec.grammar import part_of
from tone_shootout.rendering.spec.leaves import leaves, with_files
from tone_shootout.rendering.spec.pointers import Place, block_pointer, chain_pointer, di_track_pointer, place_in_words
from tone_shootout.rendering.spec.schema import Band, Block, CabIrBlock, CaptureBlock, Chain, EqBlock, Spec, SplitBlock

UNEVEN: Final = "uneven_calibration"
"""Code of the notice that some chains are calibrated to the DI tracks and others are not."""

WARNINGS: Final = frozenset({UNEVEN, "identical_chains", "implausible_filter", "repeated_name"})
"""Codes of notices about unfair or meaningless comparisons; the command line shows them as warnings."""

FOR_THE_AUTHOR: Final = frozenset(
    {"gear_not_stated", "one_sided_calibration", "repeated_name", "implausible_filter", "missing_glyphs"}
)
"""Codes of notices that help to write a spec; the description of the video leaves them out."""

LOWEST_HZ: Final = 20.0
HIGHEST_HZ: Final = 20_000.0
"""Range of hearing."""


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
    for pointer, detail in one_sided_levels(spec, media_info):
        yield Notice(code="one_sided_calibration", pointer=pointer, detail=detail)
    yield from _gear_notices(spec, media_info)
    yield from _repeated_names(spec)
    yield from _identical_chains(spec, media_info)
    yield from _channel_notices(spec, media_info)
    yield from _filter_notices(spec)
    yield from _text_notices(spec)


def located(notices: Iterable[Notice], pointer: Callable[[str], str]) -> tuple[Notice, ...]:
    """Return notices of a spec as notices of the document that it was expanded from, one for each code and place.

    Args:
        notices: notices of the spec.
        pointer: turns a pointer into the spec into one into the document.
    """
    found: dict[tuple[str, str], Notice] = {}
    for notice in notices:
        place = pointer(notice.pointer)
        found.setdefault((notice.code, place), msgspec.structs.replace(notice, pointer=place))
    return tuple(found.values())


def gear_notice(info: CaptureInfo, *, size: float | None = None, stated: str | None = None) -> FileNotice | None:
    """Return a notice about a capture whose gear is not known, None if it is known.

    Args:
        info: media info of the capture.
        size: size of a slimmable capture; None: full size.
        stated: gear type in the block.
    """
    known = (stated, info.catalog_gear, info.gear_at(size))
    if info.architecture == "unknown" or part_of(*known) != "unknown":  # an unknown one is not yet imported
        return None
    found = next((f"states the unknown gear “{gear}”" for gear in known if gear), "does not state its gear")
    return FileNotice(
        "gear_not_stated",
        f"the file {found}, so that a missing or a second cabinet can't be noticed. "
        'Write gear = "amp" into its block, or "amp_cab" if the capture includes a cabinet, or "pedal".',
    )


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
        for place, block, bypass in leaves(chain):
            if isinstance(block, CaptureBlock | CabIrBlock) and not bypass:
                what = "capture" if isinstance(block, CaptureBlock) else "cab IR"
                yield block_pointer(index, place), f"Chain “{chain.name}”, {what}", block.file


def _gear_notices(spec: Spec, media_info: Mapping[str, MediaInfo]) -> Iterator[Notice]:
    """Yield a notice for each capture of unknown gear, with the pointer to its first use."""
    reported: set[str] = set()
    for index, place, block in _active_captures(spec):
        found = media_info.get(block.file)
        if not isinstance(found, CaptureInfo) or block.file in reported:
            continue
        notice = gear_notice(found, size=block.size, stated=block.gear)
        if notice is not None:
            reported.add(block.file)
            name = f"Chain “{spec.chains[index].name}”, capture"
            pointer = block_pointer(index, place)
            yield Notice(code=notice.code, pointer=pointer, detail=f"{name}: {notice.detail}")


def _active_captures(spec: Spec) -> Iterator[tuple[int, Place, CaptureBlock]]:
    for index, chain in enumerate(spec.chains):
        for place, block, bypass in leaves(chain):
            if isinstance(block, CaptureBlock) and not bypass:
                yield index, place, block


def _repeated_names(spec: Spec) -> Iterator[Notice]:
    """Yield a notice for each DI track and chain whose name an earlier one has."""
    for what, names, pointer in (
        ("DI track", [track.name for track in spec.di_tracks], di_track_pointer),
        ("chain", [chain.name for chain in spec.chains], chain_pointer),
    ):
        for index, name in enumerate(names):
            first = names.index(name)
            if first < index:
                detail = (
                    f"The {what}s {first + 1} and {index + 1} are both named “{name}”: give each a name of its own."
                )
                yield Notice(code="repeated_name", pointer=pointer(index, "name"), detail=detail)


def _identical_chains(spec: Spec, media_info: Mapping[str, MediaInfo]) -> Iterator[Notice]:
    """Yield a notice for each chain that sounds exactly like an earlier one."""
    first: dict[tuple[object, ...], int] = {}
    for index, chain in enumerate(spec.chains):
        earlier = first.setdefault(_sound(chain, media_info), index)
        if earlier != index:
            names = f"“{spec.chains[earlier].name}” and “{chain.name}”"
            detail = f"The chains {earlier + 1} and {index + 1}, {names}, are identical: they have the same blocks."
            yield Notice(code="identical_chains", pointer=chain_pointer(index), detail=detail)


def _sound(chain: Chain, media_info: Mapping[str, MediaInfo]) -> tuple[object, ...]:
    """Return what shapes the sound of a chain, with the hashes of its files."""

    def content(file: str) -> str:
        info = media_info.get(file)
        return file if info is None else info.sha256

    def described(block: Block) -> object:
        if isinstance(block, SplitBlock):
            paths = (
                msgspec.structs.replace(path, blocks=tuple(inner for inner in path.blocks if not inner.bypass))
                for path in block.paths
            )
            return tuple((msgspec.structs.replace(path, blocks=()), *map(described, path.blocks)) for path in paths)
        return msgspec.structs.replace(block, gear=None) if isinstance(block, CaptureBlock) else block

    active = (block for block in with_files(chain, content).blocks if not block.bypass)
    return chain.trim_db, chain.input_gain_db, *map(described, active)


def _channel_notices(spec: Spec, media_info: Mapping[str, MediaInfo]) -> Iterator[Notice]:
    """Yield a notice if some chains are stereo and others are mono, with a pointer to the first mono one."""
    nodes = [nodes_of(chain, media_info) for chain in spec.chains]
    mono = [index for index, found in enumerate(nodes) if not found or found[-1].channels == 1]
    if mono and len(mono) < len(nodes):
        names = ", ".join(f"“{spec.chains[index].name}”" for index in mono)
        detail = (
            f"Some chains are stereo, {names} mono. All files have one loudness by BS.1770, for mono that of one "
            f"channel: two speakers play it {-DUAL_MONO_DB:.0f} LU louder. The video, the listening page and listening "
            "tests lower it by as much; a player of the files does not."
        )
        yield Notice(code="mono_and_stereo", pointer=chain_pointer(mono[0]), detail=detail)


def _filter_notices(spec: Spec) -> Iterator[Notice]:
    """Yield a notice for each filter that changes nothing that can be heard, or leaves nothing that can be heard."""
    for index, chain in enumerate(spec.chains):
        for position, block, bypass in leaves(chain):
            if bypass:
                continue
            place = f"Chain “{chain.name}”, {place_in_words(position)}"
            if isinstance(block, EqBlock):
                for number, problem in _band_problems(block.bands):
                    pointer = block_pointer(index, position, f"bands/{number}/frequency_hz")
                    detail = f"{place}, band {number + 1}: {problem}"
                    yield Notice(code="implausible_filter", pointer=pointer, detail=detail)
            elif isinstance(block, CabIrBlock) and _cross(block):
                pointer = block_pointer(index, position, "high_cut_hz")
                detail = (
                    f"{place}: the high cut at {block.high_cut_hz:g} Hz is not above the low cut at "
                    f"{block.low_cut_hz:g} Hz, so that little of the sound is left. Were they swapped?"
                )
                yield Notice(code="implausible_filter", pointer=pointer, detail=detail)


def _text_notices(spec: Spec) -> Iterator[Notice]:
    """Yield a notice for each name that the fonts of this machine can't draw."""
    names = [("/title", spec.title)]
    names += [(di_track_pointer(index, "name"), track.name) for index, track in enumerate(spec.di_tracks)]
    names += [(chain_pointer(index, "name"), chain.name) for index, chain in enumerate(spec.chains)]
    for pointer, name in names:
        for found in fonts.missing(name):
            detail = (
                f"“{name}”: no font on this machine has its {found.script} characters, so that pictures and the video "
                f"show boxes. Install a font with them, for instance of the package {found.package}."
            )
            yield Notice(code="missing_glyphs", pointer=pointer, detail=detail)
        if fonts.writes_right_to_left(name) and not fonts.can_shape():
            detail = (
                f"“{name}”: its letters are drawn unjoined and from left to right, because the library FriBiDi is "
                "missing. Install the package libfribidi0."
            )
            yield Notice(code="missing_glyphs", pointer=pointer, detail=detail)


def _cross(block: CabIrBlock) -> bool:
    return block.low_cut_hz is not None and block.high_cut_hz is not None and block.high_cut_hz <= block.low_cut_hz


def _band_problems(bands: Sequence[Band]) -> Iterator[tuple[int, str]]:
    for number, band in enumerate(bands):
        low, high = band.frequency_hz < LOWEST_HZ, band.frequency_hz > HIGHEST_HZ
        what, hz = band.type.replace("_", " "), f"{band.frequency_hz:g} Hz"
        if (low and band.type == "lowpass") or (high and band.type == "highpass"):
            effect = "leaves nothing that can be heard"
        elif (low and band.type in ("peak", "low_shelf")) or (high and band.type in ("peak", "high_shelf")):
            effect = "changes nothing that can be heard"
        else:
            continue
        meant = f" Is {band.frequency_hz * 1000:g} Hz meant?" if low else ""
        yield number, f"a {what} at {hz} {effect}, 20 Hz to 20 kHz.{meant}"
