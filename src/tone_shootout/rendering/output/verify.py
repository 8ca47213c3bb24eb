"""Verifies a result: renders its inputs again as the manifest describes and compares the samples."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
from msgspec import Struct

from tone_shootout.audio.files import read_audio
from tone_shootout.audio.signals import AudioError
from tone_shootout.rendering.engine.sources import LONGEST_SECONDS, SourceError, probe, read_source
from tone_shootout.rendering.executor.reporter import Reporter
from tone_shootout.rendering.media_info import Limits
from tone_shootout.rendering.output.manifest import Input, Manifest, SegmentRecord
from tone_shootout.rendering.output.result_folder import inside, record
from tone_shootout.rendering.plan.planner import plan
from tone_shootout.rendering.produce import produce

TOLERANCE: Final = 1e-4
"""Largest difference between samples after the level match, full scale ±1, that is within tolerance: -80 dBFS."""

METER_TOLERANCE: Final = 0.1
"""Largest deviation of a level from the manifest, LU or dB."""

Verdict = Literal["exact", "within tolerance", "different"]


class Verified(Struct, frozen=True, kw_only=True):
    """Result of the verification of a segment.

    Attributes:
        segment: the manifest's record.
        verdict: `exact`: every sample of the 24-bit file is equal; `within tolerance`: all differences are below
            `TOLERANCE`; `different`: otherwise, or if the levels differ from the manifest.
        difference: largest difference between samples, full scale ±1; None if they can't be compared.
        reason: why the segment differs or can't be compared; None: see `difference`.
    """

    segment: SegmentRecord
    verdict: Verdict
    difference: float | None = None
    reason: str | None = None


def find_inputs(manifest: Manifest, folders: Sequence[Path]) -> tuple[dict[str, Path], list[Input]]:
    """Find a manifest's inputs in folders, by name first, then by size and hash.

    Args:
        manifest: manifest of the result.
        folders: folders to search, not recursively.

    Returns:
        The path of each input by its name in the manifest, and the inputs that are missing.

    Raises:
        OSError: a folder can't be read.
    """
    files = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()]
    found: dict[str, Path] = {}
    missing: list[Input] = []
    for item in manifest.inputs:
        candidates = sorted(files, key=lambda path: path.name != item.name)
        match = next((path for path in candidates if _matches(path, item)), None)
        if match is None:
            missing.append(item)
        else:
            found[item.name] = match
    return found, missing


def verify(
    manifest: Manifest, folder: Path, sources: Mapping[str, Path], *, processes: int, reporter: Reporter
) -> list[Verified]:
    """Render a result again and compare each segment with its file. Blocks until all are compared.

    Args:
        manifest: manifest of the result.
        folder: the result folder.
        sources: path of each input, by its name in the manifest.
        processes: number of child processes.
        reporter: receives progress; its `check` can cancel.

    Raises:
        InvalidSpec: the manifest's spec can't be rendered.
        SourceError: an input can't be used.
        RenderError: a segment can't be rendered.
        WorkerDied: a child process ended.
        OSError: an input can't be read, or the disk is full.
        Exception: anything that `reporter.check` raises, usually `Cancelled`.
    """
    spec = manifest.spec
    largest = max((item.size_bytes for item in manifest.inputs), default=0)
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
    planned = plan(spec, media_info, limits=limits, fades=manifest.fades is not None)
    with tempfile.TemporaryDirectory() as again:
        out = Path(again)
        rendered = produce(planned, sources, out, processes=processes, reporter=reporter, sound_only=True)
        segments = {segment.position: segment for segment in rendered.segments}
        return list(_compared(manifest, folder, segments, out))


def _compared(manifest: Manifest, folder: Path, segments: Mapping[int, SegmentRecord], out: Path) -> Iterator[Verified]:
    for segment in manifest.segments:
        again = segments.get(segment.position)
        path = inside(folder, segment.file)
        try:
            if again is None:
                yield _different(segment, "the manifest's spec has no such segment")
            elif path is None or not path.is_file():
                yield _different(segment, "its file is missing")
            elif record(folder, segment.file).sha256 != segment.sha256:
                yield _different(segment, "its file is modified: its hash differs from the manifest")
            elif (segment.di_track, segment.chain) != (again.di_track, again.chain):
                yield _different(segment, f"the manifest's spec names it “{again.di_track}” through “{again.chain}”")
            else:
                yield _compare(segment, again, path, out / again.file)
        except (AudioError, OSError) as error:
            yield _different(segment, f"its file can't be read: {error}")


def _compare(segment: SegmentRecord, again: SegmentRecord, before: Path, after: Path) -> Verified:
    seconds = again.samples / again.sample_rate_hz + 1
    old, new = (read_audio(path, max_seconds=seconds).samples for path in (before, after))
    if old.shape != new.shape:
        return _different(segment, f"its file has {old.shape[-1]} samples, the new rendering {new.shape[-1]}")
    difference = float(np.abs(old - new).max())
    verdict: Verdict = "different" if difference >= TOLERANCE else "within tolerance" if difference else "exact"
    for name, unit in (("integrated_lufs", "LUFS"), ("true_peak_dbtp", "dBTP")):
        stated, found = (getattr(which.measured, name) for which in (segment, again))
        if verdict != "different" and abs(stated - found) > METER_TOLERANCE:
            return _different(segment, f"its level is {found:.1f} {unit}, the manifest states {stated:.1f}")
    return Verified(segment=segment, verdict=verdict, difference=difference)


def _different(segment: SegmentRecord, reason: str) -> Verified:
    return Verified(segment=segment, verdict="different", reason=reason)


def _matches(path: Path, item: Input) -> bool:
    try:
        if path.stat().st_size != item.size_bytes:
            return False
        read_source(path, max_bytes=item.size_bytes, sha256=item.sha256)
    except (SourceError, OSError):
        return False
    return True
