"""Authentication middleware."""

from datetime import UTC, datetime
from typing import Literal

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from tone_shootout.accounts.audit.services import Origin, set_origin
from tone_shootout.accounts.cookies import ACCESS_COOKIE, find_session_cookie
from tone_shootout.accounts.credentials import API_TOKEN_PREFIX, AccessTokens, digest
from tone_shootout.accounts.errors import InvalidCredentialsError
from tone_shootout.accounts.guards import Connection, has_optional_authentication, is_public
from tone_shootout.accounts.known_users import KnownUsers
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.repositories import CredentialRepository, is_touch_due
from tone_shootout.kit.settings import Settings


class Authentication(ASGIMiddleware):
    """Sets `scope["user"]` to the `Principal`, or to None without a valid credential.

    It rejects no request. `SignedInGuard` does, and raises the error that is stored in `scope["auth"]` if a credential
    is invalid. Public HTTP routes ignore credentials, so that a stale cookie prevents neither sign-in nor health
    checks. Public routes with `opt={"optional_authentication": True}` read them, but accept requests without one.
    """

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    def __init__(
        self, access_tokens: AccessTokens, engine: AsyncEngine, known_users: KnownUsers, settings: Settings
    ) -> None:
        self._access_tokens = access_tokens
        self._known_users = known_users
        self._settings = settings
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Authenticate the connection, then call the next application."""
        scope["user"] = scope["auth"] = None
        handler = scope["route_handler"]
        if scope["type"] == ScopeType.WEBSOCKET or not is_public(handler) or has_optional_authentication(handler):
            principal: Principal | None = None
            try:
                scope["user"] = principal = await self._authenticate(ASGIConnection(scope))
            except InvalidCredentialsError as error:
                scope["auth"] = error
            set_origin(_origin_of(scope, principal))
            self._known_users.remember(scope, None if principal is None else principal.user_id)
        else:
            set_origin(_origin_of(scope, None))
        await next_app(scope, receive, send)

    async def _authenticate(self, connection: Connection) -> Principal | None:
        header = connection.headers.get("authorization")
        if header is None:
            cookie = find_session_cookie(connection.cookies, ACCESS_COOKIE, self._settings)
            return None if cookie is None else await self._verify_access_token(cookie, "cookie")
        scheme, _, credential = header.partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidCredentialsError
        if credential.startswith(API_TOKEN_PREFIX):
            return await self._verify_api_token(credential)
        return await self._verify_access_token(credential, "session")

    async def _verify_api_token(self, token: str) -> Principal:
        now = datetime.now(UTC)
        bearer = await CredentialRepository.authenticate_token(self._engine, digest(token), now)
        if bearer is None:
            raise InvalidCredentialsError
        if is_touch_due(bearer, now):
            async with AsyncSession(self._engine) as session:
                await CredentialRepository(session).touch(bearer, now)
        return Principal(
            user_id=bearer.user_id,
            name=bearer.name,
            role=bearer.role,
            scope=bearer.scope,
            via="token",
            token_id=bearer.token_id,
        )

    async def _verify_access_token(self, token: str, via: Literal["session", "cookie"]) -> Principal:
        ids = self._access_tokens.verify(token)
        if ids is None:
            raise InvalidCredentialsError
        bearer = await CredentialRepository.authenticate_session(self._engine, *ids, datetime.now(UTC))
        if bearer is None:
            raise InvalidCredentialsError
        user_id, session_id = ids
        return Principal(
            user_id=user_id, name=bearer.name, role=bearer.role, scope=bearer.scope, via=via, session_id=session_id
        )


def _origin_of(scope: Scope, principal: Principal | None) -> Origin:
    client = scope["client"]
    address = client[0].partition("%")[0][:45] if client else None
    return Origin(address=address) if principal is None else Origin(principal.user_id, principal.name, address)
