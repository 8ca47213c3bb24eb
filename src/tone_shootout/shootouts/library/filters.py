"""Which items a list of the library contains."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from litestar.params import QueryParameter
from msgspec import Meta
from sqlalchemy import ColumnElement, func

from tone_shootout.rendering.media_info import Kind
from tone_shootout.shootouts.library.models import LibraryItem
from tone_shootout.shootouts.library.tags import MAX_TAG, normalized_tags

NO_NUL: Final = r"^[^\x00]*$"

NameQuery = Annotated[
    str | None,
    QueryParameter(
        description="Only entries with this text in their names, in upper or lower case.",
        min_length=1,
        max_length=80,
        pattern=NO_NUL,
    ),
]
Hashes = Annotated[
    list[Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]] | None,
    QueryParameter(
        description="Only items with one of these SHA-256 hashes, in lower case; repeat the parameter for each.",
        min_items=1,
        max_items=100,
    ),
]
TagQuery = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=MAX_TAG, pattern=NO_NUL)]] | None,
    QueryParameter(
        description="Only items with all of these tags; repeat the parameter for each.", min_items=1, max_items=20
    ),
]


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Conditions on items, all of which must hold; None: no condition.

    Attributes:
        kind: kind of the item.
        q: text in the name, in upper or lower case.
        sha256: hashes, of which the item has one.
        tags: tags, all of which the item has.
        architecture: architecture of a capture.
        size_class: size class of a capture.
        gear: gear type of a capture.
    """

    kind: Kind | None = None
    q: str | None = None
    sha256: Sequence[str] | None = None
    tags: Sequence[str] | None = None
    architecture: str | None = None
    size_class: str | None = None
    gear: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions for a query."""
        found: list[ColumnElement[bool]] = []
        if self.kind is not None:
            found.append(LibraryItem.kind == self.kind)
        if self.q is not None:
            found.append(LibraryItem.name.icontains(self.q, autoescape=True))
        if self.sha256 is not None:
            found.append(LibraryItem.sha256.in_(set(self.sha256)))
        if self.tags is not None:
            found.append(LibraryItem.tags.contains(normalized_tags(self.tags)))
        if self.architecture is not None:
            found.append(LibraryItem.facts["architecture"].astext == self.architecture)
        if self.size_class is not None:
            found.append(LibraryItem.facts["size_class"].astext == self.size_class)
        if self.gear is not None:
            stated = LibraryItem.source["gear"].astext, LibraryItem.facts["gear"].astext
            found.append(func.coalesce(LibraryItem.gear, *stated) == self.gear)
        return found


def provide_item_filter(
    kind: Annotated[Kind | None, QueryParameter(description="Only items of this kind.")] = None,
    q: NameQuery = None,
    sha256: Hashes = None,
    tag: TagQuery = None,
    architecture: Annotated[
        str | None,
        QueryParameter(
            description="Only captures with this architecture, such as `WaveNet`.",
            min_length=1,
            max_length=40,
            pattern=NO_NUL,
        ),
    ] = None,
    size_class: Annotated[
        str | None,
        QueryParameter(
            description="Only captures of this size class: `standard`, `lite`, `feather`, `nano`, `a2-full`, "
            "`a2-lite`, `custom`, or layers and units of an LSTM.",
            min_length=1,
            max_length=40,
            pattern=NO_NUL,
        ),
    ] = None,
    gear: Annotated[
        str | None,
        QueryParameter(
            description="Only captures of this gear type, such as `amp`.", min_length=1, max_length=40, pattern=NO_NUL
        ),
    ] = None,
) -> ItemFilter:
    """Read the conditions from the query."""
    return ItemFilter(
        kind=kind, q=q, sha256=sha256, tags=tag, architecture=architecture, size_class=size_class, gear=gear
    )
