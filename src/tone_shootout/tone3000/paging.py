"""TONE3000 counts pages; we count rows."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tone_shootout.tone3000.types import Page

T = TypeVar("T")


async def window(
    ask: Callable[[int, int], Awaitable[Page[T]]], *, limit: int, offset: int, most: int
) -> tuple[list[T], int]:
    """Return `limit` rows of a list, those before `offset` left out, and how many there are in all.

    Args:
        ask: returns a page, given its number from 1 and how many rows a page has.
        limit: how many rows.
        offset: how many to leave out first.
        most: largest page that is granted. Where less is granted than is asked for, what was granted counts.
    """
    size = min(limit, most)
    page = await ask(offset // size + 1, size)
    if 0 < page.page_size < size:
        size = page.page_size
        page = await ask(offset // size + 1, size)
    number = offset // size + 1
    rows = page.data[offset % size :]
    while len(rows) < limit and number < page.total_pages:
        number += 1
        more = (await ask(number, size)).data
        if not more:
            break
        rows += more
    return rows[:limit], page.total
