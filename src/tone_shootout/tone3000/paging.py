"""Conversion between the numbered pages of TONE3000 and the offsets of our API."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tone_shootout.tone3000.types import Page

T = TypeVar("T")


async def fetch_rows(
    fetch_page: Callable[[int, int], Awaitable[Page[T]]], *, limit: int, offset: int, max_page_size: int
) -> tuple[list[T], int]:
    """Fetch rows of a list by offset; return them and the length of the list.

    Args:
        fetch_page: returns a page, given its number from 1 and its size.
        limit: maximum number of rows to return.
        offset: number of rows to skip.
        max_page_size: maximum size of a page. TONE3000 may return smaller pages than requested.
    """
    size = min(limit, max_page_size)
    page = await fetch_page(offset // size + 1, size)
    if 0 < page.page_size < size:
        size = page.page_size
        page = await fetch_page(offset // size + 1, size)
    number = offset // size + 1
    rows = page.data[offset % size :]
    while len(rows) < limit and number < page.total_pages:
        number += 1
        more = (await fetch_page(number, size)).data
        if not more:
            break
        rows += more
    return rows[:limit], page.total
