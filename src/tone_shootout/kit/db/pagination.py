"""Pagination by `limit` and `offset`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from litestar.params import Parameter
from msgspec import Meta, Struct

T = TypeVar("T")

MAX_LIMIT = 100
MAX_PARTS = 1000

LimitParameter = Annotated[int, Parameter(ge=1, le=MAX_LIMIT, description="Number of items to return.")]
PartsLimitParameter = Annotated[int, Parameter(ge=1, le=MAX_PARTS, description="Number of items to return.")]
OffsetParameter = Annotated[int, Parameter(ge=0, le=2**31 - 1, description="Number of items to skip.")]


class Page(Struct, Generic[T], kw_only=True):
    """A page of a list."""

    items: Annotated[list[T], Meta(description="Items of this page.")]
    total: Annotated[int, Meta(description="Number of items in the whole list.", examples=[1])]
    limit: Annotated[int, Meta(description="Requested number of items.", examples=[20])]
    offset: Annotated[int, Meta(description="Number of skipped items.", examples=[0])]
    has_more: Annotated[bool, Meta(description="Whether the list has items after this page.", examples=[False])]


@dataclass(frozen=True, slots=True)
class Paging:
    """The requested page of a list."""

    limit: int
    offset: int

    def page(self, items: Sequence[T], total: int) -> Page[T]:
        """Return the response for a page of items."""
        has_more = self.offset + len(items) < total
        return Page(items=list(items), total=total, limit=self.limit, offset=self.offset, has_more=has_more)

    def part_of(self, items: Sequence[T]) -> Page[T]:
        """Return the response for a page of a list that is known completely."""
        return self.page(items[self.offset : self.offset + self.limit], len(items))


def provide_parts_paging(limit: PartsLimitParameter = MAX_PARTS, offset: OffsetParameter = 0) -> Paging:
    """Read `limit` and `offset` from the query, for lists of the parts of one thing: usually one page has them all."""
    return Paging(limit=limit, offset=offset)


def provide_paging(limit: LimitParameter = 20, offset: OffsetParameter = 0) -> Paging:
    """Read `limit` and `offset` from the query."""
    return Paging(limit=limit, offset=offset)
