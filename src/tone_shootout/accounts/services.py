"""Services of users, API tokens and sessions. They do not commit."""

import itertools
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

import structlog
from advanced_alchemy.service import SQLAlchemyAsyncRepositoryService
from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tone_shootout.accounts.credentials import (
    VISIBLE_CHARACTERS,
    AccessTokens,
    RefreshTokens,
    digest,
    new_api_token,
)
from tone_shootout.accounts.errors import (
    InvalidCredentialsError,
    SessionNotFoundError,
    TokenNotFoundError,
    UserDisabledError,
    UserExistsError,
    UserNameError,
    UserNotFoundError,
)
from tone_shootout.accounts.models import NAME_PATTERN, ApiToken, Tone3000Connection, User, UserSession
from tone_shootout.accounts.principal import Credential, Principal, Role, Scope
from tone_shootout.accounts.repositories import (
    AccountRow,
    ApiTokenRepository,
    ConnectionRepository,
    CredentialRepository,
    SessionRepository,
    UserRepository,
)
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.settings import SecuritySettings

REFRESH_OVERLAP = timedelta(seconds=30)
"""Time after an exchange during which the same refresh token returns the same successor."""
LOCAL_ADMINISTRATOR = "admin"
"""Name of the administrator of a new installation."""
_USER_AGENT_LENGTH = 200

_log = structlog.get_logger(__name__)


class IssuedToken(NamedTuple):
    """A new API token, with the only copy of its secret."""

    token: ApiToken
    secret: str


class AccountService(SQLAlchemyAsyncRepositoryService[User, UserRepository]):
    """Users and their API tokens.

    Creation of users is CRUD. API tokens are not: a token is issued once with a secret, then only revoked.
    """

    repository_type = UserRepository

    # Made when they are needed: a request needs one or two of them.

    @cached_property
    def _tokens(self) -> ApiTokenRepository:
        return ApiTokenRepository(self.repository.session)

    @cached_property
    def _sessions(self) -> SessionRepository:
        return SessionRepository(self.repository.session)

    @cached_property
    def _connections(self) -> ConnectionRepository:
        return ConnectionRepository(self.repository.session)

    async def create_user(self, name: str, *, role: Role = "user", display_name: str | None = None) -> User:
        """Create a user.

        Raises:
            UserNameError: the name is invalid.
            UserExistsError: the name is taken, ignoring case.
        """
        if not re.fullmatch(NAME_PATTERN, name):
            raise UserNameError
        user = User(name=name, display_name=display_name, role=role, is_active=True)
        try:
            await self.create(user)
        except IntegrityError:
            raise UserExistsError(name) from None
        return user

    async def create_unique_user(self, stem: str, *, display_name: str | None) -> User:
        """Create a user named `stem`, or `stem` with a number appended if that name is taken.

        Raises:
            UserNameError: the name is invalid.
        """
        await self.repository.lock_names()
        taken = await self.repository.list_names_with_prefix(stem)
        numbered = (f"{stem}-{number}" for number in itertools.count(2))
        name = next(name for name in itertools.chain([stem], numbered) if name.lower() not in taken)
        return await self.create_user(name, display_name=display_name)

    async def get_user(self, user_id: UUID) -> User:
        """Return a user by id.

        Raises:
            UserNotFoundError: the user does not exist.
        """
        user = await self.repository.find(user_id)
        if user is None:
            raise UserNotFoundError
        return user

    async def find_active_user(self, user_id: UUID) -> User | None:
        """Return a user by id, None if the user does not exist or is disabled."""
        user = await self.repository.find(user_id)
        return user if user is not None and user.is_active else None

    async def read(self, user_id: UUID) -> AccountRow:
        """Return what a response shows of a user.

        Raises:
            UserNotFoundError: the user does not exist.
        """
        found = await self.repository.read(user_id)
        if found is None:
            raise UserNotFoundError
        return found

    async def get_connection(self, user_id: UUID) -> Tone3000Connection | None:
        """Return a user's connection with TONE3000, None if there is none."""
        return await self._connections.get_for_user(user_id)

    async def count_credentials(self, user_id: UUID) -> tuple[int, int]:
        """Return the number of a user's API tokens that are not revoked, and of their valid sessions."""
        tokens = await self._tokens.count_active(user_id)
        return tokens, await self._sessions.count_valid(user_id, datetime.now(UTC))

    async def get_user_by_name(self, name: str) -> User:
        """Return a user by name, ignoring case.

        Raises:
            UserNotFoundError: the user does not exist.
        """
        user = await self.repository.get_by_name(name)
        if user is None:
            raise UserNotFoundError
        return user

    async def get_or_create_user(self, name: str) -> tuple[User, bool]:
        """Return a user by name, ignoring case, and whether the user is new.

        Raises:
            UserNameError: the name is invalid.
        """
        found = await self.repository.get_by_name(name)
        return (found, False) if found is not None else (await self.create_user(name), True)

    async def get_or_create_administrator(self) -> tuple[User, bool]:
        """Return the active administrator who was created first, and whether there was none and one was created."""
        found = await self.repository.find_administrator()
        if found is not None:
            return found, False
        created = await self.create_unique_user(LOCAL_ADMINISTRATOR, display_name=None)
        created.role = "administrator"
        return created, True

    async def get_display_names(self, user_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the public names of users by id; deleted users are omitted."""
        users = await self.repository.list_by_ids(user_ids)
        return {user.id: user.display_name or user.name for user in users}

    async def list_users(self) -> Sequence[User]:
        """Return all users, ordered by name."""
        return await self.repository.list_all()

    async def set_role(self, user: User, role: Role) -> None:
        """Set a user's role."""
        user.role = role

    async def set_active(self, user: User, *, is_active: bool) -> None:
        """Enable or disable a user. All credentials of a disabled user are invalid."""
        user.is_active = is_active

    async def delete_user(self, user_id: UUID) -> None:
        """Delete a user with all their rows; an unknown user is ignored.

        The caller cancels the user's jobs before and deletes their objects afterwards (`account_deletion`).
        """
        await self.repository.delete_by_id(user_id)

    async def issue_token(
        self, user: User, *, name: str, scope: Scope = "write", expires_at: datetime | None = None
    ) -> IssuedToken:
        """Create an API token for a user.

        Raises:
            UserDisabledError: the user is disabled.
            UserNotFoundError: the user has been deleted.
        """
        if not user.is_active:
            raise UserDisabledError(user.name)
        secret = new_api_token()
        token = ApiToken(
            user_id=user.id,
            name=name,
            prefix=secret[:VISIBLE_CHARACTERS],
            hash=digest(secret),
            scope=scope,
            expires_at=expires_at,
        )
        try:
            await self._tokens.add(token)
        except IntegrityError:
            raise UserNotFoundError from None
        return IssuedToken(token, secret)

    async def list_tokens(self, owner_id: UUID, paging: Paging) -> tuple[Sequence[ApiToken], int]:
        """Return a page of a user's tokens that are not revoked, newest first, and their total."""
        return await self._tokens.list_active(owner_id, paging)

    async def get_token(self, owner_id: UUID, token_id: UUID) -> ApiToken:
        """Return one of a user's tokens.

        Raises:
            TokenNotFoundError: the user has no such token, or it is revoked.
        """
        token = await self._tokens.get_active(owner_id, token_id)
        if token is None:
            raise TokenNotFoundError
        return token

    async def revoke_token(self, owner_id: UUID, token_id: UUID) -> None:
        """Revoke one of a user's tokens, which ends the sessions started with it.

        Raises:
            TokenNotFoundError: the user has no such token, or it is revoked.
        """
        if not await self._tokens.revoke(owner_id, token_id, datetime.now(UTC)):
            raise TokenNotFoundError


async def filter_valid_credentials(session: AsyncSession, credentials: Collection[Credential]) -> frozenset[Credential]:
    """Return those of the credentials that are valid.

    A token is invalid once it is revoked or expired, a session once it or the token that started it is revoked or
    expired, and both once the user is disabled or deleted.
    """
    return await CredentialRepository(session).filter_valid(credentials, datetime.now(UTC))


def select_active_users() -> Select[tuple[UUID]]:
    """Return a subquery of the ids of all users who are not disabled, for statements outside of requests."""
    return UserRepository.select_active()


class SessionTokens(NamedTuple):
    """Access token and refresh token of a session, with their lifetimes."""

    session_id: UUID
    access_token: str
    access_lifetime: timedelta
    refresh_token: str
    refresh_lifetime: timedelta


class SessionService:
    """Sessions: start, renewal, validation and end.

    Args:
        session: the unit of work.
        settings: signing secret, and lifetimes of the tokens.
    """

    def __init__(self, session: AsyncSession, settings: SecuritySettings) -> None:
        self._credentials = CredentialRepository(session)
        self._sessions = SessionRepository(session)
        self._access_tokens = AccessTokens(settings)
        self._refresh_tokens = RefreshTokens(settings)
        self._lifetime = timedelta(days=settings.refresh_days)

    async def start(self, api_token: str, *, user_agent: str | None) -> SessionTokens:
        """Start a session with the scope of an API token. It ends when the token expires or is revoked.

        Raises:
            InvalidCredentialsError: the token is invalid.
        """
        now = datetime.now(UTC)
        bearer = await self._credentials.get_by_token(digest(api_token), now)
        if bearer is None:
            raise InvalidCredentialsError
        await self._credentials.touch(bearer, now)
        return await self._start(bearer.user_id, bearer.scope, bearer.token_id, user_agent, now)

    async def start_for(self, user_id: UUID, *, user_agent: str | None) -> SessionTokens:
        """Start a session of write scope for a user authenticated by other means."""
        return await self._start(user_id, "write", None, user_agent, datetime.now(UTC))

    async def renew(self, refresh_token: str) -> SessionTokens | None:
        """Exchange a session's newest refresh token for its successor.

        For `REFRESH_OVERLAP`, the previous token returns the same successor, because two tabs of a browser can refresh
        at the same time and a response can be lost. Use of any older token ends the session, because either the owner's
        or a thief's copy was used before.

        Returns:
            The new tokens; None if the token is invalid. The caller must commit in both cases.
        """
        parsed = self._refresh_tokens.parse(refresh_token)
        if parsed is None:
            return None
        session_id, is_signed = parsed
        now, used = datetime.now(UTC), digest(refresh_token)
        following = self._refresh_tokens.successor(refresh_token, session_id)
        user_id = await self._sessions.renew(
            session_id, used=used, following=digest(following), now=now, expires_at=now + self._lifetime
        )
        if user_id is None:
            user_id = await self._sessions.get_renewed(
                session_id, digest(following), since=now - REFRESH_OVERLAP, now=now
            )
        if user_id is not None:
            return self._issue(user_id, session_id, following, now)
        if is_signed and await self._sessions.revoke_replayed(session_id, used, now):
            _log.warning("session_ended", session_id=str(session_id), reason="refresh_token_reused")
        return None

    async def end(self, refresh_token: str) -> None:
        """End the session of a refresh token, the newest or an older one; an invalid token is ignored."""
        parsed = self._refresh_tokens.parse(refresh_token)
        if parsed is not None:
            session_id, is_signed = parsed
            await self._sessions.revoke(session_id, None if is_signed else digest(refresh_token), datetime.now(UTC))

    async def end_current(self, principal: Principal) -> None:
        """End the session of a request; a request with an API token is ignored."""
        if principal.session_id is not None:
            await self._sessions.revoke_owned(principal.user_id, principal.session_id, datetime.now(UTC))

    async def is_valid(self, principal: Principal) -> bool:
        """Return whether the credential of an earlier request is still valid."""
        now = datetime.now(UTC)
        if principal.session_id is not None:
            return await self._credentials.get_by_session(principal.user_id, principal.session_id, now) is not None
        return (
            principal.token_id is not None and await self._credentials.get_by_token(principal.token_id, now) is not None
        )

    async def list_sessions(self, owner_id: UUID, paging: Paging) -> tuple[Sequence[UserSession], int]:
        """Return a page of a user's valid sessions, last used first, and their total."""
        return await self._sessions.list_valid(owner_id, datetime.now(UTC), paging)

    async def get_session(self, owner_id: UUID, session_id: UUID) -> UserSession:
        """Return one of a user's sessions.

        Raises:
            SessionNotFoundError: the user has no such session, or it has ended.
        """
        found = await self._sessions.get_valid(owner_id, session_id, datetime.now(UTC))
        if found is None:
            raise SessionNotFoundError
        return found

    async def end_session(self, owner_id: UUID, session_id: UUID) -> None:
        """End one of a user's sessions.

        Raises:
            SessionNotFoundError: the user has no such session, or it has ended.
        """
        if not await self._sessions.revoke_owned(owner_id, session_id, datetime.now(UTC)):
            raise SessionNotFoundError

    async def end_all(self, owner_id: UUID) -> None:
        """End all of a user's sessions. API tokens stay valid."""
        await self._sessions.revoke_owned(owner_id, None, datetime.now(UTC))

    async def _start(
        self, user_id: UUID, scope: Scope, token_id: UUID | None, user_agent: str | None, now: datetime
    ) -> SessionTokens:
        session_id = uuid7()
        refresh_token = self._refresh_tokens.issue(session_id)
        await self._sessions.delete_expired(user_id, now)
        await self._sessions.add(
            UserSession(
                id=session_id,
                user_id=user_id,
                api_token_id=token_id,
                scope=scope,
                refresh_hash=digest(refresh_token),
                expires_at=now + self._lifetime,
                last_used_at=now,
                user_agent=user_agent[:_USER_AGENT_LENGTH] if user_agent else None,
            )
        )
        return self._issue(user_id, session_id, refresh_token, now)

    def _issue(self, user_id: UUID, session_id: UUID, refresh_token: str, now: datetime) -> SessionTokens:
        access_token = self._access_tokens.issue(user_id=user_id, session_id=session_id, now=now)
        return SessionTokens(session_id, access_token, self._access_tokens.lifetime, refresh_token, self._lifetime)
