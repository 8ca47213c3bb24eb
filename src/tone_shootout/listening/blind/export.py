"""Results as CSV, and tests as a configuration of webMUSHRA."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from tone_shootout.listening.blind.models import ListeningTest
from tone_shootout.listening.blind.trials import SLIDER_ROUNDS
from tone_shootout.listening.shares.facts import SharedSegment

COLUMNS: Final = ("listener", "trial", "label", "segment", "chain", "answer", "correct")
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
_FOLDER: Final = "configs/resources/audio"


def to_csv(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV (RFC 4180). A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def to_webmushra(test: ListeningTest, segments: Sequence[SharedSegment], title: str) -> str:
    """Return a configuration (YAML) of webMUSHRA 1.4 for a test.

    ABX becomes one paired comparison for each trial. A preference becomes two MUSHRA pages without anchors; the program
    demands a reference, which is the first tone. An identification becomes a page with a choice of names for each
    sound.

    Args:
        test: the test.
        segments: its segments, in order.
        title: title of the share.
    """
    lines = [
        "# Configuration for webMUSHRA 1.4. Save each segment as a WAV file under the name that stands here:",
        *(f"# {_path(each)}: {_comment(each.file)}" for each in segments),
        f"testname: {_text(title)}",
        f"testId: {_text(f'listening-test-{test.id}')}",
        "bufferSize: 2048",
        "stopOnErrors: true",
        "showButtonPreviousPage: false",
        'remoteService: "service/write.php"',
        "pages:",
        "  - type: volume",
        '    id: "volume"',
        '    name: "Volume"',
        '    content: "Set a comfortable volume. Do not change it afterwards."',
        f"    stimulus: {_text(_path(segments[0]))}",
        "    defaultVolume: 0.5",
    ]
    for number in range(1, _pages(test) + 1):
        lines += _page(test, segments, number)
    lines += [
        "  - type: finish",
        '    name: "Thank you"',
        '    content: "Your answers are sent with the button below."',
        "    showResults: true",
        "    writeResults: true",
    ]
    return "\n".join(lines) + "\n"


def _pages(test: ListeningTest) -> int:
    return SLIDER_ROUNDS if test.kind == "preference" else test.trials


def _page(test: ListeningTest, segments: Sequence[SharedSegment], number: int) -> list[str]:
    """Return a page of the test."""
    if test.kind == "abx":
        page, question = "paired_comparison", "Which of the two is X?"
        further = ["    showWaveform: false", "    enableLooping: true", *_reference(segments)]
        sounds = segments[1:]
    elif test.kind == "preference":
        page, question = "mushra", "Rate how much you like each tone."
        further = [
            "    strict: false",
            "    showWaveform: false",
            "    enableLooping: true",
            "    showConditionNames: false",
            "    randomize: true",
            "    createAnchor35: false",
            "    createAnchor70: false",
            *_reference(segments),
        ]
        sounds = segments[1:]
    else:
        page, question = "likert_multi_stimulus", "Which tone is which?"
        further = ["    mustRate: true", "    response:"]
        for place, each in enumerate(segments, 1):
            further += [f"      - value: {place}", f"        label: {_text(each.chain)}"]
        sounds = segments
    return [
        f"  - type: {page}",
        f'    id: "trial-{number}"',
        f'    name: "Trial {number}"',
        f"    content: {_text(question)}",
        *further,
        "    stimuli:",
        *(f"      C{each.position}: {_text(_path(each))}" for each in sounds),
    ]


def _reference(segments: Sequence[SharedSegment]) -> list[str]:
    return [f"    reference: {_text(_path(segments[0]))}"]


def _path(segment: SharedSegment) -> str:
    return f"{_FOLDER}/tone-{segment.position}.wav"


def _text(value: str) -> str:
    """Return a YAML scalar: every JSON string is one."""
    return json.dumps(value)


def _comment(value: str) -> str:
    """Return one line of a comment."""
    return "".join(char if char.isprintable() else " " for char in value)


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULAS) else cell
