"""Failed sign-ins: an address from which too many come waits, and is not even looked at meanwhile.

They are not counted by what they name, a token or a session. Nobody guesses 256 random bits from however many
addresses, and whoever knew no more of a token than its first characters could keep its owner out.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from tone_shootout.accounts.errors import SignInExpiredError
from tone_shootout.accounts.guards import Connection
from tone_shootout.kit.http.problems import TooManyRequestsError, UnauthorizedError
from tone_shootout.kit.settings import LimitSettings
from tone_shootout.kit.throttle import Rate, Throttle, address_of

WINDOW_S: Final = 300
DEVICES: Final = Rate("devices", 10)
"""Sign-ins of devices that an address may begin in a minute: each costs a request to TONE3000, which grants the whole
installation a hundred."""


BROWSERS: Final = Rate("browsers", 60)
"""Sign-ins in a browser that an address may begin in a minute: each is remembered for half an hour."""


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
        self._failed = Rate("failed-sign-ins", limits.failed_sign_ins, WINDOW_S)

    @asynccontextmanager
    async def watched(self, connection: Connection, credential: str) -> AsyncGenerator[Attempt, None]:
        """Let somebody try, unless too many tries have failed; a refusal counts as a failure, and `failed` says so too.

        Who brings nothing at all, as a page does that wants to know whether somebody is signed in, guesses nothing.

        Raises:
            TooManyAttemptsError: before anything is tried.
        """
        address = address_of(connection)
        if credential:
            await self._check(address)
        attempt = Attempt()
        try:
            yield attempt
        except (UnauthorizedError, SignInExpiredError):
            attempt.failed = True
            raise
        finally:
            if attempt.failed and credential:
                await self._count(address)

    async def begin(self, kind: Rate, connection: Connection) -> None:
        """Count a browser or device that nobody knows yet.

        Raises:
            TooManyRequestsError: there are too many from its address.
        """
        await self._throttle.take(kind, address_of(connection))

    async def _check(self, address: str) -> None:
        try:
            await self._throttle.check(self._failed, address)
        except TooManyRequestsError as error:
            raise TooManyAttemptsError(
                f"Too many sign-ins have failed. Try again in {error.wait_s} seconds.", wait_s=error.wait_s
            ) from None

    async def _count(self, address: str) -> None:
        try:
            await self._throttle.take(self._failed, address)
        except TooManyRequestsError:
            return  # several failed at once: the answer to this one stays what it is
