"""The interface to jobs that shootouts need.

The jobs domain imports shootouts, never the reverse: it implements `JobsPort` and provides it as the dependency
`jobs_port`.
"""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID


class JobsPort(Protocol):
    """Operations on jobs, in the current unit of work."""

    async def release(self, owner_id: UUID, shootout_id: UUID) -> Sequence[str]:
        """Prepare the deletion of a shootout with its jobs; return the storage prefixes of their results.

        Raises:
            ConflictError: one of its jobs is not finished.
        """
        ...

    async def needs(self, owner_id: UUID, storage_key: str) -> bool:
        """Return whether an unfinished job of the owner reads the object with this storage key."""
        ...

    async def rendered(self, owner_id: UUID, keys: Collection[str]) -> frozenset[str]:
        """Return those of `keys` whose audio is in the owner's render cache."""
        ...
