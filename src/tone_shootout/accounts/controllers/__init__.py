"""Accounts over HTTP."""

from tone_shootout.accounts.controllers._me import MeController
from tone_shootout.accounts.controllers._parts import provide_attempts, provide_sessions
from tone_shootout.accounts.controllers._sessions import MySessionsController, SessionController
from tone_shootout.accounts.controllers._sign_in import SignInController, Tone3000Controller

__all__ = [
    "MeController",
    "MySessionsController",
    "SessionController",
    "SignInController",
    "Tone3000Controller",
    "provide_attempts",
    "provide_sessions",
]
