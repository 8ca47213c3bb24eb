"""Chapters and description of the video in YouTube's format.

YouTube allows titles of 100 characters and descriptions of 5,000 bytes, without angle brackets (YouTube Data API,
`snippet.title` and `snippet.description` of a video). Chapters need three or more times, the first at 0:00, at least
10 s apart (YouTube Help, "Video chapters").
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from tone_shootout.rendering.metrics import Encoded
from tone_shootout.rendering.notices import Notice
from tone_shootout.rendering.output.credits import credit_lines
from tone_shootout.rendering.output.manifest import Input, LevelRecord, SegmentRecord
from tone_shootout.rendering.output.short_names import shorten
from tone_shootout.rendering.plan.planner import title_of
from tone_shootout.rendering.plan.rates import OUTPUT_RATE
from tone_shootout.rendering.plan.timeline import FRAME_RATE, clock
from tone_shootout.rendering.video.ab_round import HALF_FADE
from tone_shootout.rendering.video.program import Chapter, Program

SHORT_SECONDS: Final = 3.0
"""Shorter segments have too few gating blocks of BS.1770 for a reliable loudness."""

UNCALIBRATED: Final = (
    "The drive into this chain is not calibrated, that of other chains is: compare their distortion with care."
)

TITLE_CHARACTERS: Final = 100
DESCRIPTION_BYTES: Final = 5_000

_YOUTUBE_CHAPTERS: Final = 3
_YOUTUBE_CHAPTER_S: Final = 10
_HASH_DIGITS: Final = 12
_LONGEST_NAME: Final = 80
# Lengths to which names in the chapters are cut, one after the other, if the description is too long.
_SHORTER_NAMES: Final = (40, 24, 16, 10)
_BRACKETS: Final = str.maketrans("<>", "‹›")
# "Gain at 2:00" is a knob position; YouTube would read it as a time and reject the chapters.
_CLOCK_TIME: Final = re.compile(r"(?<!\d)(\d{1,2}):(?=[0-5]\d(?!\d))")


def segment_title(segment: SegmentRecord) -> str:
    """Return the title of a segment: DI track and chain."""
    return title_of(segment.di_track, segment.chain)


def chapters(listed: Sequence[Chapter]) -> str:
    """Return the chapter list: one line for each chapter, the first at 0:00."""
    return "".join(f"{line}\n" for line in _chapters(listed, _LONGEST_NAME))


def description(
    title: str,
    level: LevelRecord,
    inputs: Sequence[Input],
    segments: Sequence[SegmentRecord],
    program: Program,
    encoded: Encoded | None = None,
    notices: Sequence[Notice] = (),
    key: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the description: chapters, levels, inputs and credits.

    If it is longer than YouTube allows, parts are shortened in the order of `_reductions`, and a line names them.

    Args:
        title: title of the shootout.
        level: the level match.
        inputs: inputs of the manifest.
        segments: segments in order.
        program: what the video shows when.
        encoded: levels of the video; None if not measured.
        notices: notices about the spec and the licenses.
        key: letter and name of each tone of a blind video: all names come after them.
    """
    credited = [item.credit for item in inputs if item.credit is not None]
    attributions = {credit.attribution for credit in credited}
    works = [line for line in credit_lines(credited) if line not in attributions]
    sections = {
        "title": [*shorten([_pasteable(title)], TITLE_CHARACTERS)],
        "chapters": list(_chapters(program.chapters, _LONGEST_NAME)),
        "problem": list(_chapter_problem(program)),
        "summary": list(_summary(level, segments)),
        "levels": list(_levels(segments)),
        "round": list(_round(program)),
        "sound": list(_sound(encoded, segments)),
        "key": [
            "Listen first. Which tone is which:",
            *(f"{letter}: {_pasteable(name)}" for letter, name in key),
        ]
        if key
        else [],
        "hashes": [
            f"Inputs (first {_HASH_DIGITS} digits of SHA-256):",
            *(f"{item.sha256[:_HASH_DIGITS]} {_pasteable(item.name)}" for item in inputs),
        ],
        "credits": [_pasteable(line) for line in ("Captures and cabinets by others:", *works)] if works else [],
        "attribution": [line for line in credit_lines(credited) if line in attributions],
        "notes": [f"Note: {_pasteable(notice.detail)}" for notice in notices],
        "missing": [],
        "end": ["Full hashes, levels and versions: manifest.json. Made with Tone Shootout."],
    }
    missing: list[str] = []
    complete = "manifest.json and chapters.txt in the folder of the video"
    for name, lines, omitted in _reductions(program.chapters, sections):
        if len(_joined(sections).encode()) <= DESCRIPTION_BYTES:
            break
        sections[name] = lines
        missing = list(dict.fromkeys((*missing, omitted)))
        sections["missing"] = [f"No room on YouTube for {', '.join(missing)}: see {complete}."]
    return _joined(sections)


def notes(seconds: float) -> tuple[str, ...]:
    """Return notes on the reliability of a segment's level."""
    if seconds >= SHORT_SECONDS:
        return ()
    return (f"Shorter than {SHORT_SECONDS:g} s: the measured loudness is less reliable than usual.",)


def _reductions(listed: Sequence[Chapter], sections: Mapping[str, list[str]]) -> Iterator[tuple[str, list[str], str]]:
    """Yield reductions in order: a section, its reduced lines, and a name for the omitted part.

    Content that the cards and the manifest also have is reduced first, chapters and credits last.
    """
    yield "levels", [], "the levels of each segment"
    yield "hashes", [], "the inputs"
    if sections["notes"]:
        yield "notes", [], "some notes"
    for longest in _SHORTER_NAMES:
        yield "chapters", list(_chapters(listed, longest)), "whole names"
    works = sections["credits"]
    for count in reversed(range(1, len(works))):
        yield "credits", works[:count], "all credits"
    yield "chapters", [], "the chapters"


def _joined(sections: Mapping[str, list[str]]) -> str:
    return "\n\n".join("\n".join(lines) for lines in sections.values() if lines) + "\n"


def _chapters(listed: Sequence[Chapter], longest: int) -> Iterator[str]:
    titles = shorten([_pasteable(chapter.title) for chapter in listed], longest)
    chains = iter(shorten([_pasteable(chapter.chain) for chapter in listed if chapter.chain], longest))
    for chapter, title in zip(listed, titles, strict=True):
        yield f"{clock(chapter.start_ms)} {title_of(title, next(chains)) if chapter.chain else title}"


def _summary(level: LevelRecord, segments: Sequence[SegmentRecord]) -> Iterator[str]:
    yield "The same performance through every chain, at one loudness."
    yield f"Integrated loudness (ITU-R BS.1770-5) {level.target_lufs:.1f} LUFS, {_limit(level, segments)}"
    yield f"True peak of every segment at or below {level.ceiling_dbtp:g} dBTP. One gain per segment, no limiter."


def _levels(segments: Sequence[SegmentRecord]) -> Iterator[str]:
    for segment in segments:
        trim = f", intentionally trimmed by {segment.trim_db:+.1f} dB" if segment.trim_db else ""
        yield (
            f"{segment.position}. {_pasteable(segment_title(segment))}: {segment.measured.integrated_lufs:.1f} LUFS, "
            f"{segment.measured.true_peak_dbtp:.1f} dBTP, gain {segment.gain_db:+.1f} dB{trim}"
        )
        yield from (f"   {note}" for note in segment.notes)


def _sound(encoded: Encoded | None, segments: Sequence[SegmentRecord]) -> Iterator[str]:
    if encoded is not None:
        levels = f"{encoded.integrated_lufs:.1f} LUFS, {encoded.true_peak_dbtp:.1f} dBTP"
        more = "" if any(segment.channels > 1 for segment in segments) else " (3 LU more than one side)"
        yield f"The video's sound, decoded and measured again in stereo{more}: {levels}."


def _limit(level: LevelRecord, segments: Sequence[SegmentRecord]) -> str:
    if level.limiting_segment is None:
        return "as requested."
    limiting = segments[level.limiting_segment - 1]
    return (
        f"below the requested {level.requested_lufs:.1f} LUFS because segment {limiting.position} "
        f"({_pasteable(segment_title(limiting))}) reaches its true-peak ceiling there."
    )


def _round(program: Program) -> Iterator[str]:
    if program.rounds:
        yield (
            "In the A/B round, the performance goes on while the tone changes. Every tone has the gain that it had "
            f"before; changes are crossfades of {1000 * 2 * HALF_FADE / OUTPUT_RATE:.0f} ms."
        )


def _chapter_problem(program: Program) -> Iterator[str]:
    """Yield the reason why YouTube will not show chapters, if any. The video ends with a whole second."""
    seconds = [chapter.start_ms // 1000 for chapter in program.chapters] + [program.frames // FRAME_RATE]
    if len(program.chapters) < _YOUTUBE_CHAPTERS:
        yield f"(YouTube needs three or more chapters, this video has {len(program.chapters)}.)"
    elif min(end - start for start, end in pairwise(seconds)) < _YOUTUBE_CHAPTER_S:
        yield f"(YouTube needs chapters of at least {_YOUTUBE_CHAPTER_S} seconds, some of these are shorter.)"


def _pasteable(text: str) -> str:
    """Replace characters that YouTube rejects or misinterprets."""
    return _CLOCK_TIME.sub("\\1∶", text.translate(_BRACKETS))
