"""Dependencies and responses shared by the controllers of accounts."""

from typing import Any, Final

from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.audit.services import RefusedSignIns
from tone_shootout.accounts.cookies import REFRESH_COOKIE, find_session_cookie, session_cookies
from tone_shootout.accounts.dtos import SessionRead, SessionRefresh, session_path
from tone_shootout.accounts.services import AccountService
from tone_shootout.accounts.sessions import SessionService, SessionTokens
from tone_shootout.accounts.sign_in_limits import SignInLimiter
from tone_shootout.accounts.sign_in_links import SignInLinks
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.problems import problem_response
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.throttle import Throttle

NO_STORE: Final = {"Cache-Control": "no-store"}


def provide_accounts(db_session: NamedDependency[AsyncSession]) -> AccountService:
    """Provide the service in the request's unit of work."""
    return AccountService(db_session)


def provide_sign_in_limiter(
    throttle: NamedDependency[Throttle],
    settings: NamedDependency[Settings],
    redis: NamedDependency[Redis],
    session_maker: NamedDependency[SkipValidation[SessionMaker]],
) -> SignInLimiter:
    """Provide the rate limits of sign-ins."""
    return SignInLimiter(throttle, settings.limits, RefusedSignIns(redis, session_maker))


def provide_sign_in_links(redis: NamedDependency[Redis]) -> SignInLinks:
    """Provide one-time sign-in links."""
    return SignInLinks(redis)


def provide_sessions(db_session: NamedDependency[AsyncSession], settings: NamedDependency[Settings]) -> SessionService:
    """Provide the service in the request's unit of work."""
    return SessionService(db_session, settings.security)


def get_refresh_token(request: Request[Any, Any, Any], data: SessionRefresh | None, settings: Settings) -> str:
    """Return the refresh token in the body of a request, or else in its cookie; empty if there is none."""
    return (data and data.refresh_token) or find_session_cookie(request.cookies, REFRESH_COOKIE, settings) or ""


def session_response(tokens: SessionTokens, settings: Settings, *, is_new: bool) -> Response[SessionRead]:
    """Return the tokens of a session, in the body and as cookies."""
    cookies = session_cookies(tokens, settings)
    headers = {**NO_STORE, "Location": session_path(tokens.session_id)} if is_new else NO_STORE
    return Response(SessionRead.of(tokens), headers=headers, cookies=cookies)


def session_ended_response() -> Response[Any]:
    """Return the problem `session_ended`. It is not raised, because the end of the session must be committed.

    The response does not delete the cookies: another tab may have signed in and replaced them meanwhile.
    """
    return problem_response(401, "session_ended", "The session has ended. Sign in again.")
