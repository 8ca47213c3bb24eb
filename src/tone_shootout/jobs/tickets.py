"""One-use tickets for the WebSocket.

A page can't set headers on a WebSocket, and a token must not stand in an address, where logs and histories keep it. A
ticket may: it opens one job's channel once, within seconds.
"""

import hashlib
import secrets
from uuid import UUID

from redis.asyncio import Redis

TICKET_S = 30


class Tickets:
    """Kept in the broker, by hash; gone when used or expired."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def issue(self, owner_id: UUID, job_id: UUID) -> str:
        """Make a ticket for an owner's job."""
        ticket = secrets.token_urlsafe(32)
        await self._redis.set(_key(ticket, job_id), str(owner_id), ex=TICKET_S)
        return ticket

    async def redeem(self, ticket: str, job_id: UUID) -> UUID | None:
        """Return whose ticket it is, once; None when it is used, expired, or of another job."""
        owner: bytes | None = await self._redis.getdel(_key(ticket, job_id))
        return None if owner is None else UUID(owner.decode())


def _key(ticket: str, job_id: UUID) -> str:
    return f"shootout:ticket:{hashlib.sha256(f'{job_id}:{ticket}'.encode()).hexdigest()}"
