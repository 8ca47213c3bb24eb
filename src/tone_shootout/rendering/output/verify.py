"""Holding a result to its promise: the same inputs, rendered again from the manifest, give the same samples."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
from msgspec import Struct

from tone_shootout.audio.files import read_flac
from tone_shootout.audio.signals import AudioError
from tone_shootout.rendering.engine.sources import LONGEST_SECONDS, SourceError, probe, read_source
from tone_shootout.rendering.executor.reporter import Reporter
from tone_shootout.rendering.media_info import Limits
from tone_shootout.rendering.output.manifest import Input, Manifest, SegmentRecord
from tone_shootout.rendering.output.result_folder import inside, record
from tone_shootout.rendering.plan.planner import plan
from tone_shootout.rendering.produce import produce

TOLERANCE: Final = 1e-4
"""Samples that differ by less, full scale ±1, after the level match, are the same sound: -80 dBFS."""

METER_TOLERANCE: Final = 0.1
"""LU and dB by which a level that the manifest states may be off."""

Verdict = Literal["exact", "within tolerance", "different"]


class Verified(Struct, frozen=True, kw_only=True):
    """What became of a segment that was rendered again.

    Attributes:
        segment: as the manifest has it.
        verdict: `exact`: every sample of the 24-bit file is the same; `within tolerance`: none is off by `TOLERANCE`
            or more; `different`: all else, and what has other levels than the manifest says.
        difference: the largest between two samples, full scale ±1; None where there is nothing to compare.
        reason: why there is nothing to compare, for people.
    """

    segment: SegmentRecord
    verdict: Verdict
    difference: float | None = None
    reason: str | None = None


def find_inputs(manifest: Manifest, folders: Sequence[Path]) -> tuple[dict[str, Path], list[Input]]:
    """Look for a manifest's inputs in folders: by name, then whatever has the right size and hash.

    Args:
        manifest: of the result.
        folders: where to look; not in folders inside them.

    Returns:
        Where each input lies by its name in the manifest, and the inputs that are missing.

    Raises:
        OSError: a folder can't be read.
    """
    files = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()]
    found: dict[str, Path] = {}
    missing: list[Input] = []
    for wanted in manifest.inputs:
        candidates = sorted(files, key=lambda path: path.name != wanted.name)
        place = next((path for path in candidates if _is(path, wanted)), None)
        if place is None:
            missing.append(wanted)
        else:
            found[wanted.name] = place
    return found, missing


def verify(
    manifest: Manifest, folder: Path, sources: Mapping[str, Path], *, processes: int, reporter: Reporter
) -> list[Verified]:
    """Render a result again and compare each segment with its file; blocks until it is done.

    Args:
        manifest: of the result.
        folder: where its files are.
        sources: where each input lies, by its name in the manifest.
        processes: how many child processes work at once.
        reporter: told of progress, asked whether to go on.

    Raises:
        InvalidSpec: the manifest's spec can't be rendered.
        SourceError: an input can't be used.
        RenderError: a segment can't be made.
        WorkerDied: a child process is gone.
        OSError: an input can't be read, or there is no room for the new files.
        Exception: whatever `reporter.check` raises, usually `Cancelled`.
    """
    spec = manifest.spec
    largest = max((item.bytes for item in manifest.inputs), default=0)
    limits = Limits(
        max_upload_bytes=largest,
        max_capture_bytes=largest,
        max_di_seconds=LONGEST_SECONDS,
        max_ir_seconds=LONGEST_SECONDS,
        di_tracks=len(spec.di_tracks),
        chains=len(spec.chains),
        segments=len(spec.di_tracks) * len(spec.chains),
    )
    media_info = {item.name: probe(sources[item.name], item.kind, limits=limits) for item in manifest.inputs}
    planned = plan(spec, media_info, limits=limits)
    with tempfile.TemporaryDirectory() as again:
        out = Path(again)
        made = produce(planned, sources, out, processes=processes, reporter=reporter, sound_only=True)
        segments = {segment.position: segment for segment in made.segments}
        return list(_compared(manifest, folder, segments, out))


def _compared(manifest: Manifest, folder: Path, segments: Mapping[int, SegmentRecord], out: Path) -> Iterator[Verified]:
    for segment in manifest.segments:
        again = segments.get(segment.position)
        place = inside(folder, segment.file)
        try:
            if again is None:
                yield _nothing(segment, "the manifest's spec has no such segment")
            elif place is None or not place.is_file():
                yield _nothing(segment, "its file is missing")
            elif record(folder, segment.file).sha256 != segment.sha256:
                yield _nothing(segment, "its file is not the one that the manifest records")
            elif (segment.di_track, segment.chain) != (again.di_track, again.chain):
                yield _nothing(segment, f"the manifest's spec calls it “{again.di_track}” through “{again.chain}”")
            else:
                yield _compare(segment, again, place, out / again.file)
        except (AudioError, OSError) as error:
            yield _nothing(segment, f"its file can't be read: {error}")


def _compare(segment: SegmentRecord, again: SegmentRecord, before: Path, after: Path) -> Verified:
    seconds = again.samples / again.sample_rate + 1
    old, new = (read_flac(path, max_seconds=seconds).samples for path in (before, after))
    if old.shape != new.shape:
        return _nothing(segment, f"it has {old.shape[-1]} samples, and {new.shape[-1]} when it is rendered again")
    difference = float(np.abs(old - new).max())
    verdict: Verdict = "different" if difference >= TOLERANCE else "within tolerance" if difference else "exact"
    for name, unit in (("integrated_lufs", "LUFS"), ("true_peak_dbtp", "dBTP")):
        said, found = (getattr(which.measured, name) for which in (segment, again))
        if verdict != "different" and abs(said - found) > METER_TOLERANCE:
            return _nothing(segment, f"it measures {found:.1f} {unit}, and the manifest says {said:.1f}")
    return Verified(segment=segment, verdict=verdict, difference=difference)


def _nothing(segment: SegmentRecord, reason: str) -> Verified:
    return Verified(segment=segment, verdict="different", reason=reason)


def _is(path: Path, wanted: Input) -> bool:
    try:
        if path.stat().st_size != wanted.bytes:
            return False
        read_source(path, max_bytes=wanted.bytes, sha256=wanted.sha256)
    except (SourceError, OSError):
        return False
    return True
