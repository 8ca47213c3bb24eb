"""The rules about users, API tokens and sessions. Nothing here commits."""

import itertools
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from advanced_alchemy.service import SQLAlchemyAsyncRepositoryService
from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
from uuid_utils.compat import uuid7

from tone_shootout.accounts.credentials import (
    SHOWN_CHARACTERS,
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
    ApiTokenRepository,
    ConnectionRepository,
    CredentialRepository,
    SessionRepository,
    UserRepository,
)
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.settings import SecuritySettings

REFRESH_OVERLAP = timedelta(seconds=30)
"""For how long a refresh token that was exchanged is answered with the same successor again."""
_USER_AGENT_LENGTH = 200

_log = structlog.get_logger(__name__)


class IssuedToken(NamedTuple):
    """A new API token, with the only copy of its text."""

    token: ApiToken
    secret: str


class AccountService(SQLAlchemyAsyncRepositoryService[User, UserRepository]):
    """Users and their API tokens.

    Creation of users is CRUD. API tokens are not: a token is issued once with a secret, then only revoked.
    """

    repository_type = UserRepository

    def __init__(self, session: AsyncSession | async_scoped_session[AsyncSession], **options: Any) -> None:
        super().__init__(session, **options)
        self._tokens = ApiTokenRepository(session)
        self._sessions = SessionRepository(session)
        self._connections = ConnectionRepository(session)

    async def create_user(self, name: str, *, role: Role = "user", display_name: str | None = None) -> User:
        """Make a user.

        Raises:
            UserNameError: not a name for a user.
            UserExistsError: the name is taken, perhaps in other capitals.
        """
        if not re.fullmatch(NAME_PATTERN, name):
            raise UserNameError
        user = User(name=name, display_name=display_name, role=role, is_active=True)
        try:
            await self.create(user)
        except IntegrityError:
            raise UserExistsError(name) from None
        return user

    async def create_user_like(self, stem: str, *, display_name: str | None) -> User:
        """Make a user whose name begins with `stem`, with a number behind it where that is taken.

        Raises:
            UserNameError: not the beginning of a name for a user.
        """
        await self.repository.lock_names()
        taken = await self.repository.list_names_with_prefix(stem)
        numbered = (f"{stem}-{number}" for number in itertools.count(2))
        name = next(name for name in itertools.chain([stem], numbered) if name.lower() not in taken)
        return await self.create_user(name, display_name=display_name)

    async def get_user(self, user_id: UUID) -> User:
        """Return a user by id.

        Raises:
            UserNotFoundError: there is none.
        """
        user = await self.repository.find(user_id)
        if user is None:
            raise UserNotFoundError
        return user

    async def get_connection(self, user_id: UUID) -> Tone3000Connection | None:
        """Return a user's connection with TONE3000, if there is one."""
        return await self._connections.get_for_user(user_id)

    async def count_credentials(self, user_id: UUID) -> tuple[int, int]:
        """Return how many API tokens that are not revoked, and how many sessions that have not ended, a user has."""
        tokens = await self._tokens.count_active(user_id)
        return tokens, await self._sessions.count_valid(user_id, datetime.now(UTC))

    async def get_user_by_name(self, name: str) -> User:
        """Return a user by name, whatever its capitals.

        Raises:
            UserNotFoundError: there is none.
        """
        user = await self.repository.get_by_name(name)
        if user is None:
            raise UserNotFoundError
        return user

    async def get_display_names(self, user_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return what each of the users is called in public; nobody who is gone is among them."""
        users = await self.repository.list_by_ids(user_ids)
        return {user.id: user.display_name or user.name for user in users}

    async def list_users(self) -> Sequence[User]:
        """Return all users by name."""
        return await self.repository.list_all()

    async def set_role(self, user: User, role: Role) -> None:
        """Give a user a role."""
        user.role = role

    async def set_active(self, user: User, *, is_active: bool) -> None:
        """Disable or enable a user. While disabled, none of their credentials counts."""
        user.is_active = is_active

    async def delete_user(self, user_id: UUID) -> None:
        """Delete a user with every row that is theirs. Their work has to be ended before, their files go afterwards.

        Nobody is told apart who is already gone: deleting twice is no error.
        """
        await self.repository.delete_by_id(user_id)

    async def issue_token(
        self, user: User, *, name: str, scope: Scope = "write", expires_at: datetime | None = None
    ) -> IssuedToken:
        """Make an API token for a user.

        Raises:
            UserDisabledError: the user is disabled.
            UserNotFoundError: the user was deleted meanwhile.
        """
        if not user.is_active:
            raise UserDisabledError(user.name)
        secret = new_api_token()
        token = ApiToken(
            user_id=user.id,
            name=name,
            prefix=secret[:SHOWN_CHARACTERS],
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
        """Return a part of a user's tokens that are not revoked, the newest first, and how many there are."""
        return await self._tokens.list_active(owner_id, paging)

    async def revoke_token(self, owner_id: UUID, token_id: UUID) -> None:
        """Revoke one of a user's tokens, and so every session that was got for it.

        Raises:
            TokenNotFoundError: not one of theirs, or revoked before.
        """
        if not await self._tokens.revoke(owner_id, token_id, datetime.now(UTC)):
            raise TokenNotFoundError


async def valid_credentials(session: AsyncSession, credentials: Collection[Credential]) -> frozenset[Credential]:
    """Return those of the credentials that are still valid.

    A token is not when it was revoked or has expired, a session when it has ended, has expired or was got for such a
    token; neither is when its user is disabled or gone.
    """
    return await CredentialRepository(session).filter_valid(credentials, datetime.now(UTC))


def active_users() -> Select[tuple[UUID]]:
    """Return a subquery of the users who are not disabled, for statements about what goes on without a request."""
    return UserRepository.select_active()


class Grant(NamedTuple):
    """What a session is used with until it is renewed."""

    access_token: str
    access_life: timedelta
    refresh_token: str
    refresh_life: timedelta


class SessionService:
    """Sessions: sign-in, renewal, the end."""

    def __init__(self, session: AsyncSession, settings: SecuritySettings) -> None:
        self._credentials = CredentialRepository(session)
        self._sessions = SessionRepository(session)
        self._access_tokens = AccessTokens(settings)
        self._refresh_tokens = RefreshTokens(settings)
        self._life = timedelta(days=settings.refresh_days)

    async def start(self, api_token: str, *, user_agent: str | None) -> Grant:
        """Start a session for the owner of an API token, with the token's scope and for no longer than it is good.

        Raises:
            InvalidCredentialsError: the token is not good.
        """
        now = datetime.now(UTC)
        bearer = await self._credentials.get_by_token(digest(api_token), now)
        if bearer is None:
            raise InvalidCredentialsError
        await self._credentials.touch(bearer, now)
        return await self._start(bearer.user_id, bearer.scope, bearer.token_id, user_agent, now)

    async def start_for(self, user_id: UUID, *, user_agent: str | None) -> Grant:
        """Start a session for a user who has proved who they are in another way."""
        return await self._start(user_id, "write", None, user_agent, datetime.now(UTC))

    async def renew(self, refresh_token: str) -> Grant | None:
        """Exchange a session's newest refresh token for the next one.

        The token before the newest gets the same successor again for `REFRESH_OVERLAP`: two tabs of a browser may
        refresh at the same time, and an answer can be lost. Any other former token has been used, by its owner or by a
        thief: nobody can tell, so the session ends. The caller has to commit that: None is returned, nothing is raised.
        """
        read = self._refresh_tokens.read(refresh_token)
        if read is None:
            return None
        session_id, is_ours = read
        now, used = datetime.now(UTC), digest(refresh_token)
        following = self._refresh_tokens.successor(refresh_token, session_id)
        user_id = await self._sessions.renew(
            session_id, used=used, following=digest(following), now=now, expires_at=now + self._life
        )
        if user_id is None:
            user_id = await self._sessions.get_renewed(
                session_id, digest(following), since=now - REFRESH_OVERLAP, now=now
            )
        if user_id is not None:
            return self._grant(user_id, session_id, following, now)
        if is_ours and await self._sessions.revoke_replayed(session_id, used, now):
            _log.warning("session_ended", session_id=str(session_id), reason="its refresh token was used again")
        return None

    async def end(self, refresh_token: str) -> None:
        """End the session that a refresh token belongs to, be it the newest or an earlier one, if there is one."""
        read = self._refresh_tokens.read(refresh_token)
        if read is not None:
            session_id, is_ours = read
            await self._sessions.revoke(session_id, None if is_ours else digest(refresh_token), datetime.now(UTC))

    async def end_current(self, principal: Principal) -> None:
        """End the session that somebody asks with, if it is one and has not ended before."""
        if principal.session_id is not None:
            await self._sessions.revoke_owned(principal.user_id, principal.session_id, datetime.now(UTC))

    async def is_valid(self, principal: Principal) -> bool:
        """Tell whether the credential that somebody has asked with before still counts."""
        now = datetime.now(UTC)
        if principal.session_id is not None:
            return await self._credentials.get_by_session(principal.user_id, principal.session_id, now) is not None
        return (
            principal.token_id is not None and await self._credentials.get_by_token(principal.token_id, now) is not None
        )

    async def list_sessions(self, owner_id: UUID, paging: Paging) -> tuple[Sequence[UserSession], int]:
        """Return a part of a user's sessions that have not ended, the one used last first, and how many there are."""
        return await self._sessions.list_valid(owner_id, datetime.now(UTC), paging)

    async def end_session(self, owner_id: UUID, session_id: UUID) -> None:
        """End one of a user's sessions.

        Raises:
            SessionNotFoundError: not one of theirs, or ended before.
        """
        if not await self._sessions.revoke_owned(owner_id, session_id, datetime.now(UTC)):
            raise SessionNotFoundError

    async def end_all(self, owner_id: UUID) -> None:
        """End all of a user's sessions. API tokens are not sessions: they stay good."""
        await self._sessions.revoke_owned(owner_id, None, datetime.now(UTC))

    async def _start(
        self, user_id: UUID, scope: Scope, token_id: UUID | None, user_agent: str | None, now: datetime
    ) -> Grant:
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
                expires_at=now + self._life,
                last_used_at=now,
                user_agent=user_agent[:_USER_AGENT_LENGTH] if user_agent else None,
            )
        )
        return self._grant(user_id, session_id, refresh_token, now)

    def _grant(self, user_id: UUID, session_id: UUID, refresh_token: str, now: datetime) -> Grant:
        access_token = self._access_tokens.issue(user_id=user_id, session_id=session_id, now=now)
        return Grant(access_token, self._access_tokens.life, refresh_token, self._life)
