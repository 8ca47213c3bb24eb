"""A session in a browser: two cookies that scripts can't read and other sites' pages can't send."""

import hashlib
from datetime import timedelta
from typing import Final

from litestar.datastructures import Cookie

from tone_shootout.accounts.pending import BROWSER_SIGN_IN_S
from tone_shootout.accounts.services import Grant
from tone_shootout.kit.settings import SecuritySettings

ACCESS_COOKIE: Final = "shootout_access"
REFRESH_COOKIE: Final = "shootout_refresh"
_PATHS: Final = {ACCESS_COOKIE: "/", REFRESH_COOKIE: "/api/v1/auth"}


def session_cookies(grant: Grant, settings: SecuritySettings) -> list[Cookie]:
    """Return the cookies of a session, each gone when what it holds is no longer good."""
    return [
        _cookie(ACCESS_COOKIE, grant.access_token, grant.access_life, settings),
        _cookie(REFRESH_COOKIE, grant.refresh_token, grant.refresh_life, settings),
    ]


def no_cookies(settings: SecuritySettings) -> list[Cookie]:
    """Return what removes a session's cookies."""
    return [_cookie(name, "", timedelta(0), settings) for name in _PATHS]


def sign_in_cookie(state: str) -> str:
    """Return the name of the cookie that ties a sign-in to a browser: each one has its own, so that tabs can't mix."""
    return f"shootout_signin_{hashlib.sha256(state.encode()).hexdigest()[:16]}"


def departing_cookie(state: str, browser: str, settings: SecuritySettings) -> Cookie:
    """Return what a browser has to bring back from TONE3000."""
    return _cookie(sign_in_cookie(state), browser, timedelta(seconds=BROWSER_SIGN_IN_S), settings)


def arrived_cookie(state: str, settings: SecuritySettings) -> Cookie:
    """Return what removes it."""
    return _cookie(sign_in_cookie(state), "", timedelta(0), settings)


def _cookie(name: str, value: str, life: timedelta, settings: SecuritySettings) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        path=_PATHS.get(name, _PATHS[REFRESH_COOKIE]),
        max_age=int(life.total_seconds()),
        httponly=True,
        secure=settings.cookie_secure,
        samesite="lax",
    )
