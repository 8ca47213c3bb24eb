"""Calibration gain before the first capture of a chain, if DI track and capture state their levels."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tone_shootout.rendering.media_info import CaptureInfo, MediaInfo
from tone_shootout.rendering.spec.leaves import first_captures
from tone_shootout.rendering.spec.pointers import Place, chain_pointer, di_track_pointer
from tone_shootout.rendering.spec.schema import CaptureBlock, Chain, DiTrack, Spec

_NAMED: Final = 3
"""Largest number of chains that a sentence names; the others are counted."""


def calibrate(track: DiTrack, chain: Chain, media_info: Mapping[str, MediaInfo]) -> tuple[Mapping[Place, float], str]:
    """Return the calibration gains of a chain and a sentence that describes them.

    0 dBFS is `calibration_dbu` at the DI track's interface and the input level at the capture; the gain is their
    difference.

    Args:
        track: the DI track.
        chain: the chain.
        media_info: media info of the files, by the spec's `file`.

    Returns:
        Gain before the first capture in dB, by its place, nothing if a level is unknown; and a description. In a split
        each path has a first capture of its own.
    """
    first = first_captures(chain)
    if not first:
        return {}, "unchanged: the chain has no capture"
    if track.calibration_dbu is None:
        return {}, "unchanged: the DI track's calibration is not stated"
    drives: dict[Place, float] = {}
    words: dict[Place, str] = {}
    for place, block in first:
        level = _level(block, media_info)
        if level is None:
            words[place] = "unchanged: the capture does not state its input level"
        else:
            drives[place] = track.calibration_dbu - level
            stated = f"DI track {track.calibration_dbu:g} dBu, capture {level:g} dBu"
            words[place] = f"{drives[place]:+.2f} dB: {stated}"
    if len(first) == 1:
        return drives, words[first[0][0]]
    return drives, "; ".join(f"path {place[1] + 1}: {text}" for place, text in words.items())


def uneven_drives(spec: Spec, media_info: Mapping[str, MediaInfo]) -> Iterator[tuple[str, str]]:
    """Yield a pointer and a sentence if some chains are calibrated to the DI tracks and others can't be.

    Args:
        spec: the spec.
        media_info: media info of its files, by the spec's `file`; captures without it are skipped.
    """
    if all(track.calibration_dbu is None for track in spec.di_tracks):
        return
    calibrated: list[str] = []
    others: list[tuple[int, str]] = []
    for index, chain in enumerate(spec.chains):
        first = _known(chain, media_info)
        if not first:
            continue
        if any(_level(block, media_info) is None for block in first):
            others.append((index, chain.name))
        else:
            calibrated.append(chain.name)
    if calibrated and others:
        which = _names([name for _, name in others])
        detail = (
            f"The input of {_names(calibrated)} is calibrated, that of {which} is not, because the capture does not "
            "state its input level: the drives are not comparable. Leave `calibration_dbu` out so that no chain is "
            "calibrated, or set `input_gain_db` on the captures without a level."
        )
        yield chain_pointer(others[0][0]), detail


def one_sided_levels(spec: Spec, media_info: Mapping[str, MediaInfo]) -> Iterator[tuple[str, str]]:
    """Yield pointers and sentences if DI tracks state their level and no capture does, or the reverse.

    Args:
        spec: the spec.
        media_info: media info of its files, by the spec's `file`; captures without it are skipped.
    """
    stated, chains = [], 0
    for chain in spec.chains:
        first = _known(chain, media_info)
        chains += bool(first)
        if any(_level(block, media_info) is not None for block in first):
            stated.append(chain.name)
    calibrated = [track.name for track in spec.di_tracks if track.calibration_dbu is not None]
    missing = [(index, track.name) for index, track in enumerate(spec.di_tracks) if track.calibration_dbu is None]
    if chains and calibrated and not stated:
        index = next(index for index, track in enumerate(spec.di_tracks) if track.calibration_dbu is not None)
        detail = (
            f"The DI track {_names(calibrated)} states its level, but no capture states its own: none is calibrated. "
            "Use captures that state `input_level_dbu`, or leave `calibration_dbu` out."
        )
        yield di_track_pointer(index, "calibration_dbu"), detail
    elif stated and missing:
        others = f", as {_names(calibrated)} does" if calibrated else ""
        detail = (
            f"The capture of {_names(stated)} states its input level, but the DI track "
            f"{_names([name for _, name in missing])} does not state its own{others}: it is not calibrated. Set "
            "`calibration_dbu` to the level of the interface, dBu at 0 dBFS."
        )
        yield di_track_pointer(missing[0][0], "calibration_dbu"), detail


def _known(chain: Chain, media_info: Mapping[str, MediaInfo]) -> list[CaptureBlock]:
    """Return the first captures of a chain that are read already; one to download is not."""
    return [
        block
        for _, block in first_captures(chain)
        if isinstance(found := media_info.get(block.file), CaptureInfo) and found.architecture != "unknown"
    ]


def _level(block: CaptureBlock, media_info: Mapping[str, MediaInfo]) -> float | None:
    found = media_info[block.file]
    return found.level_at(block.size) if isinstance(found, CaptureInfo) else None


def _names(chains: Sequence[str]) -> str:
    named = ", ".join(f"“{name}”" for name in chains[:_NAMED])
    more = len(chains) - _NAMED
    return f"{named} and {more} more" if more > 0 else named
