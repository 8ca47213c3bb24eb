"""The storage quota of a user: library and results together."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.quotas import Quota, get_quota
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


class Bounds(NamedTuple):
    """What one user may store at most."""

    max_bytes: int
    max_items: int

    @property
    def stated_max_bytes(self) -> int | None:
        """Largest number of bytes; None: no limit."""
        return None if self.max_bytes == UNLIMITED else self.max_bytes

    @property
    def stated_max_items(self) -> int | None:
        """Largest number of items; None: no limit."""
        return None if self.max_items == UNLIMITED else self.max_items

    def exceeded(self) -> QuotaExceededError:
        """Return the error for too many bytes."""
        return QuotaExceededError(
            f"Your library and the results of your jobs can have at most {self.max_bytes} bytes together. "
            "Delete items or jobs that you don't need."
        )


class StorageQuota:
    """The limits on what one user stores: of the settings, or of the user. The render cache has a limit of its own."""

    def __init__(self, limits: LimitSettings, results_bytes: ResultsBytes) -> None:
        self._default = Bounds(limits.storage_bytes or UNLIMITED, limits.library_items or UNLIMITED)
        self._results_bytes = results_bytes

    async def bounds(self, session: AsyncSession, owner_id: UUID) -> Bounds:
        """Return what a user may store."""
        return self.bounds_of(await get_quota(session, owner_id))

    def bounds_of(self, quota: Quota) -> Bounds:
        """Return what a user with a quota may store."""
        return Bounds(
            self._default.max_bytes if quota.storage_bytes is None else quota.storage_bytes,
            self._default.max_items if quota.library_items is None else quota.library_items,
        )

    async def usage(self, session: AsyncSession, owner_id: UUID) -> Usage:
        """Return how much a user stores."""
        library_bytes, items = await LibraryRepository(session).storage_usage(owner_id)
        return Usage(library_bytes, await self._results_bytes(session, owner_id), items)

    async def available_bytes(self, session: AsyncSession, owner_id: UUID, bounds: Bounds) -> int:
        """Return how many more bytes a user with these bounds may store, at least 1.

        Raises:
            QuotaExceededError: the quota is used up.
        """
        used = (await self.usage(session, owner_id)).bytes
        if used >= bounds.max_bytes:
            raise bounds.exceeded()
        return bounds.max_bytes - used

    async def check(self, session: AsyncSession, owner_id: UUID, size: int) -> None:
        """Check that one more item with `size` new bytes fits, under a lock.

        The owner's quota is locked until the transaction ends, so concurrent additions are counted one after the other.

        Raises:
            QuotaExceededError: the item does not fit.
        """
        await LibraryRepository(session).lock_quota(owner_id)
        bounds = await self.bounds(session, owner_id)
        usage = await self.usage(session, owner_id)
        if usage.items >= bounds.max_items:
            raise QuotaExceededError(
                f"Your library has {usage.items} of at most {bounds.max_items} items. Delete items that you don't need."
            )
        if usage.bytes + size > bounds.max_bytes:
            raise bounds.exceeded()
