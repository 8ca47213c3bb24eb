"""The manifest: machine-readable record of a finished shootout.

It holds everything needed to render the same samples on another machine, and the hashes of all inputs and files. It
holds no dates, so that the same shootout gives the same manifest.
"""

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import PurePath
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from tone_shootout.precision import rounded
from tone_shootout.rendering.executor.tasks import Measured
from tone_shootout.rendering.media_info import MediaInfo, kind_of
from tone_shootout.rendering.metrics import Behavior, Difference, Encoded, Latency, Metrics, Pair, SweepDistances
from tone_shootout.rendering.notices import Notice
from tone_shootout.rendering.output.credits import Credit
from tone_shootout.rendering.plan.keys import libraries
from tone_shootout.rendering.spec.leaves import with_files
from tone_shootout.rendering.spec.schema import ONE_LINE, Name, Spec
from tone_shootout.rendering.video.palette import one_line

Line = Annotated[str, Meta(min_length=1, max_length=1024, pattern=ONE_LINE)]


class LevelRecord(Struct, frozen=True, kw_only=True):
    """The level match: T = min(requested, min over segments of (L + ceiling − P − trim)).

    Attributes:
        requested_lufs: requested loudness, LUFS.
        target_lufs: common loudness, LUFS.
        ceiling_dbtp: highest true peak, dBTP.
        limiting_segment: position of the segment that limits the target to less than requested; null: none does.
    """

    requested_lufs: float
    target_lufs: float
    ceiling_dbtp: float
    limiting_segment: int | None = None


class Fades(Struct, frozen=True, kw_only=True):
    """Fades of slices where they are cut out of a recording, and of the ends of all segments.

    Attributes:
        length_ms: length of a fade, ms.
        shape: its shape.
    """

    length_ms: float
    shape: Literal["raised_cosine"] = "raised_cosine"


class Input(Struct, frozen=True, kw_only=True):
    """An input file.

    Attributes:
        name: name in the `spec` of this manifest; unique among the inputs.
        kind: kind of the file.
        sha256: hash of its content.
        size_bytes: size.
        credit: author and license; null: unknown.
    """

    name: Line
    kind: Literal["di_track", "capture", "cab_ir"]
    sha256: str
    size_bytes: int
    credit: Credit | None = None


class PathRecord(Struct, frozen=True, kw_only=True):
    """A path of a split, as it was summed.

    Attributes:
        align: whether its latency is to be compensated.
        latency: latency of its blocks, samples at 48 kHz; null: not measured, because no path is aligned.
        shift_samples: samples by which it was moved earlier, at the rate of the split.
    """

    align: bool
    latency: Latency | None
    shift_samples: int


class SplitRecord(Struct, frozen=True, kw_only=True):
    """A split of a chain: index of its block, rate at which its paths were summed (Hz), and the paths."""

    block: int
    sample_rate_hz: int
    paths: tuple[PathRecord, ...]


class SegmentRecord(Struct, frozen=True, kw_only=True):
    """One DI track through one chain.

    Attributes:
        position: position, from 1.
        di_track: name of the DI track.
        chain: name of the chain.
        render_key: hash of everything that shapes the samples.
        file: path relative to the result folder.
        sha256: hash of the file.
        start_ms: start in the video, ms: a whole second.
        end_ms: end of the sound in the video, ms; its card is shown up to the next whole second.
        sample_rate_hz: sample rate, Hz.
        samples: number of samples in each channel, with the tail.
        channels: 1, or 2 for a stereo segment.
        measured: levels of the file, after the level match.
        loudness_before_lufs: L of the level match.
        true_peak_before_dbtp: P of the level match.
        gain_db: target − L + trim, dB.
        trim_db: intended offset of the chain, dB.
        calibration: a sentence about the calibration gain before the first capture.
        drive_db: calibration gain before the first capture, dB; null: a level is unknown.
        cache_hit: whether the samples were cached.
        inferences: number of captures that ran; 0 if the samples or the outputs of the captures were cached.
        latency: latency of the file: that of the chain, measured with a probe signal, without `shift_samples` and with
            the polarity after `inverted`.
        metrics: spectrum and dynamics of the file.
        notes: sentences to know before comparing.
        tail_samples: samples after the end of the DI track.
        splits: the active splits of the chain.
        shift_samples: samples by which the file was moved earlier.
        inverted: whether the file was inverted, because its chain inverts.
        input_gain_db: gain of the chain before its first capture, dB: its level in a sweep.
    """

    position: int
    di_track: Name
    chain: Name
    render_key: str
    file: str
    sha256: str
    start_ms: int
    end_ms: int
    sample_rate_hz: int
    samples: int
    channels: int = 1
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
    tail_samples: int = 0
    splits: tuple[SplitRecord, ...] = ()
    shift_samples: int = 0
    inverted: bool = False
    input_gain_db: float = 0.0


class TurnRecord(Struct, frozen=True, kw_only=True):
    """A turn of a tone in the A/B round of the video, where the performance goes on while the tone changes.

    Attributes:
        position: position of the segment.
        start_ms: start in the video, ms, rounded: a whole frame, and the middle of the crossfade from the turn before.
        end_ms: end in the video, ms.
        segment_ms: place in the segment where it starts, ms.
    """

    position: int
    start_ms: int
    end_ms: int
    segment_ms: int


class CaptureRecord(Struct, frozen=True, kw_only=True):
    """A capture on its own, at one size.

    Attributes:
        name: name of the input.
        sha256: hash of the file.
        size: size of a slimmable capture; null: full.
        latency: latency at the capture's own rate.
        behavior: drive curve, noise and aliasing; null if its output for the test tones is not finite.
    """

    name: str
    sha256: str
    size: float | None
    latency: Latency
    behavior: Behavior | None


class FileRecord(Struct, frozen=True, kw_only=True):
    """A file of the result folder."""

    path: str
    sha256: str
    size_bytes: int


class Manifest(Struct, frozen=True, kw_only=True):
    """The complete record. `spec` is the shootout's spec with the inputs' names as files.

    `credits` are lines to publish with the result, `notices` are to be read before comparing or publishing.
    `docs/measures.md` defines `captures`, `comparisons` (pairs of segments of a DI track), `difference` (one matrix for
    each DI track) and `sweeps` (one for each DI track whose tones are at several input levels). `video` is null and
    `ab_round` empty if no video was made, `fades` is null in results of versions without fades. Every field is always
    written.
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
    sweeps: tuple[SweepDistances, ...] = ()
    video: Encoded | None = None
    ab_round: tuple[TurnRecord, ...] = ()
    fades: Fades | None = None
    files: tuple[FileRecord, ...]


def encode_manifest(manifest: Manifest) -> bytes:
    """Encode a manifest as indented JSON, with numbers as precise as they are meant."""
    return msgspec.json.format(msgspec.json.encode(rounded(msgspec.to_builtins(manifest))), indent=2) + b"\n"


def decode_manifest(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        msgspec.DecodeError: it is not a manifest.
    """
    return msgspec.json.decode(data, type=Manifest)


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of all software that affects a segment's samples."""
    found = {"python": platform.python_version(), "tone-shootout": version("tone-shootout"), **libraries()}
    return MappingProxyType(found)


def name_inputs(
    media_info: Mapping[str, MediaInfo],
    names: Mapping[str, str],
    credited: Mapping[str, Credit],
) -> dict[str, Input]:
    """Return the records of a plan's files, with unique names, by the spec's `file`. They contain no paths.

    Args:
        media_info: media info, by the spec's `file`.
        names: names that replace the default, which is the last part of the path.
        credited: credits, by the spec's `file`.
    """
    taken: set[str] = set()
    inputs = {}
    for file, found in media_info.items():
        # A given name may contain a slash; of a path only the last part is published.
        given = names.get(file)
        base = one_line(PurePath(file).name if given is None else given).strip() or "input"
        ending = PurePath(base).suffix if given is None else ""
        name, copy = base, 1
        while name in taken:
            copy += 1
            name = f"{base.removesuffix(ending)} ({copy}){ending}"
        taken.add(name)
        inputs[file] = Input(
            name=name,
            kind=kind_of(found),
            sha256=found.sha256,
            size_bytes=found.size_bytes,
            credit=credited.get(file),
        )
    return inputs


def with_names(spec: Spec, inputs: Mapping[str, Input]) -> Spec:
    """Return a spec with the inputs' names as files."""
    tracks = tuple(msgspec.structs.replace(track, file=inputs[track.file].name) for track in spec.di_tracks)
    chains = tuple(with_files(chain, lambda file: inputs[file].name) for chain in spec.chains)
    return msgspec.structs.replace(spec, di_tracks=tracks, chains=chains)
