"""Sessions over HTTP: sign-in by an API token, renewal, sign-out, and seeing where one is signed in."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter

from tone_shootout.accounts.controllers._parts import (
    provide_attempts,
    provide_sessions,
    refresh_token,
    signed_in,
    signed_out,
)
from tone_shootout.accounts.cookies import no_cookies
from tone_shootout.accounts.dtos import OpenSessionRead, SessionCreate, SessionRead, SessionRefresh
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.services import SessionService
from tone_shootout.accounts.sign_in_limits import SignInAttempts
from tone_shootout.kit.db.pagination import Page, Paging
from tone_shootout.kit.http.problems import problems
from tone_shootout.kit.settings import Settings


class SessionController(Controller):
    """Sign-in, renewal, sign-out."""

    path = "/api/v1/auth"
    tags = ("accounts",)
    opt = {"public": True}  # noqa: RUF012 - Litestar reads it as it stands
    dependencies = {  # noqa: RUF012 - as above
        "sessions": Provide(provide_sessions, sync_to_thread=False),
        "attempts": Provide(provide_attempts, sync_to_thread=False),
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
        attempts: NamedDependency[SignInAttempts],
        settings: NamedDependency[Settings],
    ) -> Response[SessionRead]:
        """Start a session of the token's scope. Its tokens are answered, and set as cookies for browsers."""
        async with attempts.watched(request, data.token):
            grant = await sessions.start(data.token, user_agent=request.headers.get("user-agent"))
        return signed_in(grant, settings)

    @post(
        "/refresh",
        operation_id="refresh_session",
        summary="Renew a session",
        status_code=200,
        responses=problems(400, 401, 403),
    )
    async def refresh(
        self,
        request: Request[Any, Any, Any],
        sessions: NamedDependency[SessionService],
        attempts: NamedDependency[SignInAttempts],
        settings: NamedDependency[Settings],
        data: JSONBody[SessionRefresh | None] = None,
    ) -> Response[SessionRead]:
        """Exchange a refresh token for the next pair of tokens. One that was used before ends the whole session."""
        token = refresh_token(request, data)
        async with attempts.watched(request, token) as attempt:
            grant = await sessions.renew(token)
            attempt.failed = grant is None
        return signed_in(grant, settings) if grant else signed_out()

    @post(
        "/logout",
        operation_id="end_session",
        summary="Sign out",
        status_code=204,
        opt={"recognises": True},
        responses=problems(400, 403),
    )
    async def logout(
        self,
        request: Request[Any, Any, Any],
        sessions: NamedDependency[SessionService],
        settings: NamedDependency[Settings],
        data: JSONBody[SessionRefresh | None] = None,
    ) -> Response[None]:
        """End the session that the refresh token belongs to, and where the body has none, the one that you ask with."""
        await sessions.end(refresh_token(request, data))
        asker: Principal | None = request.scope["user"]
        if asker is not None and not (data and data.refresh_token):
            await sessions.end_current(asker)
        return Response(None, status_code=204, cookies=no_cookies(settings.security))


class MySessionsController(Controller):
    """Where the account is signed in."""

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
        """List your sessions that have not ended, the one used last first."""
        rows, total = await sessions.list_sessions(principal.user_id, paging)
        return paging.page([OpenSessionRead.of(session, principal) for session in rows], total)

    @delete(operation_id="end_all_sessions", summary="Sign out everywhere", responses=problems(401, 403))
    async def end_all(
        self,
        principal: NamedDependency[Principal],
        sessions: NamedDependency[SessionService],
        settings: NamedDependency[Settings],
    ) -> Response[None]:
        """End all your sessions at once, this one too. API tokens are no sessions: revoke those one by one."""
        await sessions.end_all(principal.user_id)
        return Response(None, status_code=204, cookies=no_cookies(settings.security))

    @delete(
        "/{session_id:uuid}",
        operation_id="end_one_session",
        summary="Sign out elsewhere",
        responses=problems(401, 403, 404),
    )
    async def end_one(
        self,
        session_id: Annotated[UUID, PathParameter(description="The session's id.")],
        principal: NamedDependency[Principal],
        sessions: NamedDependency[SessionService],
    ) -> None:
        """End one of your sessions at once."""
        await sessions.end_session(principal.user_id, session_id)
