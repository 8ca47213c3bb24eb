"""`fetch_rows` returns the same rows for every page size."""

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tone_shootout.tone3000.paging import fetch_rows
from tone_shootout.tone3000.types import Page


def _pages(total: int, actual_max: int) -> Callable[[int, int], Awaitable[Page[int]]]:
    """Return a function that returns pages of the list 0, 1, 2, …, of at most `actual_max` rows."""

    async def page(number: int, size: int) -> Page[int]:
        size = min(size, actual_max)
        rows = list(range(total))[(number - 1) * size : number * size]
        return Page(data=rows, page=number, page_size=size, total=total, total_pages=-(-total // size))

    return page


@given(
    total=st.integers(0, 60),
    actual_max=st.integers(1, 30),
    limit=st.integers(1, 40),
    offset=st.integers(0, 70),
    max_page_size=st.integers(1, 30),
)
async def test_rows_equal_a_slice_of_the_whole_list(
    total: int, actual_max: int, limit: int, offset: int, max_page_size: int
) -> None:
    pages = _pages(total, actual_max)
    rows, length = await fetch_rows(pages, limit=limit, offset=offset, max_page_size=max_page_size)
    assert rows == list(range(total))[offset : offset + limit]
    assert length == total


@pytest.mark.parametrize("total_pages", [0, 1, 1_000_000])
async def test_an_empty_page_ends_the_list(total_pages: int) -> None:
    requested = []

    async def page(number: int, size: int) -> Page[int]:
        requested.append(number)
        return Page(data=[], page=number, page_size=size, total=0, total_pages=total_pages)

    assert await fetch_rows(page, limit=20, offset=0, max_page_size=10) == ([], 0)
    assert len(requested) <= 2
