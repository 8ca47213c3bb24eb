"""Safe retries of requests with `Idempotency-Key`.

A client that receives no response can't know whether its request succeeded. With a key it can retry: the response is
stored in the transaction of the request's changes, and returned again.
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
from tone_shootout.kit.http.problems import ConflictError
from tone_shootout.kit.keyring import KeyRing, UnreadableSecretError

RECORD_LIFETIME: Final = timedelta(hours=24)
"""Lifetime of a stored response."""
REPLAYED_HEADER: Final = "Idempotency-Replayed"
"""Response header of a stored response."""

T = TypeVar("T")

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description=(
            "Unique key of the request, for instance a UUID. A retry with the same key within 24 hours does not run "
            f"again, but returns the stored response with `{REPLAYED_HEADER}: true`. Errors are not stored."
        ),
    ),
]


class Idempotent:
    """Executes a request, or returns its stored response.

    Args:
        session: the request's unit of work.
        owner_id: the user; keys of different users are independent.
        key: the `Idempotency-Key`; None: execute always.
        fingerprint: SHA-256 of the request; empty without a key.
        key_ring: encrypts responses with secrets.
    """

    def __init__(
        self, session: AsyncSession, owner_id: UUID, key: str | None, fingerprint: bytes, key_ring: KeyRing
    ) -> None:
        self._records = IdempotencyRepository(session)
        self._key_ring = key_ring
        self._owner_id = owner_id
        self._key = key
        self._fingerprint = fingerprint

    async def __call__(self, handle: Callable[[], Awaitable[Response[T]]], *, secret: bool = False) -> Response[T]:
        """Return the response of `handle`, or the stored one.

        If `handle` or the transaction fails, nothing is stored and the key can be used again. A response with a
        `secret` is stored encrypted.

        Raises:
            IdempotencyInFlightError: another request with this key is in progress.
            IdempotencyKeyReusedError: the key was used for a different request.
            ConflictError: the stored response was encrypted with a key that has been removed.
        """
        if self._key is None:
            return await handle()
        if not await self._records.try_lock(self._owner_id, self._key):
            raise IdempotencyInFlightError
        record = await self._records.get_by_key(self._owner_id, self._key)
        if record is not None:
            if record.fingerprint != self._fingerprint:
                raise IdempotencyKeyReusedError
            return cast(Response[T], self._replay(record, secret=secret))
        response = await handle()
        await self._records.put(
            owner_id=self._owner_id,
            key=self._key,
            fingerprint=self._fingerprint,
            status=cast(int, response.status_code),
            headers=dict(response.headers),
            body=self._sealed(msgspec.json.encode(response.content), secret=secret),
            lifetime=RECORD_LIFETIME,
        )
        return response

    def _sealed(self, body: bytes, *, secret: bool) -> bytes:
        return self._key_ring.encrypt(body.decode(), self._purpose) if secret else body

    def _replay(self, record: IdempotencyRecord, *, secret: bool) -> Response[bytes]:
        headers = {**record.headers, REPLAYED_HEADER: "true"}
        try:
            body = self._key_ring.decrypt(record.body, self._purpose).encode() if secret else record.body
        except UnreadableSecretError:
            raise ConflictError("The response to the first request with this key can't be read any more.") from None
        return Response(body, status_code=record.status, headers=headers, media_type=MediaType.JSON)

    @property
    def _purpose(self) -> str:
        return f"idempotency:{self._owner_id}:{self._key}"


async def provide_idempotent(
    request: Request[Any, Any, Any],
    db_session: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    key_ring: NamedDependency[KeyRing],
    idempotency_key: IdempotencyKey = None,
) -> Idempotent:
    """Provide `idempotent` to operations that support `Idempotency-Key`."""
    fingerprint = b"" if idempotency_key is None else await _fingerprint(request)
    return Idempotent(db_session, principal.user_id, idempotency_key, fingerprint, key_ring)


async def _fingerprint(request: Request[Any, Any, Any]) -> bytes:
    parts = (request.method.encode(), request.url.path.encode(), request.scope["query_string"], await request.body())
    return hashlib.sha256(msgspec.msgpack.encode(parts)).digest()
