"""Data of the listening page: what its HTML and its script show of a result. All numbers come from the manifest."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from tone_shootout.audio.constants import BANDS_HZ, DUAL_MONO_DB
from tone_shootout.precision import rounded
from tone_shootout.rendering.executor.sweeps import input_level_db
from tone_shootout.rendering.executor.tasks import Measured
from tone_shootout.rendering.listening_page.sound_files import (
    BUDGET_BYTES,
    SegmentSound,
    SoundFile,
    fits,
)
from tone_shootout.rendering.metrics import DrivePoint, Latency, Pair, SweepDistances
from tone_shootout.rendering.notices import Notice
from tone_shootout.rendering.output.manifest import CaptureRecord, LevelRecord, Manifest, SegmentRecord
from tone_shootout.rendering.spec.schema import Chain


class PageSegment(Struct, frozen=True, kw_only=True):
    """A segment: fields of the manifest, its DI track by its index in `tracks`, and its sound.

    `playback_gain_db` is the gain with which two speakers play it as loud as the other segments, dB: a mono segment
    beside stereo ones is lower. `group_db` is the gain before its first capture, dB, if it is the first of its DI track
    at an input level of a sweep.
    """

    position: int
    track: int
    chain: str
    file: str
    sha256: str
    render_key: str
    measured: Measured
    loudness_before_lufs: float
    gain_db: float
    trim_db: float
    drive_db: float | None
    latency: Latency | None
    third_octaves_db: tuple[float, ...]
    notes: tuple[str, ...]
    peaks: str
    sound: tuple[SoundFile, ...]
    channels: int = 1
    playback_gain_db: float = 0.0
    group_db: float | None = None


class PageTrack(Struct, frozen=True, kw_only=True):
    """A DI track, and the difference matrix of its segments: their positions in its order, and the distances."""

    name: str
    samples: int
    matrix: tuple[int, ...] = ()
    distances_db: tuple[tuple[float, ...], ...] = ()


class PageCapture(Struct, frozen=True, kw_only=True):
    """A capture and its drive curve."""

    name: str
    drive: tuple[DrivePoint, ...]


class PageFile(Struct, frozen=True, kw_only=True):
    """An input file."""

    name: str
    kind: Literal["di_track", "capture", "cab_ir"]
    sha256: str


class Page(Struct, frozen=True, kw_only=True):
    """Everything that the page shows; `listen/page.json` of a result."""

    schema: Annotated[int, Meta(ge=1, le=1)] = 1
    title: str
    sample_rate_hz: int
    channels: int
    budget_bytes: int
    bands_hz: tuple[float, ...]
    level: LevelRecord
    engine: str
    versions: dict[str, str]
    tracks: tuple[PageTrack, ...]
    segments: tuple[PageSegment, ...]
    comparisons: tuple[Pair, ...]
    captures: tuple[PageCapture, ...]
    inputs: tuple[PageFile, ...]
    credits: tuple[str, ...]
    notices: tuple[Notice, ...]
    sweeps: tuple[SweepDistances, ...] = ()


def make_page(manifest: Manifest, sounds: Mapping[int, SegmentSound] | None = None) -> Page:
    """Return the data of the page of a result.

    Args:
        manifest: its manifest.
        sounds: sound of each segment, by position. None: the page plays the segments' own files, where all segments of
            a DI track fit the memory.
    """
    chains = len(manifest.spec.chains)
    by_track = [manifest.segments[start : start + chains] for start in range(0, len(manifest.segments), chains)]
    differences = dict(enumerate(manifest.difference))
    channels = max(segment.channels for segment in manifest.segments)
    if sounds is None:
        sounds = {segment.position: _own_file(segment, chains, channels) for segment in manifest.segments}
    tracks = tuple(
        PageTrack(
            name=segments[0].di_track,
            samples=segments[0].samples,
            matrix=differences[n].positions if n in differences else (),
            distances_db=differences[n].distances_db if n in differences else (),
        )
        for n, segments in enumerate(by_track)
    )
    groups = input_groups(manifest.spec.chains)
    return Page(
        title=manifest.title,
        sample_rate_hz=manifest.segments[0].sample_rate_hz,
        channels=channels,
        budget_bytes=BUDGET_BYTES,
        bands_hz=BANDS_HZ,
        level=manifest.level,
        engine=manifest.engine,
        versions=manifest.versions,
        tracks=tracks,
        segments=tuple(
            msgspec.structs.replace(_segment(segment, track, sounds[segment.position], channels), group_db=group_db)
            for track, segments in enumerate(by_track)
            for segment, group_db in zip(segments, groups, strict=True)
        ),
        comparisons=manifest.comparisons,
        captures=tuple(
            PageCapture(name=capture_label(capture), drive=capture.behavior.drive)
            for capture in manifest.captures
            if capture.behavior
        ),
        inputs=tuple(PageFile(name=item.name, kind=item.kind, sha256=item.sha256) for item in manifest.inputs),
        credits=manifest.credits,
        notices=manifest.notices,
        sweeps=manifest.sweeps,
    )


def encode_page(page: Page) -> bytes:
    """Encode the data of a page as JSON, with numbers as precise as they are meant."""
    return msgspec.json.encode(rounded(msgspec.to_builtins(page)))


def decode_page(data: bytes) -> Page:
    """Read the data of a page.

    Raises:
        msgspec.DecodeError: it is not the data of a page.
    """
    return msgspec.json.decode(data, type=Page)


def capture_label(capture: CaptureRecord) -> str:
    """Return the name of a capture, with its size if it was selected."""
    return capture.name if capture.size is None else f"{capture.name}, size {capture.size:g}"


def input_groups(chains: Sequence[Chain]) -> list[float | None]:
    """Return for each chain its input level, dB, if the chain before it has another one; None for the others.

    All are None if no tone is at several levels.
    """
    levels = [input_level_db(chain) for chain in chains]
    tones = {msgspec.structs.replace(chain, name="tone", input_gain_db=0.0) for chain in chains}
    if len(tones) == len(chains) or len(set(levels)) == 1:
        return [None] * len(chains)
    return [None if n and level == levels[n - 1] else level for n, level in enumerate(levels)]


def segment_names(segments: Sequence[PageSegment]) -> dict[int, str]:
    """Return the names of the segments' chains by position."""
    return {segment.position: segment.chain for segment in segments}


def segment_keys(segments: Sequence[PageSegment]) -> dict[int, int]:
    """Return the number of each segment within its DI track, from 1, by position."""
    first: dict[int, int] = {}
    for segment in segments:
        first.setdefault(segment.track, segment.position)
    return {segment.position: segment.position - first[segment.track] + 1 for segment in segments}


def _own_file(segment: SegmentRecord, tones: int, channels: int) -> SegmentSound:
    if not fits(segment.samples, tones, channels):
        return SegmentSound(files=())
    return SegmentSound(files=(SoundFile(start=0, samples=segment.samples, file=segment.file),))


def _segment(segment: SegmentRecord, track: int, sound: SegmentSound, channels: int) -> PageSegment:
    return PageSegment(
        position=segment.position,
        track=track,
        chain=segment.chain,
        file=segment.file,
        sha256=segment.sha256,
        render_key=segment.render_key,
        measured=segment.measured,
        loudness_before_lufs=segment.loudness_before_lufs,
        gain_db=segment.gain_db,
        trim_db=segment.trim_db,
        drive_db=segment.drive_db,
        latency=segment.latency,
        third_octaves_db=segment.metrics.third_octaves_db if segment.metrics else (),
        notes=segment.notes,
        peaks=sound.peaks,
        sound=sound.files,
        channels=segment.channels,
        playback_gain_db=DUAL_MONO_DB if segment.channels < channels else 0.0,
    )
