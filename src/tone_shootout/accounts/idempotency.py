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
from litestar.params import HeaderParameter, SkipValidation
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.errors import IdempotencyInFlightError, IdempotencyKeyReusedError
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.repositories import IdempotencyRepository
from tone_shootout.kit.db.session import SessionMaker
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


class _StoredResponses:
    """The stored response of one key.

    Args:
        session: where it is stored.
        owner_id: the user; keys of different users are independent.
        key: the `Idempotency-Key`.
        key_ring: encrypts responses with secrets.
    """

    def __init__(self, session: AsyncSession, owner_id: UUID, key: str, key_ring: KeyRing) -> None:
        self.records = IdempotencyRepository(session)
        self._key_ring = key_ring
        self._owner_id = owner_id
        self._key = key

    async def find(self, fingerprint: bytes, *, secret: bool = False) -> Response[bytes] | None:
        """Return the stored response, None if there is none.

        Raises:
            IdempotencyKeyReusedError: the key was used for a request with another fingerprint.
            ConflictError: the stored response was encrypted with a key that has been removed.
        """
        record = await self.records.get_by_key(self._owner_id, self._key)
        if record is None:
            return None
        if record.fingerprint != fingerprint:
            raise IdempotencyKeyReusedError
        headers = {**record.headers, REPLAYED_HEADER: "true"}
        try:
            body = self._key_ring.decrypt(record.body, self._purpose).encode() if secret else record.body
        except UnreadableSecretError:
            raise ConflictError("The response to the first request with this key can't be read any more.") from None
        return Response(body, status_code=record.status, headers=headers, media_type=MediaType.JSON)

    async def put(self, response: Response[Any], fingerprint: bytes, *, secret: bool = False) -> None:
        """Store a response."""
        body = msgspec.json.encode(response.content)
        await self.records.put(
            owner_id=self._owner_id,
            key=self._key,
            fingerprint=fingerprint,
            status=cast(int, response.status_code),
            headers=dict(response.headers),
            body=self._key_ring.encrypt(body.decode(), self._purpose) if secret else body,
            lifetime=RECORD_LIFETIME,
        )

    @property
    def _purpose(self) -> str:
        return f"idempotency:{self._owner_id}:{self._key}"


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
        self._session = session
        self._owner_id = owner_id
        self._key = key
        self._fingerprint = fingerprint
        self._key_ring = key_ring

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
        stored = _StoredResponses(self._session, self._owner_id, self._key, self._key_ring)
        if not await stored.records.try_lock(self._owner_id, self._key):
            raise IdempotencyInFlightError
        if (found := await stored.find(self._fingerprint, secret=secret)) is not None:
            return cast(Response[T], found)
        response = await handle()
        await stored.put(response, self._fingerprint, secret=secret)
        return response


class IdempotentTransfer:
    """Executes a request that receives or downloads files, or returns its stored response.

    Such a request can take minutes, in which it holds no connection to the database and thus no lock. Of several
    requests with one key at the same time, each runs; the response of the first to finish is the response of all. Use
    it only where that has the effect of one request: the library adds the same file once.

    Args:
        session: the request's unit of work, used only after `handle`.
        session_maker: opens sessions of the database.
        owner_id: the user; keys of different users are independent.
        key: the `Idempotency-Key`; None: execute always.
        operation: what identifies the operation: method, path and query.
        key_ring: encrypts responses with secrets; here there are none.
    """

    def __init__(
        self,
        session: AsyncSession,
        session_maker: SessionMaker,
        owner_id: UUID,
        key: str | None,
        operation: tuple[bytes, ...],
        key_ring: KeyRing,
    ) -> None:
        self._session = session
        self._session_maker = session_maker
        self._owner_id = owner_id
        self._key = key
        self._operation = operation
        self._key_ring = key_ring

    async def is_stored(self, session: AsyncSession) -> bool:
        """Return whether there is a response with this key, so that the request will change nothing."""
        if self._key is None:
            return False
        return await IdempotencyRepository(session).get_by_key(self._owner_id, self._key) is not None

    async def __call__(
        self, handle: Callable[[], Awaitable[Response[T]]], content: Callable[[], Awaitable[Any]] | None = None
    ) -> Response[T]:
        """Return the response of `handle`, or the stored one.

        Args:
            handle: executes the request.
            content: returns what distinguishes the request's body from others, as plain data; None: it has no body.

        Raises:
            IdempotencyInFlightError: another request with this key is being finished at this moment.
            IdempotencyKeyReusedError: the key was used for a different request.
        """
        if self._key is None:
            return await handle()
        parts = (*self._operation, None if content is None else await content())
        fingerprint = hashlib.sha256(msgspec.msgpack.encode(parts)).digest()
        async with self._session_maker() as session:
            found = await self._stored(session, self._key).find(fingerprint)
        if found is not None:
            return cast(Response[T], found)
        response = await handle()
        stored = self._stored(self._session, self._key)
        if not await stored.records.try_lock(self._owner_id, self._key):
            raise IdempotencyInFlightError
        if (found := await stored.find(fingerprint)) is not None:  # another request with this key was faster
            return cast(Response[T], found)
        await stored.put(response, fingerprint)
        return response

    def _stored(self, session: AsyncSession, key: str) -> _StoredResponses:
        return _StoredResponses(session, self._owner_id, key, self._key_ring)


async def provide_idempotent(
    request: Request[Any, Any, Any],
    db_session: NamedDependency[AsyncSession],
    principal: NamedDependency[Principal],
    key_ring: NamedDependency[KeyRing],
    idempotency_key: IdempotencyKey = None,
) -> Idempotent:
    """Provide `idempotent` to operations that support `Idempotency-Key`."""
    fingerprint = b""
    if idempotency_key is not None:
        parts = (*_operation(request), await request.body())
        fingerprint = hashlib.sha256(msgspec.msgpack.encode(parts)).digest()
    return Idempotent(db_session, principal.user_id, idempotency_key, fingerprint, key_ring)


def provide_idempotent_transfer(
    request: Request[Any, Any, Any],
    db_session: NamedDependency[AsyncSession],
    session_maker: NamedDependency[SkipValidation[SessionMaker]],
    principal: NamedDependency[Principal],
    key_ring: NamedDependency[KeyRing],
    idempotency_key: IdempotencyKey = None,
) -> IdempotentTransfer:
    """Provide `idempotent_transfer` to uploads and imports; it leaves the request's body alone."""
    return IdempotentTransfer(
        db_session, session_maker, principal.user_id, idempotency_key, _operation(request), key_ring
    )


def _operation(request: Request[Any, Any, Any]) -> tuple[bytes, ...]:
    return request.method.encode(), request.url.path.encode(), request.scope["query_string"]
