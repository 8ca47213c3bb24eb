"""How hard a DI track drives the first capture of a chain, where both say which level 0 dBFS stands for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tone_shootout.rendering.media_info import CaptureInfo, MediaInfo
from tone_shootout.rendering.spec.schema import CaptureBlock, Chain, DiTrack, Spec

_NAMED: Final = 3
"""So many chains are named in a sentence; of the others it says how many there are."""


def calibrate(track: DiTrack, chain: Chain, facts: Mapping[str, MediaInfo]) -> tuple[float | None, str]:
    """Return the gain in front of the first capture in dB, None where a level is unknown, and a sentence about it.

    0 dBFS is `calibration_dbu` in the DI and the input level in the capture; the difference makes them meet.
    """
    first = _first(chain)
    if first is None:
        return None, "unchanged: the chain has no capture"
    if track.calibration_dbu is None:
        return None, "unchanged: the DI track's calibration is not stated"
    capture = facts[first.file]
    level = capture.level_at(first.size) if isinstance(capture, CaptureInfo) else None
    if level is None:
        return None, "unchanged: the capture does not state its input level"
    drive = track.calibration_dbu - level
    return drive, f"{drive:+.2f} dB: DI track {track.calibration_dbu:g} dBu, capture {level:g} dBu"


def uneven_drives(spec: Spec, facts: Mapping[str, MediaInfo]) -> Iterator[tuple[str, str]]:
    """Yield a pointer and a sentence where some chains are calibrated to the DI tracks and others can't be.

    Args:
        spec: the shootout.
        facts: what is known of its files; captures that are not known yet are left out.
    """
    if all(track.calibration_dbu is None for track in spec.di_tracks):
        return
    calibrated: list[str] = []
    others: list[tuple[int, str]] = []
    for index, chain in enumerate(spec.chains):
        first = _first(chain)
        found = None if first is None else facts.get(first.file)
        if first is None or not isinstance(found, CaptureInfo) or found.architecture == "unknown":
            continue
        if found.level_at(first.size) is None:
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
        yield f"/chains/{others[0][0]}", detail


def _first(chain: Chain) -> CaptureBlock | None:
    return next((block for block in chain.blocks if isinstance(block, CaptureBlock) and not block.bypass), None)


def _names(chains: Sequence[str]) -> str:
    named = ", ".join(f"“{name}”" for name in chains[:_NAMED])
    more = len(chains) - _NAMED
    return f"{named} and {more} more" if more > 0 else named
