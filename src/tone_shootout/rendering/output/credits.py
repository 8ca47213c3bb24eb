"""Whose work a shootout uses, and on which terms: plain data that goes into everything that is published of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from tone_shootout.rendering.notices import Notice
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock, Spec

_OBJECTIONS: Final[Mapping[bool | None, tuple[str, str]]] = {
    False: ("non_commercial_licence", "which does not let what is made with it be used commercially"),
    None: ("unknown_licence", "of which it is not known whether what is made with it may be used commercially"),
}


class Credit(Struct, frozen=True, kw_only=True):
    """A capture or cab IR that somebody else has made.

    Attributes:
        title: what they call it.
        creator: what they are called.
        creator_url: their page; empty where none is known.
        licence: its code at the source.
        licence_name: what people call it.
        licence_url: where it can be read; empty where nobody knows.
        commercial: whether it lets what is made with the file be used commercially; None: not known.
        url: where it is from; empty where that is not known.
        attribution: what the source wants to be said beside it.
    """

    title: str
    creator: str
    creator_url: str
    licence: str
    licence_name: str
    licence_url: str
    commercial: bool | None
    url: str
    attribution: str


def notices(spec: Spec, credited: Mapping[str, Credit]) -> Iterator[Notice]:
    """Yield what a spec's author should know of the terms of its files, once a file.

    Args:
        spec: the shootout.
        credited: whose work some of its files are, by the spec's `file`.
    """
    if not spec.commercial:
        return
    told: set[str] = set()
    for index, chain in enumerate(spec.chains):
        for place, block in enumerate(chain.blocks):
            if block.bypass or not isinstance(block, CaptureBlock | CabIrBlock) or block.file in told:
                continue
            credit = credited.get(block.file)
            if credit is not None and not credit.commercial:
                told.add(block.file)
                code, objection = _OBJECTIONS[credit.commercial]
                work = f"“{credit.title}” by {credit.creator} is under {credit.licence_name}"
                yield Notice(
                    code=code,
                    pointer=f"/chains/{index}/blocks/{place}",
                    detail=f"{work}, {objection}, and this shootout is marked as commercial.",
                )


def credit_lines(credited: Iterable[Credit]) -> list[str]:
    """Return a line for each credit, and what the sources want to be said, each once."""
    lines, attributions = [], []
    for credit in credited:
        licence = f"{credit.licence_name}: {credit.licence_url}" if credit.licence_url else credit.licence_name
        lines.append(f"“{credit.title}” by {credit.creator} ({licence}){f' – {credit.url}' if credit.url else ''}")
        attributions.append(credit.attribution)
    return [*dict.fromkeys(lines), *dict.fromkeys(line for line in attributions if line)]
