"""One-time sign-in links, in Redis.

A person who has the code of a link signs in as its user, once, within 15 minutes. Codes are stored as hashes.
"""

import secrets
from typing import Final
from uuid import UUID

from redis.asyncio import Redis

from tone_shootout.accounts.credentials import MAX_CREDENTIAL_LENGTH
from tone_shootout.accounts.pending_sign_ins import hash_secret

LINK_LIFETIME_S: Final = 900
"""Lifetime of a link in seconds."""


class SignInLinks:
    """Creates and redeems the codes of sign-in links."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def create(self, user_id: UUID) -> str:
        """Return the code of a new link, 256 random bits."""
        code = secrets.token_urlsafe(32)
        await self._redis.set(_key(code), user_id.bytes, ex=LINK_LIFETIME_S)
        return code

    async def find(self, code: str) -> UUID | None:
        """Return the user of a code without using it up; None if it is unknown, used or expired."""
        return _user_id(await self._redis.get(_key(code)) if len(code) <= MAX_CREDENTIAL_LENGTH else None)

    async def redeem(self, code: str) -> UUID | None:
        """Use a code up and return its user; None if it is unknown, used or expired."""
        return _user_id(await self._redis.getdel(_key(code)) if len(code) <= MAX_CREDENTIAL_LENGTH else None)


def _user_id(stored: bytes | None) -> UUID | None:
    return None if stored is None else UUID(bytes=stored)


def _key(code: str) -> str:
    return f"shootout:sign-in:link:{hash_secret(code)}"
