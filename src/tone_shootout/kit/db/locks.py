"""PostgreSQL's advisory locks: the one list of those that the service takes.

All of them last until the end of the transaction, so they also work behind a connection pooler in transaction mode.
"""

from enum import IntEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session

Session = AsyncSession | async_scoped_session[AsyncSession]


class Lock(IntEnum):
    """Locks of the whole installation. The numbers are arbitrary, but the same in every version."""

    MIGRATIONS = 7_303_014
    """One process migrates at a time."""
    SWEEP = 7_303_015
    """One process sweeps at a time."""
    SCHEDULER = 7_303_016
    """One worker claims a job at a time."""


OWNED: Final = frozenset({"jobs", "quota", "cache", "content", "idempotency", "webhooks"})
"""Scopes locked for one owner: unfinished jobs, storage quota, render cache, content by SHA-256, idempotency keys, the
number of webhooks."""
SHARED: Final = frozenset({"user-names", "tone3000"})
"""Scopes locked by name for all users: user names, TONE3000 users."""


def owned(owner_id: UUID, scope: str, name: str = "") -> str:
    """Return the name of an owner's lock.

    Raises:
        ValueError: `scope` is not one of `OWNED`.
    """
    if scope not in OWNED:
        raise ValueError(f"{scope!r} is not a lock of an owner: {', '.join(sorted(OWNED))}")
    return f"{owner_id}/{scope}/{name}" if name else f"{owner_id}/{scope}"


def shared(scope: str, name: str = "") -> str:
    """Return the name of a lock that all share.

    Raises:
        ValueError: `scope` is not one of `SHARED`.
    """
    if scope not in SHARED:
        raise ValueError(f"{scope!r} is not a shared lock: {', '.join(sorted(SHARED))}")
    return f"{scope}/{name}" if name else scope


async def acquire(session: Session, lock: Lock | str) -> None:
    """Wait for a lock and hold it until the transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(_key(lock))))


async def try_acquire(session: Session, lock: Lock | str) -> bool:
    """Take a lock until the transaction ends, unless another transaction holds it; return whether it was taken."""
    return bool(await session.scalar(select(func.pg_try_advisory_xact_lock(_key(lock)))))


def _key(lock: Lock | str) -> ColumnElement[int]:
    return literal(int(lock)) if isinstance(lock, Lock) else func.hashtextextended(lock, 0)
