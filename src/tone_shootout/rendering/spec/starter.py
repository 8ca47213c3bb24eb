"""Writes a commented spec from files: a start for authors."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import PurePath
from typing import Final, Generic, TypeVar

from tone_shootout.rendering.media_info import CabIrInfo, CaptureInfo, DiTrackInfo, MediaInfo, kind_of
from tone_shootout.rendering.spec.grammar import Part, part_of
from tone_shootout.rendering.spec.grid import JOINT

_HEAD: Final = """\
#:schema {schema}
# A shootout: every DI track through every chain, all at the same loudness.
# Text after # is a comment. To set an option such as #start_s, remove its #.
# `shootout schema` describes all blocks and options, `shootout check` shows errors and the time that rendering takes.

schema = 1
title = "Shootout"

[level]
target_lufs = -16.0  # loudness of all results
ceiling_dbtp = -1.0  # highest true peak; if a result would exceed it, all become quieter

[output]
plots = true
video = true

[video]
#blind = true  # letters in place of names, and the key at the end
#vertical = true  # 1080 x 1920 pixels

# DI tracks: dry recordings. `start_s` and `end_s` select a part.
"""
_GRID: Final = """
# A grid makes a chain of every combination, named after its parts. An entry is a path or a table with options, such as
# {{ file = "amp.nam", name = "Amp", input_gain_db = -3.0 }}.
# {count}
[grid]
"""
_EXTRA: Final = """\
  #{ type = "eq", bands = [{ type = "highpass", frequency_hz = 80.0 }] },
  #{ type = "reverb", reverb_type = "room", mix = 0.15 },
"""
_LONGEST_NAME: Final = 24
"""Length of a part's name: three fit into that of a chain."""
_NO_CAB: Final = "the amp's capture has no cabinet, and no cab IR was given"
_NO_AMP: Final = "there is no amp in this chain"
_UNSTATED: Final = "its file states no gear"
_GUESSED: Final = f'{_UNSTATED}, so it counts as an amp without a cabinet; else set gear = "amp_cab" or "pedal"'


Info = TypeVar("Info", bound=MediaInfo, covariant=True)


@dataclass(frozen=True, slots=True)
class StarterFile(Generic[Info]):
    """A file for a spec.

    Attributes:
        file: path, as the spec states it.
        info: its media info.
    """

    file: str
    info: Info


@dataclass(frozen=True, slots=True)
class _Files:
    """Files by their place in chains."""

    tracks: list[StarterFile[DiTrackInfo]] = field(default_factory=list)
    pedals: list[StarterFile[CaptureInfo]] = field(default_factory=list)
    amps: list[StarterFile[CaptureInfo]] = field(default_factory=list)
    rigs: list[StarterFile[CaptureInfo]] = field(default_factory=list)
    cab_captures: list[StarterFile[CaptureInfo]] = field(default_factory=list)
    cab_irs: list[StarterFile[CabIrInfo]] = field(default_factory=list)
    outboard: list[StarterFile[CaptureInfo]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Chain:
    files: tuple[StarterFile[MediaInfo], ...]
    allow: str = ""
    reason: str = ""
    common: tuple[StarterFile[MediaInfo], ...] = ()
    """Files that end every chain, so that they are not part of its name."""


def starter_spec(files: Sequence[StarterFile[MediaInfo]], *, schema: str) -> str:
    """Return a spec that compares files, as TOML with comments.

    Amps play through every cab IR, after every pedal. Captures that include their cabinet need none, and outboard gear
    ends every chain.

    Args:
        files: files, at least one DI track and one other file.
        schema: path or URL of the JSON schema, for editors.
    """
    sorted_files = _sort(files)
    names = _names(files)
    parts = [_HEAD.format(schema=schema), "\n".join(_track(each, names) for each in sorted_files.tracks)]
    if sorted_files.amps and sorted_files.cab_irs:
        parts.append(_grid(sorted_files, names))
    parts += [_chain(chain, names) for chain in _chains(sorted_files)]
    cabs: list[StarterFile[MediaInfo]] = [*sorted_files.cab_irs, *sorted_files.cab_captures]
    if cabs and sorted_files.rigs and not sorted_files.amps:
        unused = ", ".join(_text(each.file) for each in cabs)
        parts.append(f"\n# Not used, because the captures include their cabinets: {unused}\n")
    return "".join(parts)


def _sort(files: Sequence[StarterFile[MediaInfo]]) -> _Files:
    found = _Files()
    places: dict[Part, list[StarterFile[CaptureInfo]]] = {
        "pedal": found.pedals,
        "amp": found.amps,
        "unknown": found.amps,
        "amp_cab": found.rigs,
        "cab": found.cab_captures,
        "outboard": found.outboard,
    }
    for each in files:
        match each.info:
            case DiTrackInfo() as info:
                found.tracks.append(StarterFile(each.file, info))
            case CabIrInfo() as info:
                found.cab_irs.append(StarterFile(each.file, info))
            case CaptureInfo() as info:
                places[_part(each)].append(StarterFile(each.file, info))
    return found


def _part(file: StarterFile[MediaInfo]) -> Part:
    """Return the role of a file in the grammar of chains."""
    match file.info:
        case CaptureInfo() as info:
            return part_of(info.catalog_gear, info.gear_at(None))
        case CabIrInfo():
            return "cab"
    return "outboard"


def _names(files: Sequence[StarterFile[MediaInfo]]) -> dict[str, str]:
    """Return a name for each path: its stem, with its folder or a number if another file of its kind has that name."""
    names: dict[str, str] = {}
    taken: set[tuple[type[MediaInfo], str]] = set()
    for each in files:
        path, kind = PurePath(each.file), type(each.info)
        stem = _line(path.stem)
        candidates = [stem, _line(f"{path.parent.name} {path.stem}"), *(f"{stem[:20]} {n}" for n in range(2, 999))]
        names[each.file] = next(name for name in candidates if (kind, name) not in taken)
        taken.add((kind, names[each.file]))
    return names


def _line(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text).strip()
    return printable[:_LONGEST_NAME].strip() or "unnamed"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _track(track: StarterFile[DiTrackInfo], names: dict[str, str]) -> str:
    info = track.info
    end_s = math.floor(100.0 * min(info.duration_s, 30.0)) / 100.0
    cancels = 'channel = "left"  # its sides cancel each other\n' if info.cancels else ""
    return (
        f"[[di_tracks]]\nname = {_text(names[track.file])}\nfile = {_text(track.file)}"
        f"  # {info.duration_s:.1f} s\n{cancels}#start_s = 0.0\n#end_s = {end_s:g}\n"
        "#calibration_dbu = 12.2  # level of your interface: dBu at 0 dBFS\n"
    )


def _grid(files: _Files, names: dict[str, str]) -> str:
    lists: dict[str, Sequence[StarterFile[MediaInfo]]]
    lists = {"pedals": files.pedals, "captures": files.amps, "cab_irs": files.cab_irs}
    axes = {axis: entries for axis, entries in lists.items() if entries}
    total = math.prod(len(entries) for entries in axes.values())
    sizes = " × ".join(f"{len(entries)} {axis}" for axis, entries in axes.items())
    lines = [_GRID.format(count=f"{sizes}: {total} chain{'s' if total > 1 else ''}.")]
    for axis, entries in axes.items():
        lines.append(f"{axis} = [\n")
        lines += [_entry(entry, names) for entry in entries]
        lines.append("]\n")
    lines.append("# Blocks of each chain, in order.\ntemplate = [\n")
    if files.pedals:
        lines.append('  { type = "pedal" },\n')
    lines.append('  { type = "capture" },\n  { type = "cab_ir" },\n')
    lines += [f'  {{ type = "capture", file = {_text(each.file)} }},  # outboard gear\n' for each in files.outboard]
    return "".join([*lines, _EXTRA, "]\n"])


def _entry(entry: StarterFile[MediaInfo], names: dict[str, str]) -> str:
    comments, options = [], ""
    if isinstance(entry.info, CabIrInfo) and entry.info.stereo:
        options = ', channel = "left"'
        comments.append('its sides differ: "left", "right" or "mean"; without it, the chain is stereo')
    if _part(entry) == "unknown":
        comments.append(_GUESSED)
    comment = f"  # {'; '.join(comments)}" if comments else ""
    return f"  {{ file = {_text(entry.file)}, name = {_text(names[entry.file])}{options} }},{comment}\n"


def _chains(files: _Files) -> Iterator[_Chain]:
    """Yield the chains that the grid does not make."""
    before: list[tuple[StarterFile[MediaInfo], ...]] = [(pedal,) for pedal in files.pedals] or [()]
    after = tuple(files.outboard)

    def chain(*parts: StarterFile[MediaInfo], allow: str = "", reason: str = "") -> _Chain:
        return _Chain((*parts, *after), allow, reason, after)

    for pedal, amp in product(before, files.amps):
        for cab in files.cab_captures:
            yield chain(*pedal, amp, cab)
        if not (files.cab_irs or files.cab_captures):
            if _part(amp) == "amp":
                yield chain(*pedal, amp, allow="no_cab", reason=_NO_CAB)
            else:
                yield chain(*pedal, amp)
    for pedal, rig in product(before, files.rigs):
        yield chain(*pedal, rig)
    if files.amps or files.rigs:
        return
    ends: list[StarterFile[MediaInfo]] = [*files.cab_irs, *files.cab_captures]
    cabs: list[tuple[StarterFile[MediaInfo], ...]] = [(cab,) for cab in ends] or [()]
    if files.pedals or files.cab_irs or files.cab_captures:
        for pedal, last in product(before, cabs):
            yield chain(*pedal, *last, allow="no_amp", reason=_NO_AMP)
    else:
        for each in files.outboard:
            yield _Chain((each,), "no_amp", _NO_AMP)


def _chain(chain: _Chain, names: dict[str, str]) -> str:
    named = [each for each in chain.files if each not in chain.common] or chain.files
    name = JOINT.join(names[each.file] for each in named)
    lines = [f"\n[[chains]]\nname = {_text(name)}\n"]
    if chain.allow:
        lines.append(f"allow = [{_text(chain.allow)}]  # {chain.reason}\n")
    for each in chain.files:
        comment = ""
        if _part(each) == "unknown":
            comment = f"  # {_UNSTATED}: set gear if it is known"
        lines.append(f'[[chains.blocks]]\ntype = "{kind_of(each.info)}"\nfile = {_text(each.file)}{comment}\n')
        if isinstance(each.info, CabIrInfo):
            lines.append(
                'channel = "left"  # its sides differ; without it, the chain is stereo\n'
                if each.info.stereo
                else "#low_cut_hz = 70.0\n"
            )
        else:
            lines.append("#input_gain_db = 0.0\n")
    return "".join(lines)
