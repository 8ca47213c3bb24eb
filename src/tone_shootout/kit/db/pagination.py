"""Lists: `limit`, `offset`, a documented order, and the total."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from litestar.params import Parameter
from msgspec import Meta, Struct

T = TypeVar("T")

MAX_LIMIT = 100

LimitParameter = Annotated[int, Parameter(ge=1, le=MAX_LIMIT, description="How many to list.")]
OffsetParameter = Annotated[int, Parameter(ge=0, le=2**31 - 1, description="How many to leave out first.")]


class Page(Struct, Generic[T], kw_only=True):
    """A part of a list."""

    items: Annotated[list[T], Meta(description="The part.")]
    total: Annotated[int, Meta(description="How many there are in all.", examples=[1])]
    limit: Annotated[int, Meta(description="As asked for.", examples=[20])]
    offset: Annotated[int, Meta(description="As asked for.", examples=[0])]


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list is asked for."""

    limit: int
    offset: int

    def page(self, items: Sequence[T], total: int) -> Page[T]:
        """Return the part with what it is a part of."""
        return Page(items=list(items), total=total, limit=self.limit, offset=self.offset)


def provide_paging(limit: LimitParameter = 20, offset: OffsetParameter = 0) -> Paging:
    """Read `limit` and `offset` from the query."""
    return Paging(limit=limit, offset=offset)
