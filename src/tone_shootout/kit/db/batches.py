"""Deletion of many rows in transactions of bounded size."""

from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.kit.db.session import SessionMaker

BATCH: Final = 5_000
"""Rows that are deleted in one transaction."""


async def delete_in_batches(session_maker: SessionMaker, step: Callable[[AsyncSession, int], Awaitable[int]]) -> int:
    """Repeat `step`, each time in a transaction of its own, until it deletes less than a full batch.

    Args:
        session_maker: opens sessions of the database.
        step: deletes at most the given number of rows; returns how many it deleted.

    Returns:
        Rows deleted in all.
    """
    total = 0
    while True:
        async with session_maker() as session:
            deleted = await step(session, BATCH)
            await session.commit()
        total += deleted
        if deleted < BATCH:
            return total
