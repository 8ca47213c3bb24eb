"""The cookie that stands for a listener: random, and nothing else is known of its owner."""

import re
import secrets
from datetime import timedelta
from typing import Any, Final

from litestar import Request
from litestar.datastructures import Cookie

from tone_shootout.kit.settings import SecuritySettings

LISTENER_COOKIE: Final = "shootout_listener"
_LIFETIME: Final = timedelta(days=180)
_BYTES: Final = 32
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def read_token(request: Request[Any, Any, Any]) -> str | None:
    """Return the value of a listener's cookie, None without a valid one."""
    found = request.cookies.get(LISTENER_COOKIE, "")
    return found if _TOKEN.fullmatch(found) else None


def new_token() -> str:
    """Return the value of a new cookie."""
    return secrets.token_urlsafe(_BYTES)


def listener_cookie(token: str, settings: SecuritySettings) -> Cookie:
    """Return the cookie of a listener."""
    return Cookie(
        key=LISTENER_COOKIE,
        value=token,
        path="/",  # pages read it too: a reload resumes
        max_age=int(_LIFETIME.total_seconds()),
        httponly=True,
        secure=settings.cookie_secure,
        samesite="lax",
    )
