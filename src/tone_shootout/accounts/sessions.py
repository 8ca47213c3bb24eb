"""Sessions: start, renewal, validation and end. The service does not commit."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tone_shootout.accounts.audit.services import AuditLog
from tone_shootout.accounts.credentials import AccessTokens, RefreshTokens, digest
from tone_shootout.accounts.errors import InvalidCredentialsError, SessionNotFoundError
from tone_shootout.accounts.models import UserSession
from tone_shootout.accounts.principal import Principal, Scope
from tone_shootout.accounts.repositories import CredentialRepository, SessionRepository
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.settings import SecuritySettings

REFRESH_OVERLAP: Final = timedelta(seconds=30)
"""Time after an exchange during which the same refresh token returns the same successor."""
_USER_AGENT_LENGTH: Final = 200

SignInMethod = Literal["api_token", "link", "tone3000"]

_log = structlog.get_logger(__name__)


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
        self._audit = AuditLog(session)
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
        return await self._start(bearer.user_id, bearer.scope, bearer.token_id, user_agent, now, "api_token")

    async def start_for(self, user_id: UUID, *, method: SignInMethod, user_agent: str | None) -> SessionTokens:
        """Start a session of write scope for a user authenticated by other means."""
        return await self._start(user_id, "write", None, user_agent, datetime.now(UTC), method)

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
        if is_signed and (owner_id := await self._sessions.revoke_replayed(session_id, used, now)) is not None:
            _log.warning("session_ended", session_id=str(session_id), reason="refresh_token_reused")
            await self._record_end(owner_id, session_id, "refresh_token_reused")
        return None

    async def end(self, refresh_token: str) -> None:
        """End the session of a refresh token, the newest or an older one; an invalid token is ignored."""
        parsed = self._refresh_tokens.parse(refresh_token)
        if parsed is not None:
            session_id, is_signed = parsed
            used = None if is_signed else digest(refresh_token)
            owner_id = await self._sessions.revoke(session_id, used, datetime.now(UTC))
            if owner_id is not None:
                await self._record_end(owner_id, session_id, "signed_out")

    async def end_current(self, principal: Principal) -> None:
        """End the session of a request; a request with an API token is ignored."""
        if principal.session_id is not None:
            owner_id, session_id = principal.user_id, principal.session_id
            if await self._sessions.revoke_owned(owner_id, session_id, datetime.now(UTC)):
                await self._record_end(owner_id, session_id, "signed_out")

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
        await self._record_end(owner_id, session_id, "ended_elsewhere")

    async def end_all(self, owner_id: UUID) -> None:
        """End all of a user's sessions. API tokens stay valid."""
        if await self._sessions.revoke_owned(owner_id, None, datetime.now(UTC)):
            await self._record_end(owner_id, None, "ended_everywhere")

    async def _record_end(self, owner_id: UUID, session_id: UUID | None, reason: str) -> None:
        await self._audit.record("session_ended", user_id=owner_id, object_id=session_id, reason=reason)

    async def _start(
        self,
        user_id: UUID,
        scope: Scope,
        token_id: UUID | None,
        user_agent: str | None,
        now: datetime,
        method: SignInMethod,
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
        await self._audit.record(
            "signed_in", actor_id=user_id, user_id=user_id, object_id=session_id, method=method, scope=scope
        )
        return self._issue(user_id, session_id, refresh_token, now)

    def _issue(self, user_id: UUID, session_id: UUID, refresh_token: str, now: datetime) -> SessionTokens:
        access_token = self._access_tokens.issue(user_id=user_id, session_id=session_id, now=now)
        return SessionTokens(session_id, access_token, self._access_tokens.lifetime, refresh_token, self._lifetime)
