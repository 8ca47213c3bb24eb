"""What is pasted beside the video: chapters and a description, in the form that YouTube reads."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from tone_shootout.rendering.credits import Notice, credit_lines
from tone_shootout.rendering.figures import Encoded
from tone_shootout.rendering.manifest import Input, LevelRecord, SegmentRecord
from tone_shootout.rendering.timeline import clock

SHORT_SECONDS: Final = 3.0
"""Below this BS.1770's gating has too few blocks to rely on."""

_YOUTUBE_CHAPTERS: Final = 3
_YOUTUBE_CHAPTER_MS: Final = 10_000
_HASH_DIGITS: Final = 12


def segment_title(segment: SegmentRecord) -> str:
    """Name a segment: DI track and chain."""
    return f"{segment.di_track} – {segment.chain}"


def chapters(segments: Sequence[SegmentRecord]) -> str:
    """Write the chapter list: a line per segment, the first at 0:00."""
    return "".join(f"{clock(segment.start_ms)} {segment_title(segment)}\n" for segment in segments)


def description(
    title: str,
    level: LevelRecord,
    inputs: Sequence[Input],
    segments: Sequence[SegmentRecord],
    encoded: Encoded | None = None,
    notices: Sequence[Notice] = (),
) -> str:
    """Write the description: what is heard when, how it was made comparable, what went in, and whose work that is."""
    lines = [title, "", chapters(segments).rstrip("\n")]
    if problem := _chapter_problem(segments):
        lines += ["", f"({problem})"]
    lines += [
        "",
        "The same performance through every chain, at one loudness.",
        f"Integrated loudness (ITU-R BS.1770-5) {level.target:.1f} LUFS, {_limit(level, segments)}",
        f"True peak of every segment at or below {level.ceiling:g} dBTP. One gain per segment, no limiter.",
        "",
    ]
    for segment in segments:
        trim = f", trimmed {segment.trim_db:+.1f} dB on purpose" if segment.trim_db else ""
        lines.append(
            f"{segment.position}. {segment_title(segment)}: {segment.measured.integrated_lufs:.1f} LUFS, "
            f"{segment.measured.true_peak_dbtp:.1f} dBTP, gain {segment.gain_db:+.1f} dB{trim}"
        )
        lines += [f"   {note}" for note in segment.notes]
    if encoded is not None:
        levels = f"{encoded.integrated_lufs:.1f} LUFS, {encoded.true_peak_dbtp:.1f} dBTP"
        lines += ["", f"The video's sound, decoded and measured again in stereo (3 LU more than one side): {levels}."]
    lines += ["", f"What went in (first {_HASH_DIGITS} digits of SHA-256):"]
    lines += [f"{item.sha256[:_HASH_DIGITS]} {item.name}" for item in inputs]
    if credited := credit_lines(item.credit for item in inputs if item.credit is not None):
        lines += ["", "Captures and cabinets by others:", *credited]
    lines += [line for notice in notices for line in ("", f"Note: {notice.detail}")]
    lines += ["", "Full hashes, levels and versions: manifest.json. Made with Tone Shootout.", ""]
    return "\n".join(lines)


def notes(seconds: float) -> tuple[str, ...]:
    """Say what to know before trusting a segment's level."""
    if seconds >= SHORT_SECONDS:
        return ()
    return (f"Shorter than {SHORT_SECONDS:g} s: the measured loudness is less reliable than usual.",)


def _limit(level: LevelRecord, segments: Sequence[SegmentRecord]) -> str:
    if level.limited_by is None:
        return "as requested."
    limiting = segments[level.limited_by - 1]
    return (
        f"below the requested {level.requested:.1f} LUFS because segment {limiting.position} "
        f"({segment_title(limiting)}) reaches its true-peak ceiling there."
    )


def _chapter_problem(segments: Sequence[SegmentRecord]) -> str | None:
    if len(segments) < _YOUTUBE_CHAPTERS:
        return f"YouTube makes chapters of three or more entries, here are {len(segments)}."
    starts = [*(segment.start_ms for segment in segments), segments[-1].end_ms]
    if min(end - start for start, end in pairwise(starts)) < _YOUTUBE_CHAPTER_MS:
        return "YouTube makes chapters of at least 10 seconds each, some of these are shorter."
    return None
