"""Failed sign-ins: who fails too often waits, and is not even looked at meanwhile.

Counted twice. By the address that they come from, and by what they name: of an API token the part that its owner is
shown again, of a refresh token its session. So neither one guesser with many tries nor many with few get far.
"""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from tone_shootout.accounts.credentials import SHOWN_CHARACTERS, session_of
from tone_shootout.accounts.errors import SignInExpiredError
from tone_shootout.accounts.guards import Connection
from tone_shootout.kit.problems import TooManyRequestsError, UnauthorizedError
from tone_shootout.kit.settings import LimitSettings
from tone_shootout.kit.throttle import Rate, Throttle, address_of

WINDOW_S: Final = 300
DEVICES: Final = Rate("devices", 10)
"""Sign-ins of devices that an address may begin in a minute: each costs a request to TONE3000, which grants the whole
installation a hundred."""


class TooManyAttemptsError(TooManyRequestsError):
    """Too many sign-ins have failed."""

    code = "too_many_attempts"


class Attempt:
    """One try."""

    def __init__(self) -> None:
        self.failed = False


class SignInAttempts:
    """Watches over the routes that exchange one credential for another."""

    def __init__(self, throttle: Throttle, limits: LimitSettings) -> None:
        self._throttle = throttle
        self._by_address = Rate("failed-sign-ins-of-address", limits.failed_sign_ins, WINDOW_S)
        self._by_account = Rate("failed-sign-ins-of-account", limits.failed_sign_ins, WINDOW_S)

    @asynccontextmanager
    async def watched(self, connection: Connection, credential: str) -> AsyncGenerator[Attempt, None]:
        """Let somebody try, unless too many tries have failed; a refusal counts as a failure, and `failed` says so too.

        Who brings nothing at all, as a page does that wants to know whether somebody is signed in, guesses nothing.

        Raises:
            TooManyAttemptsError: before anything is tried.
        """
        counters = [(self._by_address, address_of(connection)), (self._by_account, _named_by(credential))]
        if not credential:
            counters.clear()
        for rate, key in counters:
            try:
                await self._throttle.check(rate, key)
            except TooManyRequestsError as error:
                raise TooManyAttemptsError(
                    f"Too many sign-ins have failed. Try again in {error.wait_s} seconds.", wait_s=error.wait_s
                ) from None
        attempt = Attempt()
        try:
            yield attempt
        except (UnauthorizedError, SignInExpiredError):
            attempt.failed = True
            raise
        finally:
            if attempt.failed:
                for rate, key in counters:
                    await self._count(rate, key)

    async def begin_device(self, connection: Connection) -> None:
        """Count a device that nobody knows yet.

        Raises:
            TooManyRequestsError: there are too many from its address.
        """
        await self._throttle.take(DEVICES, address_of(connection))

    async def _count(self, rate: Rate, key: str) -> None:
        try:
            await self._throttle.take(rate, key)
        except TooManyRequestsError:
            return  # several failed at once: the answer to this one stays what it is


def _named_by(credential: str) -> str:
    session_id = session_of(credential)
    name = str(session_id) if session_id else credential[:SHOWN_CHARACTERS]
    return hashlib.sha256(name.encode()).hexdigest()[:32]
