"""Single-use tickets for the WebSocket.

A page can't set headers on a WebSocket, and a token in a URL ends up in logs and browser histories. A ticket is safe
there: it opens one job's WebSocket once, within seconds.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tone_shootout.accounts.principal import Credential
from tone_shootout.kit.http.problems import UnavailableError

TICKET_LIFETIME_S = 30
REDIS_TIMEOUT_S = 3.0

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Credential).decode


class Tickets:
    """Tickets in Redis, by hash, deleted when redeemed or expired."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def issue(self, credential: Credential, job_id: UUID) -> str:
        """Issue a ticket for a job. The WebSocket that it opens ends when `credential` is no longer valid.

        Raises:
            UnavailableError: Redis is unavailable.
        """
        ticket = secrets.token_urlsafe(32)
        async with _redis_errors():
            await self._redis.set(_key(ticket, job_id), _encode(credential), ex=TICKET_LIFETIME_S)
        return ticket

    async def redeem(self, ticket: str, job_id: UUID) -> Credential | None:
        """Redeem a ticket; return its credential, None if it was redeemed before, has expired or is for another job.

        Raises:
            UnavailableError: Redis is unavailable.
        """
        async with _redis_errors():
            credential: bytes | None = await self._redis.getdel(_key(ticket, job_id))
        return None if credential is None else _decode(credential)


@asynccontextmanager
async def _redis_errors() -> AsyncGenerator[None, None]:
    try:
        async with asyncio.timeout(REDIS_TIMEOUT_S):
            yield
    except (RedisError, OSError):
        raise UnavailableError("Redis is unavailable; try again shortly.") from None


def _key(ticket: str, job_id: UUID) -> str:
    return f"shootout:ticket:{hashlib.sha256(f'{job_id}:{ticket}'.encode()).hexdigest()}"
