"""Cookies of sessions and sign-ins, which are `HttpOnly` and `SameSite=Lax`."""

import hashlib
from datetime import timedelta
from typing import Final

from litestar.datastructures import Cookie

from tone_shootout.accounts.pending_sign_ins import BROWSER_SIGN_IN_S
from tone_shootout.accounts.services import SessionTokens
from tone_shootout.kit.settings import SecuritySettings

ACCESS_COOKIE: Final = "shootout_access"
REFRESH_COOKIE: Final = "shootout_refresh"
_PATHS: Final = {ACCESS_COOKIE: "/", REFRESH_COOKIE: "/api/v1/auth"}


def session_cookies(tokens: SessionTokens, settings: SecuritySettings) -> list[Cookie]:
    """Return the cookies of a session. Each expires with its token."""
    return [
        _cookie(ACCESS_COOKIE, tokens.access_token, tokens.access_lifetime, settings),
        _cookie(REFRESH_COOKIE, tokens.refresh_token, tokens.refresh_lifetime, settings),
    ]


def expired_session_cookies(settings: SecuritySettings) -> list[Cookie]:
    """Return expired cookies, which make a browser delete those of a session."""
    return [_cookie(name, "", timedelta(0), settings) for name in _PATHS]


def sign_in_cookie_name(state: str) -> str:
    """Return the name of the cookie that ties a sign-in to a browser.

    Each sign-in has a cookie of its own, so that tabs of one browser can sign in at the same time.
    """
    return f"shootout_signin_{hashlib.sha256(state.encode()).hexdigest()[:16]}"


def sign_in_cookie(state: str, browser: str, settings: SecuritySettings) -> Cookie:
    """Return the cookie that the browser must send with the callback of a sign-in."""
    return _cookie(sign_in_cookie_name(state), browser, timedelta(seconds=BROWSER_SIGN_IN_S), settings)


def expired_sign_in_cookie(state: str, settings: SecuritySettings) -> Cookie:
    """Return an expired cookie, which makes a browser delete that of a sign-in."""
    return _cookie(sign_in_cookie_name(state), "", timedelta(0), settings)


def _cookie(name: str, value: str, lifetime: timedelta, settings: SecuritySettings) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        path=_PATHS.get(name, _PATHS[REFRESH_COOKIE]),
        max_age=int(lifetime.total_seconds()),
        httponly=True,
        secure=settings.cookie_secure,
        samesite="lax",
    )
