"""Listening tests as configurations of webMUSHRA 1.4."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

FOLDER: Final = "configs/resources/audio"
"""Folder of an installation of webMUSHRA where its sounds are."""

Kind = Literal["abx", "preference", "identification"]


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone of a test.

    Attributes:
        position: number of its sound.
        chain: its name.
        file: the segment to make its sound of.
    """

    position: int
    chain: str
    file: str


def to_webmushra(kind: Kind, tones: Sequence[Tone], *, title: str, test_id: str, pages: int) -> str:
    """Return a configuration (YAML).

    ABX becomes one paired comparison on each page. A preference becomes MUSHRA pages without anchors; the program
    demands a reference, which is the first tone. An identification becomes a page with a choice of names for each
    sound.

    Args:
        kind: what listeners are asked.
        tones: the tones, in order.
        title: title of the test.
        test_id: name under which the program stores answers.
        pages: number of trials.
    """
    lines = [
        "# Configuration for webMUSHRA 1.4. Save each segment as a WAV file under the name that stands here:",
        *(f"# {_path(each)}: {_comment(each.file)}" for each in tones),
        f"testname: {_text(title)}",
        f"testId: {_text(test_id)}",
        "bufferSize: 2048",
        "stopOnErrors: true",
        "showButtonPreviousPage: false",
        'remoteService: "service/write.php"',
        "pages:",
        "  - type: volume",
        '    id: "volume"',
        '    name: "Volume"',
        '    content: "Set a comfortable volume. Do not change it afterwards."',
        f"    stimulus: {_text(_path(tones[0]))}",
        "    defaultVolume: 0.5",
    ]
    for number in range(1, pages + 1):
        lines += _page(kind, tones, number)
    lines += [
        "  - type: finish",
        '    name: "Thank you"',
        '    content: "Your answers are sent with the button below."',
        "    showResults: true",
        "    writeResults: true",
    ]
    return "\n".join(lines) + "\n"


def _page(kind: Kind, tones: Sequence[Tone], number: int) -> Iterator[str]:
    reference = f"    reference: {_text(_path(tones[0]))}"
    sounds = tones[1:]
    if kind == "abx":
        page, question = "paired_comparison", "Which of the two is X?"
        further = ["    showWaveform: false", "    enableLooping: true", reference]
    elif kind == "preference":
        page, question = "mushra", "Rate how much you like each tone."
        further = [
            "    strict: false",
            "    showWaveform: false",
            "    enableLooping: true",
            "    showConditionNames: false",
            "    randomize: true",
            "    createAnchor35: false",
            "    createAnchor70: false",
            reference,
        ]
    else:
        page, question = "likert_multi_stimulus", "Which tone is which?"
        further = ["    mustRate: true", "    response:"]
        for place, each in enumerate(tones, 1):
            further += [f"      - value: {place}", f"        label: {_text(each.chain)}"]
        sounds = tones
    yield f"  - type: {page}"
    yield f'    id: "trial-{number}"'
    yield f'    name: "Trial {number}"'
    yield f"    content: {_text(question)}"
    yield from further
    yield "    stimuli:"
    yield from (f"      C{each.position}: {_text(_path(each))}" for each in sounds)


def _path(tone: Tone) -> str:
    return f"{FOLDER}/tone-{tone.position}.wav"


def _text(value: str) -> str:
    """Return a YAML scalar: every JSON string is one."""
    return json.dumps(value)


def _comment(value: str) -> str:
    """Return one line of a comment."""
    return "".join(char if char.isprintable() else " " for char in value)
