"""Cookies of sessions and sign-ins, which are `HttpOnly` and `SameSite=Lax`.

Cookies ignore ports: two services on one host would overwrite each other's. Without a public URL, names have the port.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from litestar.datastructures import Cookie

from tone_shootout.accounts.pending_sign_ins import BROWSER_SIGN_IN_S
from tone_shootout.accounts.sessions import SessionTokens
from tone_shootout.kit.settings import Settings

ACCESS_COOKIE: Final = "shootout_access"
REFRESH_COOKIE: Final = "shootout_refresh"
_PATHS: Final = {ACCESS_COOKIE: "/", REFRESH_COOKIE: "/api/v1/auth"}


def session_cookies(tokens: SessionTokens, settings: Settings) -> list[Cookie]:
    """Return the cookies of a session. Each expires with its token."""
    return [
        _session_cookie(ACCESS_COOKIE, tokens.access_token, tokens.access_lifetime, settings),
        _session_cookie(REFRESH_COOKIE, tokens.refresh_token, tokens.refresh_lifetime, settings),
    ]


def expired_session_cookies(settings: Settings) -> list[Cookie]:
    """Return expired cookies, which make a browser delete those of a session."""
    return [_session_cookie(name, "", timedelta(0), settings) for name in _PATHS]


def find_session_cookie(cookies: Mapping[str, str], name: str, settings: Settings) -> str | None:
    """Return the value of `ACCESS_COOKIE` or `REFRESH_COOKIE`, which a program may send under its name without port."""
    return cookies.get(_local_name(name, settings), cookies.get(name))


def sign_in_cookie_name(state: str) -> str:
    """Return the name of the cookie that ties a sign-in to a browser.

    Each sign-in has a cookie of its own, so that tabs of one browser can sign in at the same time.
    """
    return f"shootout_signin_{hashlib.sha256(state.encode()).hexdigest()[:16]}"


def sign_in_cookie(state: str, browser: str, settings: Settings) -> Cookie:
    """Return the cookie that the browser must send with the callback of a sign-in."""
    return _cookie(sign_in_cookie_name(state), browser, timedelta(seconds=BROWSER_SIGN_IN_S), settings)


def expired_sign_in_cookie(state: str, settings: Settings) -> Cookie:
    """Return an expired cookie, which makes a browser delete that of a sign-in."""
    return _cookie(sign_in_cookie_name(state), "", timedelta(0), settings)


def _local_name(name: str, settings: Settings) -> str:
    return name if settings.server.public_url else f"{name}_{settings.server.port}"


def _session_cookie(name: str, value: str, lifetime: timedelta, settings: Settings) -> Cookie:
    return _cookie(_local_name(name, settings), value, lifetime, settings, path=_PATHS[name])


def _cookie(
    name: str, value: str, lifetime: timedelta, settings: Settings, *, path: str = _PATHS[REFRESH_COOKIE]
) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        path=path,
        max_age=int(lifetime.total_seconds()),
        httponly=True,
        secure=settings.security.cookie_secure,
        samesite="lax",
    )
