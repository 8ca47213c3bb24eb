"""Finds out who asks, before anything else of a route runs."""

from datetime import UTC, datetime
from typing import Final

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from sqlalchemy.ext.asyncio import AsyncEngine

from tone_shootout.accounts.credentials import API_TOKEN_PREFIX, LONGEST_CREDENTIAL, AccessTokens, digest
from tone_shootout.accounts.errors import InvalidCredentialsError
from tone_shootout.accounts.guards import is_public
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.repositories import CredentialRepository

ACCESS_COOKIE: Final = "shootout_access"


class Authentication(ASGIMiddleware):
    """Sets `scope["user"]` to the `Principal`, or to None when there is no credential.

    A credential that doesn't count is refused at once; a WebSocket goes on as nobody, because its guard or handler
    tells the browser why by a close code. Public HTTP routes look at no credential, so that a stale cookie neither
    keeps anybody from signing in nor a probe from its answer.

    The database is asked on a connection of its own that is given back before the handler runs.
    """

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    def __init__(self, access_tokens: AccessTokens) -> None:
        self._access_tokens = access_tokens

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Authenticate, then pass the connection on."""
        scope["auth"] = None
        scope["user"] = None
        if scope["type"] == ScopeType.WEBSOCKET:
            try:
                scope["user"] = await self._authenticate(scope)
            except InvalidCredentialsError:
                pass
        elif not is_public(scope["route_handler"]):
            scope["user"] = await self._authenticate(scope)
        await next_app(scope, receive, send)

    async def _authenticate(self, scope: Scope) -> Principal | None:
        connection = ASGIConnection[object, object, object, object](scope)
        header = connection.headers.get("authorization")
        cookie = connection.cookies.get(ACCESS_COOKIE)
        engine: AsyncEngine = connection.app.state["db_engine"]
        if header is not None:
            scheme, _, credential = header.partition(" ")
            if scheme.lower() != "bearer":
                raise InvalidCredentialsError
            if credential.startswith(API_TOKEN_PREFIX):
                return await _by_token(engine, credential)
            return await self._by_access_token(engine, credential)
        return await self._by_cookie(engine, cookie) if cookie else None


