"""REST endpoints of sessions: sign-in with an API token, refresh, sign-out, list."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter

from tone_shootout.accounts.controllers._shared import (
    get_refresh_token,
    provide_sessions,
    provide_sign_in_limiter,
    session_ended_response,
    session_response,
)
from tone_shootout.accounts.cookies import expired_session_cookies
from tone_shootout.accounts.dtos import OpenSessionRead, SessionCreate, SessionRead, SessionRefresh
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.sessions import SessionService
from tone_shootout.accounts.sign_in_limits import SignInLimiter
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.settings import Settings

SessionId = Annotated[UUID, PathParameter(description="Id of the session.")]


class SessionController(Controller):
    """Sign-in with an API token, refresh and sign-out."""

    path = "/api/v1/auth"
    tags = ("accounts",)
    opt = {"public": True}  # noqa: RUF012 - Litestar reads it as it stands
    dependencies = {  # noqa: RUF012 - as above
        "sessions": Provide(provide_sessions, sync_to_thread=False),
        "sign_in_limiter": Provide(provide_sign_in_limiter, sync_to_thread=False),
    }

    @post(
        "/session",
        operation_id="start_session",
        summary="Sign in with an API token",
        responses=problems(400, 401, 403),
    )
    async def start(
        self,
        data: JSONBody[SessionCreate],
        request: Request[Any, Any, Any],
        sessions: NamedDependency[SessionService],
        sign_in_limiter: NamedDependency[SignInLimiter],
        settings: NamedDependency[Settings],
    ) -> Response[SessionRead]:
        """Start a session with the scope of the token. The response also sets the session's tokens as cookies."""
        async with sign_in_limiter.limit_failures(request, data.token):
            tokens = await sessions.start(data.token, user_agent=request.headers.get("user-agent"))
        return session_response(tokens, settings, is_new=True)

    @post(
        "/refresh",
        operation_id="refresh_session",
        summary="Refresh a session",
        status_code=200,
        responses=problems(400, 401, 403),
    )
    async def refresh(
        self,
        request: Request[Any, Any, Any],
        sessions: NamedDependency[SessionService],
        sign_in_limiter: NamedDependency[SignInLimiter],
        settings: NamedDependency[Settings],
        data: JSONBody[SessionRefresh | None] = None,
    ) -> Response[SessionRead]:
        """Exchange a refresh token for the next pair of tokens. Reuse of an older refresh token ends the session."""
        refresh_token = get_refresh_token(request, data, settings)
        async with sign_in_limiter.limit_failures(request, refresh_token) as attempt:
            tokens = await sessions.renew(refresh_token)
            attempt.failed = tokens is None
        return session_response(tokens, settings, is_new=False) if tokens else session_ended_response()

    @post(
        "/logout",
        operation_id="end_session",
        summary="Sign out",
        status_code=204,
        opt={"optional_authentication": True},
        responses=problems(400, 403),
    )
    async def logout(
        self,
        request: Request[Any, Any, Any],
        sessions: NamedDependency[SessionService],
        settings: NamedDependency[Settings],
        data: JSONBody[SessionRefresh | None] = None,
    ) -> Response[None]:
        """End the session of the refresh token. Without one in the body, also end the session of the access token."""
        await sessions.end(get_refresh_token(request, data, settings))
        principal: Principal | None = request.scope["user"]
        if principal is not None and not (data and data.refresh_token):
            await sessions.end_current(principal)
        return Response(None, status_code=204, cookies=expired_session_cookies(settings))


class MySessionsController(Controller):
    """Sessions of the authenticated user."""

    path = "/api/v1/me/sessions"
    tags = ("accounts",)
    dependencies = {"sessions": Provide(provide_sessions, sync_to_thread=False)}  # noqa: RUF012 - Litestar reads it

    @get(operation_id="list_sessions", summary="List sessions", responses=problems(400, 401))
    async def list_sessions(
        self,
        principal: NamedDependency[Principal],
        sessions: NamedDependency[SessionService],
        paging: NamedDependency[Paging],
    ) -> Page[OpenSessionRead]:
        """List your active sessions, last used first."""
        rows, total = await sessions.list_sessions(principal.user_id, paging)
        return paging.page([OpenSessionRead.of(session, principal) for session in rows], total)

    @get("/{session_id:uuid}", operation_id="get_session", summary="Get a session", responses=problems(400, 401, 404))
    async def get_session(
        self, session_id: SessionId, principal: NamedDependency[Principal], sessions: NamedDependency[SessionService]
    ) -> OpenSessionRead:
        """Return one of your active sessions."""
        return OpenSessionRead.of(await sessions.get_session(principal.user_id, session_id), principal)

    @delete(operation_id="end_all_sessions", summary="Sign out everywhere", responses=problems(400, 401, 403))
    async def end_all(
        self,
        principal: NamedDependency[Principal],
        sessions: NamedDependency[SessionService],
        settings: NamedDependency[Settings],
    ) -> Response[None]:
        """End all your sessions immediately, including this one. API tokens stay valid."""
        await sessions.end_all(principal.user_id)
        return Response(None, status_code=204, cookies=expired_session_cookies(settings))

    @delete(
        "/{session_id:uuid}",
        operation_id="end_one_session",
        summary="Sign out elsewhere",
        responses=problems(400, 401, 403, 404),
    )
    async def end_one(
        self,
        session_id: SessionId,
        principal: NamedDependency[Principal],
        sessions: NamedDependency[SessionService],
    ) -> None:
        """End one of your sessions immediately."""
        await sessions.end_session(principal.user_id, session_id)
