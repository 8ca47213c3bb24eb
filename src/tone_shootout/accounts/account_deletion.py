"""What happens when somebody leaves: their work ends, then their rows go, then what is stored for them.

Accounts know nothing of jobs: whoever carries work out for users says how to end it (`Leaving`).
"""

import asyncio
from typing import Final, Protocol
from uuid import UUID

from tone_shootout.kit.storage import Storage

DELETE_RETRY_DELAY_S: Final = 5.0
"""A worker that did not let go in time finds its job gone within this, and may have stored something before."""


class Leaving(Protocol):
    """The work that is under way for users. The jobs domain provides it as the dependency `leaving`."""

    async def end_work(self, owner_id: UUID) -> bool:
        """Cancel everything that is under way for a user, and wait for it to end; False: some of it has not yet."""
        ...


def stored_prefix(user_id: UUID) -> str:
    """Return where everything lies that is stored for a user."""
    return f"users/{user_id}/"


async def forget(storage: Storage, user_id: UUID, *, ended: bool) -> None:
    """Delete what is stored for a user whose rows are gone; once more later, where work may not have ended."""
    await storage.delete_prefix(stored_prefix(user_id))
    if not ended:
        await asyncio.sleep(DELETE_RETRY_DELAY_S)
        await storage.delete_prefix(stored_prefix(user_id))
