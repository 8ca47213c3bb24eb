"""REST endpoints of accounts."""

from tone_shootout.accounts.controllers._me import MeController
from tone_shootout.accounts.controllers._sessions import MySessionsController, SessionController
from tone_shootout.accounts.controllers._shared import (
    get_refresh_token,
    provide_accounts,
    provide_sessions,
    provide_sign_in_limiter,
    provide_sign_in_links,
)
from tone_shootout.accounts.controllers._sign_in import SignInController, Tone3000Controller

__all__ = [
    "MeController",
    "MySessionsController",
    "SessionController",
    "SignInController",
    "Tone3000Controller",
    "get_refresh_token",
    "provide_accounts",
    "provide_sessions",
    "provide_sign_in_limiter",
    "provide_sign_in_links",
]
