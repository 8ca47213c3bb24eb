"""Credits: author and license of the files that a shootout uses, for everything that is published of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from tone_shootout.rendering.notices import Notice
from tone_shootout.rendering.spec.leaves import leaves
from tone_shootout.rendering.spec.pointers import block_pointer
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock, Spec

_OBJECTIONS: Final[Mapping[bool | None, tuple[str, str]]] = {
    False: ("non_commercial_license", "which does not allow commercial use of results made with it"),
    None: ("unknown_license", "and it is unknown whether that allows commercial use of results made with it"),
}


class Credit(Struct, frozen=True, kw_only=True):
    """Author and license of a capture or cab IR.

    Attributes:
        title: title of the work.
        creator: name of its author.
        creator_url: the author's page; empty if unknown.
        license: code of the license at the source.
        license_name: name of the license.
        license_url: address of the license text; empty if unknown.
        commercial: whether the license allows commercial use of results; None: unknown.
        url: address of the work; empty if unknown.
        attribution: text that the source requires beside it; may be empty.
    """

    title: str
    creator: str
    creator_url: str
    license: str
    license_name: str
    license_url: str
    commercial: bool | None
    url: str
    attribution: str


def notices(spec: Spec, credited: Mapping[str, Credit]) -> Iterator[Notice]:
    """Yield a notice for each file whose license may not allow the commercial use that the spec states.

    Args:
        spec: the spec.
        credited: credits of its files, by the spec's `file`.
    """
    if not spec.commercial:
        return
    reported: set[str] = set()
    for index, chain in enumerate(spec.chains):
        for place, block, bypass in leaves(chain):
            if bypass or not isinstance(block, CaptureBlock | CabIrBlock) or block.file in reported:
                continue
            credit = credited.get(block.file)
            if credit is not None and not credit.commercial:
                reported.add(block.file)
                code, objection = _OBJECTIONS[credit.commercial]
                work = f"“{credit.title}” by {credit.creator} is under {credit.license_name}"
                yield Notice(
                    code=code,
                    pointer=block_pointer(index, place),
                    detail=f"{work}, {objection}, and this shootout is marked as commercial.",
                )


def credit_lines(credited: Iterable[Credit]) -> list[str]:
    """Return a line for each credit, then the required attributions, without duplicates."""
    lines, attributions = [], []
    for credit in credited:
        terms = f"{credit.license_name}: {credit.license_url}" if credit.license_url else credit.license_name
        lines.append(f"“{credit.title}” by {credit.creator} ({terms}){f' – {credit.url}' if credit.url else ''}")
        attributions.append(credit.attribution)
    return [*dict.fromkeys(lines), *dict.fromkeys(line for line in attributions if line)]
