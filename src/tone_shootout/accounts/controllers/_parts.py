"""What the controllers of accounts share."""

from typing import Any, Final

from litestar import Request, Response
from litestar.di import NamedDependency
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.cookies import REFRESH_COOKIE, session_cookies
from tone_shootout.accounts.dtos import SessionRead, SessionRefresh
from tone_shootout.accounts.services import AccountService, Grant, SessionService
from tone_shootout.accounts.sign_in_limits import SignInAttempts
from tone_shootout.kit.http.problems import problem_response
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.throttle import Throttle

NO_STORE: Final = {"Cache-Control": "no-store"}


def provide_accounts(db_session: NamedDependency[AsyncSession]) -> AccountService:
    """Return the service in the request's unit of work."""
    return AccountService(db_session)


def provide_attempts(throttle: NamedDependency[Throttle], settings: NamedDependency[Settings]) -> SignInAttempts:
    """Return who watches over failed sign-ins."""
    return SignInAttempts(throttle, settings.limits)


def provide_sessions(db_session: NamedDependency[AsyncSession], settings: NamedDependency[Settings]) -> SessionService:
    """Return the service in the request's unit of work."""
    return SessionService(db_session, settings.security)


def refresh_token(request: Request[Any, Any, Any], data: SessionRefresh | None) -> str:
    """Return the refresh token that a request brings, in its body or else in its cookie."""
    return (data and data.refresh_token) or request.cookies.get(REFRESH_COOKIE, "")


def signed_in(grant: Grant, settings: Settings) -> Response[SessionRead]:
    """Answer with a session, and set it as cookies."""
    cookies = session_cookies(grant, settings.security)
    return Response(SessionRead.of(grant), headers=NO_STORE, cookies=cookies)


def signed_out() -> Response[Any]:
    """Answer that a session has ended. Returned, not raised: its end has to be committed.

    The cookies stay: since the browser sent them, another tab may have signed in and replaced them.
    """
    return problem_response(401, "session_ended", "The session has ended: sign in again.")
