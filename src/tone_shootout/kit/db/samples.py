"""Sums over large tables from a sample of their pages, so that they take the same time however large the tables are."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Float, Select, cast, func, literal, select, tablesample
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
from sqlalchemy.orm import InstrumentedAttribute, aliased

SAMPLE_PAGES: Final = 1_000
"""Pages that are read of a table on average. A table that has fewer is read as a whole, and the sum is exact."""
_PAGE_BYTES: Final = 8192


async def estimate_sum(
    session: AsyncSession | async_scoped_session[AsyncSession],
    column: InstrumentedAttribute[int],
    *,
    distinct: Sequence[InstrumentedAttribute[Any]] = (),
) -> int:
    """Return the sum of a column over its table, estimated from `SAMPLE_PAGES` pages if the table has more.

    The standard error is about 1/√`SAMPLE_PAGES` (3 %) of the spread of the pages' sums.

    Args:
        session: of a unit of work.
        column: the column to sum.
        distinct: count rows that agree in these columns and in `column` once.
    """
    table = column.class_
    share = func.least(
        100.0, 100.0 * SAMPLE_PAGES * _PAGE_BYTES / func.greatest(func.pg_relation_size(table.__tablename__), 1)
    )
    sample = aliased(table, tablesample(table, func.system(cast(share, Float))))
    rows: Select[Any] = select(*(getattr(sample, each.key) for each in (*distinct, column)))
    summed = (rows.distinct() if distinct else rows).subquery().c[column.key]
    statement = select(func.coalesce(func.sum(summed), literal(0)) * 100.0 / cast(share, Float))
    return round(await session.scalar(statement) or 0)
