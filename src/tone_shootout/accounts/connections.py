"""What lets us ask TONE3000 for somebody: a pair of tokens, encrypted at rest, and renewed before it ends.

TONE3000's refresh tokens work once. So a pair is renewed under the lock of its row, by one process at a time, and the
new pair is committed before anybody uses it. Whoever waited for the lock finds the new pair and asks for none.
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
from tone_shootout.tone3000.oauth import SignIn
from tone_shootout.tone3000.types import TokenPair, User, plain

T = TypeVar("T")

AT_ONCE: Final = 4
"""Renewals that a process has under way: each holds a connection to the database while TONE3000 takes its time."""
EARLY: Final = timedelta(seconds=60)
"""So long before its end an access token is renewed: a request that is under way is not cut off."""
LAST_WAIT_S: Final = 3.0
"""Longest that a process that stops waits for renewals."""
_OVER: Final = frozenset(
    {"invalid_grant", "refresh_token_already_used", "session_expired", "session_not_found", "user_banned"}
)
"""Answers to a refresh after which the refresh token is of no more use. Any other may be better next time."""

_log = structlog.get_logger(__name__)


class StoredTokens(Struct, frozen=True, kw_only=True):
    """What is encrypted."""

    access_token: str
    refresh_token: str
    scope: str | None = None

    def __repr__(self) -> str:
        """Show nothing that must stay secret."""
        return "StoredTokens(…)"


class ConnectionStore:
    """Connections with TONE3000 in one unit of work."""

    def __init__(self, session: AsyncSession, keys: KeyRing) -> None:
        self._connections = ConnectionRepository(session)
        self._tokens = ApiTokenRepository(session)
        self._keys = keys

    async def get_owner_of(self, tone3000_user_id: str) -> UUID | None:
        """Return whose connection a person of TONE3000 is; nobody else connects them until the transaction ends."""
        await self._connections.lock_person(tone3000_user_id)
        connection = await self._connections.get_for_person(tone3000_user_id)
        return None if connection is None else connection.user_id

    async def connect(self, user_id: UUID, person: User, pair: TokenPair) -> None:
        """Connect a user with a person of TONE3000, or keep the new tokens of one who is connected.

        Raises:
            LinkedElsewhereError: the person belongs to another user.
            OtherAccountError: the user is connected with another person.
        """
        if await self.get_owner_of(person.id) not in (None, user_id):
            raise LinkedElsewhereError
        connection = await self._connections.get_for_user(user_id, lock=True)
        if connection is None:
            connection = Tone3000Connection(user_id=user_id, tone3000_user_id=str(person.id))
        elif connection.tone3000_user_id != person.id:
            raise OtherAccountError
        connection.username = plain(person.name)[:100]
        self.store_tokens(connection, pair)
        await self._connections.add(connection)

    async def disconnect(self, user_id: UUID) -> None:
        """Forget a user's connection. TONE3000 offers no way to revoke its tokens: they are deleted.

        Raises:
            NotConnectedError: there is none.
            OnlySignInError: the user has no other way to sign in that reaches as far.
        """
        if not await self._connections.delete_for_user(user_id):
            raise NotConnectedError
        if not await self._tokens.has_write_token(user_id, datetime.now(UTC)):
            raise OnlySignInError

    async def get_for_user(self, user_id: UUID, *, lock: bool = False) -> Tone3000Connection | None:
        """Return a user's connection."""
        return await self._connections.get_for_user(user_id, lock=lock)

    def store_tokens(self, connection: Tone3000Connection, pair: TokenPair) -> None:
        """Put a new pair in the place of the old one."""
        stored = StoredTokens(access_token=pair.access_token, refresh_token=pair.refresh_token, scope=pair.scope)
        connection.tokens = self._keys.encrypt(msgspec.json.encode(stored).decode(), _purpose(connection.user_id))
        connection.expires_at = datetime.now(UTC) + timedelta(seconds=pair.expires_in)

    def decrypt_tokens(self, connection: Tone3000Connection) -> StoredTokens | None:
        """Return the pair, None where there is none that could be used."""
        if connection.tokens is None:
            return None
        try:
            text = self._keys.decrypt(connection.tokens, _purpose(connection.user_id))
            return msgspec.json.decode(text, type=StoredTokens)
        except (UnreadableSecretError, msgspec.DecodeError):
            _log.error("tone3000_tokens_unreadable", user_id=str(connection.user_id))
            return None

    async def reencrypt(self) -> int:
        """Encrypt all tokens with the ring's first key, so that older ones can be taken away; return how many."""
        renewed = 0
        for user_id in await self._connections.list_user_ids():
            connection = await self._connections.get_for_user(user_id, lock=True)
            if connection is not None and connection.tokens is not None:
                connection.tokens = self._keys.rotate(connection.tokens)
                await self._connections.add(connection)
                renewed += 1
        return renewed


class ConnectionService:
    """Gives out access tokens of TONE3000, in units of work of its own.

    One for each process: requests of one process that want the same person's token wait for one renewal together, and
    share what comes of it.
    """

    def __init__(self, sessions: SessionMaker, keys: KeyRing, sign_in: SignIn) -> None:
        self._sessions = sessions
        self._keys = keys
        self._sign_in = sign_in
        self._places = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[UUID, asyncio.Task[str]] = {}

    async def access_token(self, user_id: UUID, *, refused: str | None = None) -> str:
        """Return a token that is good for a while, renewed if need be.

        Args:
            user_id: for whom.
            refused: an access token that TONE3000 has refused, although it has not expired.

        Raises:
            NotConnectedError: the user is not connected with TONE3000.
            ReconnectError: they were, and TONE3000 has ended it.
            Tone3000Error: it could not be renewed this time.
        """
        async with self._sessions() as session:
            store = ConnectionStore(session, self._keys)
            connection, stored = self._found(store, await store.get_for_user(user_id))
        if _is_good(connection, stored, refused):
            return stored.access_token
        while True:
            # To its end, even if nobody waits for it any more: a new pair that is not written down is lost.
            token = await asyncio.shield(self._under_way.get(user_id) or self._begin(user_id, refused))
            if token != refused:  # else it was under way for somebody who did not know that
                return token

    async def aclose(self) -> None:
        """Wait for the renewals that are under way, so that no new pair is lost because the process stops."""
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=LAST_WAIT_S)

    async def using(self, user_id: UUID, ask: Callable[[str], Awaitable[T]]) -> T:
        """Ask TONE3000 something with a user's token, once more with a new one where it refuses the first.

        Raises:
            NotConnectedError: the user is not connected with TONE3000.
            ReconnectError: they were, and TONE3000 has ended it.
            Tone3000Error: whatever `ask` raises, or the token could not be renewed this time.
        """
        token = await self.access_token(user_id)
        try:
            return await ask(token)
        except TokenRefusedError:
            token = await self.access_token(user_id, refused=token)
        try:
            return await ask(token)
        except TokenRefusedError:
            raise ReconnectError from None

    def _begin(self, user_id: UUID, refused: str | None) -> asyncio.Task[str]:
        renewal = self._under_way[user_id] = asyncio.create_task(self._renewed(user_id, refused))
        renewal.add_done_callback(lambda _: self._under_way.pop(user_id))
        return renewal

    async def _renewed(self, user_id: UUID, refused: str | None) -> str:
        async with self._places, self._sessions() as session:
            store = ConnectionStore(session, self._keys)
            connection, stored = self._found(store, await store.get_for_user(user_id, lock=True))
            if _is_good(connection, stored, refused):
                return stored.access_token  # somebody else was faster
            try:
                pair = await self._sign_in.refresh(stored.refresh_token)
            except Tone3000Error as error:
                if isinstance(error, GrantError) and error.error in _OVER:
                    connection.tokens = None
                    await session.commit()
                    _log.info("tone3000_connection_ended", user_id=str(user_id), reason=error.error)
                    raise ReconnectError from None
                if connection.expires_at <= datetime.now(UTC) or stored.access_token == refused:
                    raise
                return stored.access_token  # good for some seconds more; the next one tries again
            store.store_tokens(connection, pair)
            await session.commit()
        return pair.access_token

    @staticmethod
    def _found(
        store: ConnectionStore, connection: Tone3000Connection | None
    ) -> tuple[Tone3000Connection, StoredTokens]:
        if connection is None:
            raise NotConnectedError
        stored = store.decrypt_tokens(connection)
        if stored is None:
            raise ReconnectError
        return connection, stored


def _is_good(connection: Tone3000Connection, stored: StoredTokens, refused: str | None) -> bool:
    return connection.expires_at - EARLY > datetime.now(UTC) and stored.access_token != refused


def _purpose(user_id: UUID) -> str:
    return f"tone3000:{user_id}"
