"""The manifest: machine-readable record of a finished shootout.

It holds what is needed to make the same samples again on another machine, hashes of everything that went in and came
out, and no dates, so that the same shootout gives the same manifest.
"""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import PurePath
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from tone_shootout.rendering.executor.tasks import Measured
from tone_shootout.rendering.media_info import CaptureInfo, DiTrackInfo, MediaInfo
from tone_shootout.rendering.metrics import Behavior, Difference, Encoded, Latency, Metrics, Pair
from tone_shootout.rendering.notices import Notice
from tone_shootout.rendering.output.credits import Credit
from tone_shootout.rendering.plan.keys import libraries
from tone_shootout.rendering.spec.schema import ONE_LINE, CabIrBlock, CaptureBlock, Chain, Name, Spec
from tone_shootout.rendering.video.palette import one_line

Line = Annotated[str, Meta(min_length=1, max_length=1024, pattern=ONE_LINE)]


class LevelRecord(Struct, frozen=True, kw_only=True):
    """The level match: T = min(requested, min over segments of (L + ceiling − P − trim)).

    Attributes:
        requested: LUFS, as asked for.
        target: LUFS, the common loudness.
        ceiling: dBTP.
        limited_by: position of the segment that held the target below what was requested, null where none did.
    """

    requested: float
    target: float
    ceiling: float
    limited_by: int | None = None


class Input(Struct, frozen=True, kw_only=True):
    """A file that went in.

    Attributes:
        name: what the `spec` of this manifest calls it; unique among the inputs.
        kind: what it is.
        sha256: of its content.
        bytes: its size.
        credit: whose work it is, and on which terms, where that is known.
    """

    name: Line
    kind: Literal["di_track", "capture", "cab_ir"]
    sha256: str
    bytes: int
    credit: Credit | None = None


class SegmentRecord(Struct, frozen=True, kw_only=True):
    """One DI track through one chain.

    Attributes:
        position: from 1.
        di_track: name.
        chain: name.
        render_key: content hash of everything that shapes the samples.
        file: relative to the result folder.
        sha256: of the file.
        start_ms: when it starts in the video.
        end_ms: when it ends there.
        sample_rate: Hz.
        samples: how many.
        measured: of the file, after the level match.
        loudness_before_lufs: L of the level match.
        true_peak_before_dbtp: P of the level match.
        gain_db: target − L + trim.
        trim_db: the chain's deliberate offset.
        calibration: how the drive into the first capture was set, for people.
        drive_db: gain in front of the first capture that calibrates it, where both levels are known.
        cache_hit: whether the samples had been rendered before.
        inferences: how many captures ran for it; none for a hit, or where the sound behind its captures was there.
        latency: of the chain, by a probe.
        metrics: of the file, how it sounds and moves.
        notes: what to know before comparing, for people.
    """

    position: int
    di_track: Name
    chain: Name
    render_key: str
    file: str
    sha256: str
    start_ms: int
    end_ms: int
    sample_rate: int
    samples: int
    measured: Measured
    loudness_before_lufs: float
    true_peak_before_dbtp: float
    gain_db: float
    trim_db: float
    calibration: str
    cache_hit: bool
    inferences: int = 0
    latency: Latency | None = None
    metrics: Metrics | None = None
    drive_db: float | None = None
    notes: tuple[str, ...] = ()


class CaptureRecord(Struct, frozen=True, kw_only=True):
    """A capture by itself, at one size.

    Attributes:
        name: among the inputs.
        sha256: of the file.
        size: of a slimmable capture; null: full.
        latency: at the capture's own rate.
        behaviour: drive curve, noise and aliasing; null where its output for the test tones is not finite.
    """

    name: str
    sha256: str
    size: float | None
    latency: Latency
    behaviour: Behavior | None


class FileRecord(Struct, frozen=True, kw_only=True):
    """A file of the result folder."""

    path: str
    sha256: str
    bytes: int


class Manifest(Struct, frozen=True, kw_only=True):
    """The whole record; `spec` is the shootout's, with the inputs' names where files stood.

    `credits` are lines to be published with the result, `notices` what to know before comparing or publishing.
    `captures`, `comparisons` (every two segments of a DI track) and `difference` (a matrix per DI track) are defined in
    `docs/measures.md`. `video` is null where none was made. Every field is always written.
    """

    schema: Annotated[int, Meta(ge=1)] = 1
    title: str
    engine: Line
    versions: dict[Line, Line]
    level: LevelRecord
    inputs: tuple[Input, ...]
    spec: Spec
    credits: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    segments: tuple[SegmentRecord, ...]
    captures: tuple[CaptureRecord, ...] = ()
    comparisons: tuple[Pair, ...] = ()
    difference: tuple[Difference, ...] = ()
    video: Encoded | None = None
    files: tuple[FileRecord, ...]


def encode_manifest(manifest: Manifest) -> bytes:
    """Encode a manifest as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode_manifest(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return msgspec.json.decode(data, type=Manifest)


def versions() -> dict[str, str]:
    """Return the versions of everything that takes part in a segment's samples."""
    return {"python": platform.python_version(), "tone-shootout": version("tone-shootout"), **libraries()}


def name_inputs(
    media_info: Mapping[str, MediaInfo],
    names: Mapping[str, str],
    credited: Mapping[str, Credit],
) -> dict[str, Input]:
    """Describe a plan's files, by the spec's `file`; never by where they lie.

    Args:
        media_info: by the spec's `file`.
        names: other names for some of them.
        credited: whose work some of them are.
    """
    kinds: dict[type[MediaInfo], Literal["di_track", "capture"]] = {DiTrackInfo: "di_track", CaptureInfo: "capture"}
    taken: set[str] = set()
    inputs = {}
    for file, found in media_info.items():
        # A name that somebody gave may have a slash in it; of a path only the last part is shown.
        given = names.get(file)
        wanted = one_line(PurePath(file).name if given is None else given).strip() or "input"
        ending = PurePath(wanted).suffix if given is None else ""
        name, copy = wanted, 1
        while name in taken:
            copy += 1
            name = f"{wanted.removesuffix(ending)} ({copy}){ending}"
        taken.add(name)
        inputs[file] = Input(
            name=name,
            kind=kinds.get(type(found), "cab_ir"),
            sha256=found.sha256,
            bytes=found.bytes,
            credit=credited.get(file),
        )
    return inputs


def with_names(spec: Spec, inputs: Mapping[str, Input]) -> Spec:
    """Return a spec with the inputs' names where files stand."""

    def chain_with_names(chain: Chain) -> Chain:
        blocks = tuple(
            msgspec.structs.replace(block, file=inputs[block.file].name)
            if isinstance(block, CaptureBlock | CabIrBlock)
            else block
            for block in chain.blocks
        )
        return msgspec.structs.replace(chain, blocks=blocks)

    tracks = tuple(msgspec.structs.replace(track, file=inputs[track.file].name) for track in spec.di_tracks)
    return msgspec.structs.replace(
        spec, di_tracks=tracks, chains=tuple(chain_with_names(chain) for chain in spec.chains)
    )
