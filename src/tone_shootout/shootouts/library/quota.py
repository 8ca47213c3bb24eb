"""The storage quota of a user: library and results together."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.kit.settings import LimitSettings
from tone_shootout.shootouts.library.errors import QuotaExceededError
from tone_shootout.shootouts.library.repositories import LibraryRepository

ResultsBytes = Callable[[AsyncSession, UUID], Awaitable[int]]
"""Returns the bytes of the results of a user's jobs. Provided by the jobs domain."""

UNLIMITED = 1 << 62


class Usage(NamedTuple):
    """How much a user stores."""

    library_bytes: int
    results_bytes: int
    items: int

    @property
    def bytes(self) -> int:
        """Bytes of the library and of results."""
        return self.library_bytes + self.results_bytes


class StorageQuota:
    """The operator's limits on what one user stores. The render cache has a limit of its own."""

    def __init__(self, limits: LimitSettings, results_bytes: ResultsBytes) -> None:
        self.max_bytes = limits.storage_bytes or UNLIMITED
        self.max_items = limits.library_items or UNLIMITED
        self._results_bytes = results_bytes

    @property
    def stated_max_bytes(self) -> int | None:
        """Largest number of bytes; None: no limit."""
        return None if self.max_bytes == UNLIMITED else self.max_bytes

    @property
    def stated_max_items(self) -> int | None:
        """Largest number of items; None: no limit."""
        return None if self.max_items == UNLIMITED else self.max_items

    async def usage(self, session: AsyncSession, owner_id: UUID) -> Usage:
        """Return how much a user stores."""
        library_bytes, items = await LibraryRepository(session).storage_usage(owner_id)
        return Usage(library_bytes, await self._results_bytes(session, owner_id), items)

    async def available_bytes(self, session: AsyncSession, owner_id: UUID) -> int:
        """Return how many more bytes a user may store, at least 1.

        Raises:
            QuotaExceededError: the quota is used up.
        """
        used = (await self.usage(session, owner_id)).bytes
        if used >= self.max_bytes:
            raise self.exceeded()
        return self.max_bytes - used

    async def check(self, session: AsyncSession, owner_id: UUID, size: int) -> None:
        """Check that one more item with `size` new bytes fits, under a lock.

        The owner's quota is locked until the transaction ends, so concurrent additions are counted one after the other.

        Raises:
            QuotaExceededError: the item does not fit.
        """
        await LibraryRepository(session).lock_quota(owner_id)
        usage = await self.usage(session, owner_id)
        if usage.items >= self.max_items:
            raise QuotaExceededError(
                f"Your library has {usage.items} of at most {self.max_items} items. Delete items that you don't need."
            )
        if usage.bytes + size > self.max_bytes:
            raise self.exceeded()

    def exceeded(self) -> QuotaExceededError:
        """Return the error for too many bytes."""
        return QuotaExceededError(
            f"Your library and the results of your jobs can have at most {self.max_bytes} bytes together. "
            "Delete items or jobs that you don't need."
        )
