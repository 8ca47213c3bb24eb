"""Grammar of chains: `pedals* → (amp + one cab IR | capture of amp and cab)`, with other blocks anywhere.

A chain with two cabs, or with an amp and no cab, sounds wrong in a way that is easily attributed to the gear. Such a
chain is rejected unless its author allows it explicitly.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, Literal

from msgspec import Struct

from tone_shootout.rendering.spec.schema import Override

Part = Literal["pedal", "amp", "amp_cab", "unknown", "cab", "outboard"]
"""Role of a block in the grammar, which ignores outboard and blocks without a role (gain, EQ, ...)."""

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
"""Roles by gear type, from the metadata of a capture or from TONE3000; other gear types are `unknown`."""


_NO_CABINET: Final = (
    "the amp's capture has no cabinet: expected a cab IR after it. To render it without one, write "
    'allow = ["no_cab"] in the chain'
)


def part_of(*gear_types: str | None) -> Part:
    """Return the role of a capture by the first known gear type."""
    return next((PARTS[gear] for gear in gear_types if gear is not None and gear in PARTS), "unknown")


class Violation(Struct, frozen=True):
    """A violation of the grammar.

    Attributes:
        code: code of the rule.
        block: index of the block; None if the violation concerns the whole chain.
        detail: one-line message for the user.
    """

    code: Override
    block: int | None
    detail: str


def violations(parts: Sequence[tuple[int, Part]], allow: Collection[Override] = ()) -> list[Violation]:
    """Check a chain.

    Captures of unknown gear are treated leniently: the last of them takes the role with the fewest violations, the
    others count as pedals.

    Args:
        parts: index of the block and role of the active captures and cab IRs, in order.
        allow: rules to ignore; `no_cab` is a synonym of `ir_required`.
    """
    parts = [(block, part) for block, part in parts if part != "outboard"]
    allowed = {"ir_required" if code == "no_cab" else code for code in allow}
    unknown = [index for index, (_, part) in enumerate(parts) if part == "unknown"]
    guesses: Sequence[Part] = ("amp", "amp_cab", "pedal") if unknown else ("unknown",)
    by_guess = []
    for guess in guesses:
        known: list[tuple[int, Part]] = [(block, "pedal" if part == "unknown" else part) for block, part in parts]
        if unknown:
            known[unknown[-1]] = (parts[unknown[-1]][0], guess)
        by_guess.append([violation for violation in _violations(known) if violation.code not in allowed])
    return min(by_guess, key=len)


def _violations(parts: Sequence[tuple[int, Part]]) -> list[Violation]:
    amps = [(block, part) for block, part in parts if part in ("amp", "amp_cab")]
    cabs = [block for block, part in parts if part == "cab"]
    found: list[Violation] = []
    if not amps:
        found.append(Violation("no_amp", None, "expected a capture of an amp, the chain has none"))
    found += [
        Violation("multiple_amps", block, "expected one amp in the chain, this capture is another")
        for block, _ in amps[1:]
    ]
    if any(part == "amp_cab" for _, part in amps):
        found += [
            Violation("ir_forbidden", block, "the capture of the amp includes its cabinet: expected no cab IR")
            for block in cabs
        ]
    else:
        if amps and not cabs:
            found.append(Violation("ir_required", None, _NO_CABINET))
        found += [
            Violation("multiple_irs", block, "expected one cab IR in the chain, this is another") for block in cabs[1:]
        ]
    return [*found, *_order_violations(parts)]


def _order_violations(parts: Sequence[tuple[int, Part]]) -> Iterator[Violation]:
    before: set[Part] = set()
    for block, part in parts:
        if part == "pedal" and before - {"pedal"}:
            yield Violation("invalid_order", block, "expected the pedal before the amp")
        if part == "amp" and "cab" in before and "amp" not in before:
            yield Violation("invalid_order", block, "expected the amp before the cab IR")
        before.add(part)
