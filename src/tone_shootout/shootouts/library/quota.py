"""How much of the store one user may fill, library and results together."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.kit.settings import LimitSettings
from tone_shootout.shootouts.errors import QuotaExceededError
from tone_shootout.shootouts.repositories import LibraryRepository

ResultsBytes = Callable[[AsyncSession, UUID], Awaitable[int]]
"""Tells how many bytes the results of a user's jobs have: the jobs domain knows."""

ENDLESS = 1 << 62


class Usage(NamedTuple):
    """What is there of a user."""

    library_bytes: int
    results_bytes: int
    items: int

    @property
    def bytes(self) -> int:
        """All of it."""
        return self.library_bytes + self.results_bytes


class StorageQuota:
    """The operator's limits, and what is left of them. Sound that is kept for the next job has a limit of its own."""

    def __init__(self, limits: LimitSettings, results_bytes: ResultsBytes) -> None:
        self.max_bytes = limits.storage_bytes or ENDLESS
        self.max_items = limits.library_items or ENDLESS
        self._results_bytes = results_bytes

    async def usage(self, session: AsyncSession, owner_id: UUID) -> Usage:
        """Return what is there."""
        library_bytes, items = await LibraryRepository(session).stored(owner_id)
        return Usage(library_bytes, await self._results_bytes(session, owner_id), items)

    async def room(self, session: AsyncSession, owner_id: UUID) -> int:
        """Return how many bytes there is room for.

        Raises:
            QuotaExceededError: for none.
        """
        used = (await self.usage(session, owner_id)).bytes
        if used >= self.max_bytes:
            raise self.exceeded()
        return self.max_bytes - used

    async def claim(self, session: AsyncSession, owner_id: UUID, size: int) -> None:
        """Make sure that there is room for one more item of `size` new bytes.

        Of several at once, each counts the ones before: the next may look when this unit of work has ended.

        Raises:
            QuotaExceededError: there is none.
        """
        await LibraryRepository(session).lock_quota(owner_id)
        usage = await self.usage(session, owner_id)
        if usage.items >= self.max_items:
            raise QuotaExceededError(
                f"Your library may have {self.max_items} items, and has {usage.items}: delete what you don't need."
            )
        if usage.bytes + size > self.max_bytes:
            raise self.exceeded()

    def exceeded(self) -> QuotaExceededError:
        """Return the refusal of bytes."""
        return QuotaExceededError(
            f"Your library and the results of your jobs may have {self.max_bytes} bytes together: "
            "delete what you don't need."
        )
