"""One-use tickets for the WebSocket.

A page can't set headers on a WebSocket, and a token must not stand in an address, where logs and histories keep it. A
ticket may: it opens one job's channel once, within seconds.
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

TICKET_S = 30
ANSWER_S = 3.0
"""Longest that a request waits for the broker."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Credential).decode


class Tickets:
    """Kept in the broker, by hash; gone when used or expired."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def issue(self, credential: Credential, job_id: UUID) -> str:
        """Make a ticket for an owner's job. The channel that it opens ends with the credential that it was made with.

        Raises:
            UnavailableError: the broker is away.
        """
        ticket = secrets.token_urlsafe(32)
        async with _answering():
            await self._redis.set(_key(ticket, job_id), _encode(credential), ex=TICKET_S)
        return ticket

    async def redeem(self, ticket: str, job_id: UUID) -> Credential | None:
        """Return what a ticket was made with, once; None when it is used, expired, or of another job.

        Raises:
            UnavailableError: the broker is away.
        """
        async with _answering():
            made_with: bytes | None = await self._redis.getdel(_key(ticket, job_id))
        return None if made_with is None else _decode(made_with)


@asynccontextmanager
async def _answering() -> AsyncGenerator[None, None]:
    try:
        async with asyncio.timeout(ANSWER_S):
            yield
    except (RedisError, OSError):
        raise UnavailableError from None


def _key(ticket: str, job_id: UUID) -> str:
    return f"shootout:ticket:{hashlib.sha256(f'{job_id}:{ticket}'.encode()).hexdigest()}"
