"""Connections of users with TONE3000: pairs of tokens, encrypted at rest and renewed before they expire.

A refresh token of TONE3000 works once. So one process at a time renews a pair, under the lock of its row, and commits
the new pair before using it. Processes that waited for the lock use the new pair.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.audit.services import AuditLog
from tone_shootout.accounts.errors import (
    LinkedElsewhereError,
    NotConnectedError,
    OnlySignInError,
    OtherAccountError,
    ReconnectError,
)
from tone_shootout.accounts.models import Tone3000Connection
from tone_shootout.accounts.repositories import ApiTokenRepository, ConnectionRepository
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.keyring import KeyRing, UnreadableSecretError
from tone_shootout.tone3000.errors import GrantError, TokenRefusedError, Tone3000Error
from tone_shootout.tone3000.oauth import OAuthClient
from tone_shootout.tone3000.types import TokenPair, User, plain

T = TypeVar("T")

MAX_RENEWALS: Final = 4
"""Maximum number of concurrent renewals in a process. Each holds a database connection during a request to TONE3000."""
RENEW_BEFORE: Final = timedelta(seconds=60)
"""Time before expiry at which an access token is renewed, so that it does not expire during a request."""
CLOSE_TIMEOUT_S: Final = 3.0
"""Maximum time that a stopping process waits for pending renewals."""
_FINAL_ERRORS: Final = frozenset(
    {"invalid_grant", "refresh_token_already_used", "session_expired", "session_not_found", "user_banned"}
)
"""OAuth error codes after which a refresh token is invalid. After any other error a retry can succeed."""

_log = structlog.get_logger(__name__)


class StoredTokens(Struct, frozen=True, kw_only=True):
    """Content of the encrypted column `Tone3000Connection.tokens`."""

    access_token: str
    refresh_token: str
    scope: str | None = None

    def __repr__(self) -> str:
        """Return a text without secrets."""
        return "StoredTokens(…)"


class ConnectionStore:
    """Stores connections with TONE3000, in the caller's unit of work."""

    def __init__(self, session: AsyncSession, keys: KeyRing) -> None:
        self._connections = ConnectionRepository(session)
        self._tokens = ApiTokenRepository(session)
        self._audit = AuditLog(session)
        self._keys = keys

    async def get_owner(self, tone3000_user_id: str) -> UUID | None:
        """Return the user connected with a TONE3000 account, None if there is none.

        No other transaction can connect the account until this one ends.
        """
        await self._connections.lock_tone3000_user(tone3000_user_id)
        connection = await self._connections.get_by_tone3000_user(tone3000_user_id)
        return None if connection is None else connection.user_id

    async def connect(self, user_id: UUID, tone3000_user: User, pair: TokenPair) -> None:
        """Connect a user with a TONE3000 account, or replace the tokens of an existing connection.

        Raises:
            LinkedElsewhereError: the account is connected with another user.
            OtherAccountError: the user is connected with another account.
        """
        if await self.get_owner(tone3000_user.id) not in (None, user_id):
            raise LinkedElsewhereError
        connection = await self._connections.get_for_user(user_id, lock=True)
        is_new = connection is None
        if connection is None:
            connection = Tone3000Connection(user_id=user_id, tone3000_user_id=str(tone3000_user.id))
        elif connection.tone3000_user_id != tone3000_user.id:
            raise OtherAccountError
        connection.username = plain(tone3000_user.name)[:100]
        self.store_tokens(connection, pair)
        await self._connections.add(connection)
        if is_new:
            await self._audit.record("tone3000_connected", user_id=user_id, username=connection.username)

    async def disconnect(self, user_id: UUID) -> None:
        """Delete a user's connection and its tokens, which TONE3000 offers no way to revoke.

        Raises:
            NotConnectedError: the user is not connected.
            OnlySignInError: the user has no API token of write scope to sign in with.
        """
        if not await self._connections.delete_for_user(user_id):
            raise NotConnectedError
        if not await self._tokens.has_write_token(user_id, datetime.now(UTC)):
            raise OnlySignInError
        await self._audit.record("tone3000_disconnected", user_id=user_id)

    async def get_for_user(self, user_id: UUID, *, lock: bool = False) -> Tone3000Connection | None:
        """Return a user's connection; with `lock`, its row is locked until the transaction ends."""
        return await self._connections.get_for_user(user_id, lock=lock)

    def store_tokens(self, connection: Tone3000Connection, pair: TokenPair) -> None:
        """Replace the tokens of a connection."""
        stored = StoredTokens(access_token=pair.access_token, refresh_token=pair.refresh_token, scope=pair.scope)
        connection.tokens = self._keys.encrypt(msgspec.json.encode(stored).decode(), _purpose(connection.user_id))
        connection.expires_at = datetime.now(UTC) + timedelta(seconds=pair.expires_in)

    def decrypt_tokens(self, connection: Tone3000Connection) -> StoredTokens | None:
        """Return the tokens of a connection; None if there are none, or they can't be decrypted."""
        if connection.tokens is None:
            return None
        try:
            text = self._keys.decrypt(connection.tokens, _purpose(connection.user_id))
            return msgspec.json.decode(text, type=StoredTokens)
        except (UnreadableSecretError, msgspec.DecodeError):
            _log.error("tone3000_tokens_unreadable", user_id=str(connection.user_id))
            return None

    async def reencrypt(self) -> int:
        """Encrypt all tokens with the first key of the ring; return the number of connections.

        Afterwards the other keys can be removed.
        """
        count = 0
        for user_id in await self._connections.list_user_ids():
            connection = await self._connections.get_for_user(user_id, lock=True)
            if connection is not None and connection.tokens is not None:
                connection.tokens = self._keys.rotate(connection.tokens)
                await self._connections.add(connection)
                count += 1
        return count


class ConnectionService:
    """Provides access tokens of TONE3000, in units of work of its own.

    A process has one instance: concurrent requests for the same user's token share one renewal and its outcome.

    Args:
        sessions: opens sessions of the database.
        keys: encrypts the tokens.
        oauth: client of TONE3000's token endpoint.
    """

    def __init__(self, sessions: SessionMaker, keys: KeyRing, oauth: OAuthClient) -> None:
        self._sessions = sessions
        self._keys = keys
        self._oauth = oauth
        self._slots = asyncio.Semaphore(MAX_RENEWALS)
        self._renewals: dict[UUID, asyncio.Task[str]] = {}

    async def get_access_token(self, user_id: UUID, *, rejected: str | None = None) -> str:
        """Return an access token that is valid for at least `RENEW_BEFORE`, if TONE3000 can renew it.

        Args:
            user_id: the user.
            rejected: an access token that TONE3000 rejected before its expiry.

        Raises:
            NotConnectedError: the user is not connected with TONE3000.
            ReconnectError: TONE3000 has ended the connection.
            Tone3000Error: the token has expired and the renewal failed; a later one can succeed.
        """
        async with self._sessions() as session:
            store = ConnectionStore(session, self._keys)
            connection, stored = self._require_tokens(store, await store.get_for_user(user_id))
        if _is_fresh(connection, stored, rejected):
            return stored.access_token
        while True:
            # Shielded: a renewal that is cancelled before its commit would lose the new pair.
            token = await asyncio.shield(self._renewals.get(user_id) or self._start_renewal(user_id, rejected))
            if token != rejected:  # a renewal started by another request may return the rejected token
                return token

    async def aclose(self) -> None:
        """Wait for pending renewals, so that no new pair is lost when the process stops."""
        if self._renewals:
            await asyncio.wait(self._renewals.values(), timeout=CLOSE_TIMEOUT_S)

    async def call(self, user_id: UUID, request: Callable[[str], Awaitable[T]]) -> T:
        """Call `request` with a user's access token; if TONE3000 rejects the token, retry with a renewed one.

        Raises:
            NotConnectedError: the user is not connected with TONE3000.
            ReconnectError: TONE3000 has ended the connection.
            Tone3000Error: `request` failed, or the token could not be renewed.
        """
        token = await self.get_access_token(user_id)
        try:
            return await request(token)
        except TokenRefusedError:
            token = await self.get_access_token(user_id, rejected=token)
        try:
            return await request(token)
        except TokenRefusedError:
            raise ReconnectError from None

    def _start_renewal(self, user_id: UUID, rejected: str | None) -> asyncio.Task[str]:
        renewal = self._renewals[user_id] = asyncio.create_task(self._renew(user_id, rejected))
        renewal.add_done_callback(lambda _: self._renewals.pop(user_id))
        return renewal

    async def _renew(self, user_id: UUID, rejected: str | None) -> str:
        async with self._slots, self._sessions() as session:
            store = ConnectionStore(session, self._keys)
            connection, stored = self._require_tokens(store, await store.get_for_user(user_id, lock=True))
            if _is_fresh(connection, stored, rejected):
                return stored.access_token  # another process has renewed it
            try:
                pair = await self._oauth.refresh(stored.refresh_token)
            except Tone3000Error as error:
                if isinstance(error, GrantError) and error.error in _FINAL_ERRORS:
                    connection.tokens = None
                    await session.commit()
                    _log.info("tone3000_connection_ended", user_id=str(user_id), reason=error.error)
                    raise ReconnectError from None
                if connection.expires_at <= datetime.now(UTC) or stored.access_token == rejected:
                    raise
                return stored.access_token  # still valid for some seconds; the next request retries
            store.store_tokens(connection, pair)
            await session.commit()
        return pair.access_token

    @staticmethod
    def _require_tokens(
        store: ConnectionStore, connection: Tone3000Connection | None
    ) -> tuple[Tone3000Connection, StoredTokens]:
        if connection is None:
            raise NotConnectedError
        stored = store.decrypt_tokens(connection)
        if stored is None:
            raise ReconnectError
        return connection, stored


def _is_fresh(connection: Tone3000Connection, stored: StoredTokens, rejected: str | None) -> bool:
    return connection.expires_at - RENEW_BEFORE > datetime.now(UTC) and stored.access_token != rejected


def _purpose(user_id: UUID) -> str:
    return f"tone3000:{user_id}"
