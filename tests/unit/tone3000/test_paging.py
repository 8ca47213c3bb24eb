"""Any part of a list comes out of its pages, however many rows a page is granted."""

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tone_shootout.tone3000.paging import fetch_rows
from tone_shootout.tone3000.types import Page


def _pages(total: int, granted: int) -> Callable[[int, int], Awaitable[Page[int]]]:
    """The pages of the list 0, 1, 2, …, of which no more than `granted` rows are on one."""

    async def page(number: int, size: int) -> Page[int]:
        size = min(size, granted)
        rows = list(range(total))[(number - 1) * size : number * size]
        return Page(data=rows, page=number, page_size=size, total=total, total_pages=-(-total // size))

    return page


@given(
    total=st.integers(0, 60),
    granted=st.integers(1, 30),
    limit=st.integers(1, 40),
    offset=st.integers(0, 70),
    max_page_size=st.integers(1, 30),
)
async def test_a_part_is_what_it_would_be_of_the_whole_list(
    total: int, granted: int, limit: int, offset: int, max_page_size: int
) -> None:
    rows, counted = await fetch_rows(_pages(total, granted), limit=limit, offset=offset, max_page_size=max_page_size)
    assert rows == list(range(total))[offset : offset + limit]
    assert counted == total


@pytest.mark.parametrize("total_pages", [0, 1, 1_000_000])
async def test_pages_that_are_announced_and_empty_end_the_list(total_pages: int) -> None:
    asked = []

    async def page(number: int, size: int) -> Page[int]:
        asked.append(number)
        return Page(data=[], page=number, page_size=size, total=0, total_pages=total_pages)

    assert await fetch_rows(page, limit=20, offset=0, max_page_size=10) == ([], 0)
    assert len(asked) <= 2
