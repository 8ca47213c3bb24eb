"""Deletion of accounts: first the user's jobs are cancelled, then the rows are deleted, then the stored objects.

The accounts domain does not know about jobs. The jobs domain implements `JobCanceller`.
"""

import asyncio
from typing import Final, Protocol
from uuid import UUID

from tone_shootout.kit.storage import Storage

DELETE_RETRY_DELAY_S: Final = 5.0
"""Delay before the second deletion. A worker that missed the timeout may store objects until it notices that its job is
gone, which takes less than this."""


class JobCanceller(Protocol):
    """Cancels the jobs of a user. The jobs domain provides it as the dependency `job_canceller`."""

    async def cancel_and_wait(self, owner_id: UUID) -> bool:
        """Cancel a user's unfinished jobs and wait until workers release them; return False after a timeout."""
        ...


def storage_prefix(user_id: UUID) -> str:
    """Return the prefix of the keys of a user's objects."""
    return f"users/{user_id}/"


async def purge(storage: Storage, user_id: UUID, *, jobs_released: bool) -> None:
    """Delete all stored objects of a user whose rows are deleted.

    Args:
        storage: where the objects are stored.
        user_id: the user.
        jobs_released: whether all workers released the user's jobs; if not, the deletion is repeated after
            `DELETE_RETRY_DELAY_S`.
    """
    await storage.delete_prefix(storage_prefix(user_id))
    if not jobs_released:
        await asyncio.sleep(DELETE_RETRY_DELAY_S)
        await storage.delete_prefix(storage_prefix(user_id))
