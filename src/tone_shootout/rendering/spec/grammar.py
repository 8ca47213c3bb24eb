"""What a chain may look like: `pedals* → (amp + one cab IR | amp-and-cab capture)`, with other blocks anywhere.

Two cabs, or an amp without one, sound wrong in a way that is easily taken for the gear's fault; so a chain that has
them is refused unless its author says that it is meant.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final, Literal

from msgspec import Struct

from tone_shootout.rendering.spec.schema import Override

Part = Literal["pedal", "amp", "amp_cab", "unknown", "cab", "outboard"]
"""What a block is to the grammar; blocks that are none of these (gain, eq, ...) and outboard don't take part."""

PARTS: Final[dict[str, Part]] = {
    "pedal": "pedal",
    "amp": "amp",
    "preamp": "amp",
    "pedal_amp": "amp",
    "amp_cab": "amp_cab",
    "amp_pedal_cab": "amp_cab",
    "full_rig": "amp_cab",
    "studio": "outboard",
    "outboard": "outboard",
    "space": "outboard",
    "cab": "cab",
    "ir": "cab",
}
"""What a capture is, by its `gear_type` or by TONE3000's word for its gear; anything else is `unknown`."""


def part_of(*gears: str | None) -> Part:
    """Return what a capture is by the first of some words for its gear that says it; they may be written anyhow."""
    for gear in gears:
        word = re.sub(r"[-\s]+", "_", (gear or "").strip().lower())
        if word in PARTS:
            return PARTS[word]
    return "unknown"


class Fault(Struct, frozen=True):
    """A rule that a chain breaks: its code, the block at fault (None: the chain as a whole) and one sentence."""

    code: Override
    block: int | None
    detail: str


def faults(parts: Sequence[tuple[int, Part]], allow: Collection[Override] = ()) -> list[Fault]:
    """Judge a chain.

    A capture whose gear nobody knows is judged leniently: the last of them plays whichever part leaves the fewest
    faults, those before it count as pedals.

    Args:
        parts: the captures and cab IRs that take part, in order, each with the index of its block.
        allow: rules set aside on purpose; `no_cab` is another word for `ir_required`.
    """
    parts = [(block, part) for block, part in parts if part != "outboard"]
    allowed = {"ir_required" if code == "no_cab" else code for code in allow}
    unknown = [place for place, (_, part) in enumerate(parts) if part == "unknown"]
    guesses: Sequence[Part] = ("amp", "amp_cab", "pedal") if unknown else ("unknown",)
    judged = []
    for guess in guesses:
        known: list[tuple[int, Part]] = [(block, "pedal" if part == "unknown" else part) for block, part in parts]
        if unknown:
            known[unknown[-1]] = (parts[unknown[-1]][0], guess)
        judged.append([fault for fault in _judge(known) if fault.code not in allowed])
    return min(judged, key=len)


def _judge(parts: Sequence[tuple[int, Part]]) -> list[Fault]:
    amps = [(block, part) for block, part in parts if part in ("amp", "amp_cab")]
    cabs = [block for block, part in parts if part == "cab"]
    found: list[Fault] = []
    if not amps:
        found.append(Fault("no_amp", None, "expected a capture of an amp, the chain has none"))
    found += [
        Fault("multiple_amps", block, "expected one amp in the chain, this capture is another") for block, _ in amps[1:]
    ]
    if any(part == "amp_cab" for _, part in amps):
        found += [
            Fault("ir_forbidden", block, "the amp's capture has its cabinet in it already: expected no cab IR")
            for block in cabs
        ]
    else:
        if amps and not cabs:
            found.append(Fault("ir_required", None, "the amp's capture has no cabinet: expected a cab IR behind it"))
        found += [
            Fault("multiple_irs", block, "expected one cab IR in the chain, this is another") for block in cabs[1:]
        ]
    return [*found, *_judge_order(parts)]


def _judge_order(parts: Sequence[tuple[int, Part]]) -> Iterator[Fault]:
    before: set[Part] = set()
    for block, part in parts:
        if part == "pedal" and before - {"pedal"}:
            yield Fault("invalid_order", block, "expected the pedal in front of the amp")
        if part == "amp" and "cab" in before and "amp" not in before:
            yield Fault("invalid_order", block, "expected the amp in front of the cab IR")
        before.add(part)
