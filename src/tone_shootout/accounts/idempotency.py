"""Doing once what is asked for twice: `Idempotency-Key`.

A program that gets no answer can't know whether it was heard. With a key it may ask again: the answer of the first time
is kept with what it did, in the same transaction, and given again.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any, Final, TypeVar, cast
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.params import HeaderParameter
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.errors import IdempotencyInFlightError, IdempotencyKeyReusedError
from tone_shootout.accounts.models import IdempotencyRecord
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.repositories import IdempotencyRepository

KEPT: Final = timedelta(hours=24)
"""How long an answer is kept."""
REPLAYED: Final = "Idempotency-Replayed"
"""Header of an answer that was given before."""

T = TypeVar("T")

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description=(
            "Any text of yours that no other request of the last 24 hours had, for instance a UUID. The same request "
            f"with the same key is done once and answered the same, with `{REPLAYED}: true`. Failures are not kept."
        ),
    ),
]


class Idempotent:
    """Does what a request asks for, unless it was done before."""

    def __init__(self, session: AsyncSession, owner_id: UUID, key: str | None, fingerprint: bytes) -> None:
        self._records = IdempotencyRepository(session)
        self._owner_id = owner_id
        self._key = key
        self._fingerprint = fingerprint

    async def __call__(self, make: Callable[[], Awaitable[Response[T]]]) -> Response[T]:
        """Return what `make` answers, or what it has answered before.

        Whoever comes while it is being made is told so. What `make` raises is not kept, nor is anything whose
        transaction fails: the key is free again.

        Raises:
            IdempotencyInFlightError: another request with this key is at it.
            IdempotencyKeyReusedError: the key was another request's.
        """
        if self._key is None:
            return await make()
        if not await self._records.try_lock(self._owner_id, self._key):
            raise IdempotencyInFlightError
        record = await self._records.get_by_key(self._owner_id, self._key)
        if record is not None:
            if record.fingerprint != self._fingerprint:
                raise IdempotencyKeyReusedError
            return cast(Response[T], _replayed(record))
        answer = await make()
        await self._records.put(
            owner_id=self._owner_id,
            key=self._key,
            fingerprint=self._fingerprint,
            status=cast(int, answer.status_code),
            headers=dict(answer.headers),
            body=msgspec.json.encode(answer.content),
            lifetime=KEPT,
        )
        return answer


def _replayed(record: IdempotencyRecord) -> Response[bytes]:
    headers = {**record.headers, REPLAYED: "true"}
    return Response(record.body, status_code=record.status, headers=headers, media_type=MediaType.JSON)


async def provide_idempotent(
    request: Request[Any, Any, Any],
    db_session: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    idempotency_key: IdempotencyKey = None,
) -> Idempotent:
    """Return the dependency `once` of operations that honour `Idempotency-Key`."""
    asked = (request.method.encode(), request.url.path.encode(), request.scope["query_string"], await request.body())
    digest = hashlib.sha256(msgspec.msgpack.encode(asked)).digest()
    return Idempotent(db_session, principal.user_id, idempotency_key, digest)
