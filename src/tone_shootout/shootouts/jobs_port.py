"""What shootouts ask of the jobs: jobs know shootouts, and not the other way round.

The jobs domain provides a `JobDesk` as the dependency `job_desk`.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SubmittedJob:
    """A job that was written down in the current unit of work."""

    id: UUID
    dispatch: Callable[[], Awaitable[None]]
    """To be called once the unit of work is committed."""


class JobsPort(Protocol):
    """The jobs, as shootouts see them, in the current unit of work."""

    async def submit(self, owner_id: UUID, shootout_id: UUID) -> SubmittedJob:
        """Write down a job for a shootout."""
        ...

    async def release(self, owner_id: UUID, shootout_id: UUID) -> Sequence[str]:
        """Let a shootout be deleted with its jobs, and return the prefixes of what they have stored.

        Raises:
            ConflictError: one of its jobs is not finished.
        """
        ...

    async def needs(self, owner_id: UUID, storage_key: str) -> bool:
        """Whether an unfinished job of the owner reads what is stored under a key."""
        ...

    async def rendered(self, owner_id: UUID, keys: Collection[str]) -> frozenset[str]:
        """Return those of `keys` whose sound is kept for the owner."""
        ...
