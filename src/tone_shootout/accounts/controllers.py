"""Accounts over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.attempts import SignInAttempts
from tone_shootout.accounts.cookies import REFRESH_COOKIE, no_cookies, session_cookies
from tone_shootout.accounts.dtos import (
    MeDTO,
    NewTokenDTO,
    OpenSessionDTO,
    RefreshRequest,
    SessionDTO,
    SessionRequest,
    TokenDTO,
    TokenRequest,
)
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.services import AccountService, Grant, SessionService
from tone_shootout.kit.pagination import Page, Paging
from tone_shootout.kit.problems import problem_response, problems
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.kit.throttle import Throttle

NO_STORE = {"Cache-Control": "no-store"}


def provide_accounts(db_session: NamedDependency[AsyncSession]) -> AccountService:
    """Return the service in the request's unit of work."""
    return AccountService(db_session)


def provide_attempts(throttle: NamedDependency[Throttle], settings: NamedDependency[Settings]) -> SignInAttempts:
    """Return who watches over failed sign-ins."""
    return SignInAttempts(throttle, settings.limits)


def provide_sessions(db_session: NamedDependency[AsyncSession], settings: NamedDependency[Settings]) -> SessionService:
    """Return the service in the request's unit of work."""
    return SessionService(db_session, settings.security)


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
        data: JSONBody[SessionRequest],
        request: Request[Any, Any, Any],
        sessions: NamedDependency[SessionService],
        attempts: NamedDependency[SignInAttempts],
        settings: NamedDependency[Settings],
    ) -> Response[SessionDTO]:
        """Start a session of the token's scope. Its tokens are answered, and set as cookies for browsers."""
        async with attempts.watched(request, data.token):
            grant = await sessions.start(data.token, user_agent=request.headers.get("user-agent"))
        return _signed_in(grant, settings)

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
        data: JSONBody[RefreshRequest | None] = None,
    ) -> Response[SessionDTO]:
        """Exchange a refresh token for the next pair of tokens. One that was used before ends the whole session."""
        token = _refresh_token(request, data)
        async with attempts.watched(request, token) as attempt:
            grant = await sessions.renew(token)
            attempt.failed = grant is None
        return _signed_in(grant, settings) if grant else _signed_out(settings)

    @post(
        "/logout",
        operation_id="end_session",
        summary="Sign out",
        status_code=204,
        responses=problems(400, 403),
    )
    async def logout(
        self,
        request: Request[Any, Any, Any],
        sessions: NamedDependency[SessionService],
        settings: NamedDependency[Settings],
        data: JSONBody[RefreshRequest | None] = None,
    ) -> Response[None]:
        """End the session that the refresh token belongs to, if it has not ended before."""
        await sessions.end(_refresh_token(request, data))
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
    ) -> Page[OpenSessionDTO]:
        """List your sessions that have not ended, the one used last first."""
        rows, total = await sessions.page(principal.user_id, limit=paging.limit, offset=paging.offset)
        return paging.page([OpenSessionDTO.of(session, principal) for session in rows], total)

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
        await sessions.end_own(principal.user_id, session_id)


class MeController(Controller):
    """The account of who asks."""

    path = "/api/v1/me"
    tags = ("accounts",)
    dependencies = {"accounts": Provide(provide_accounts, sync_to_thread=False)}  # noqa: RUF012 - Litestar reads it

    @get(operation_id="get_me", summary="Who am I?", responses=problems(401))
    async def get_me(self, principal: NamedDependency[Principal], accounts: NamedDependency[AccountService]) -> MeDTO:
        """Show your account."""
        return MeDTO.of(await accounts.user(principal.user_id), principal)

    @delete(operation_id="delete_me", summary="Delete my account", responses=problems(401, 403))
    async def delete_me(
        self,
        principal: NamedDependency[Principal],
        accounts: NamedDependency[AccountService],
        storage: NamedDependency[Storage],
        settings: NamedDependency[Settings],
    ) -> Response[None]:
        """Delete your account at once and for good: library, shootouts, jobs, results, tokens and sessions."""
        prefix = await accounts.delete_user(principal.user_id)
        return Response(
            None,
            status_code=204,
            cookies=no_cookies(settings.security),
            background=BackgroundTask(storage.delete_prefix, prefix),
        )

    @get("/tokens", operation_id="list_tokens", summary="List API tokens", responses=problems(400, 401))
    async def list_tokens(
        self,
        principal: NamedDependency[Principal],
        accounts: NamedDependency[AccountService],
        paging: NamedDependency[Paging],
    ) -> Page[TokenDTO]:
        """List your API tokens that are not revoked, the newest first."""
        rows, total = await accounts.tokens(principal.user_id, limit=paging.limit, offset=paging.offset)
        return paging.page([TokenDTO.of(token) for token in rows], total)

    @post("/tokens", operation_id="create_token", summary="Make an API token", responses=problems(400, 401, 403))
    async def create_token(
        self,
        data: JSONBody[TokenRequest],
        principal: NamedDependency[Principal],
        accounts: NamedDependency[AccountService],
    ) -> Response[NewTokenDTO]:
        """Make an API token. The answer is the only one that shows it."""
        days = data.expires_in_days
        expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
        user = await accounts.user(principal.user_id)
        issued = await accounts.issue_token(user, name=data.name, scope=data.scope, expires_at=expires_at)
        return Response(NewTokenDTO.of(issued), status_code=201, headers=NO_STORE)

    @delete(
        "/tokens/{token_id:uuid}",
        operation_id="revoke_token",
        summary="Revoke an API token",
        responses=problems(401, 403, 404),
    )
    async def revoke_token(
        self,
        token_id: Annotated[UUID, PathParameter(description="The token's id.")],
        principal: NamedDependency[Principal],
        accounts: NamedDependency[AccountService],
    ) -> None:
        """Revoke one of your API tokens, and end the sessions that were started with it."""
        await accounts.revoke_token(principal.user_id, token_id)


def _refresh_token(request: Request[Any, Any, Any], data: RefreshRequest | None) -> str:
    return (data and data.refresh_token) or request.cookies.get(REFRESH_COOKIE, "")


def _signed_in(grant: Grant, settings: Settings) -> Response[SessionDTO]:
    cookies = session_cookies(grant, settings.security)
    return Response(SessionDTO.of(grant), headers=NO_STORE, cookies=cookies)


def _signed_out(settings: Settings) -> Response[Any]:
    """Answer that a session has ended. Returned, not raised: its end has to be committed."""
    response: Response[Any] = problem_response(401, "session_ended", "The session has ended: sign in again.")
    response.cookies.extend(no_cookies(settings.security))
    return response
