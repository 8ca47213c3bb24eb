"""Rate limits of sign-ins by client address.

After too many failed sign-ins, further ones from the address are rejected without a check of the credential. Failures
are not counted by token or session: 256 random bits can't be guessed, and with such a limit anyone who knows the first
characters of a token could lock out its owner.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from tone_shootout.accounts.audit.services import RefusedSignIns
from tone_shootout.accounts.errors import SignInExpiredError
from tone_shootout.accounts.guards import Connection
from tone_shootout.kit.http.problems import TooManyRequestsError, UnauthorizedError
from tone_shootout.kit.settings import LimitSettings
from tone_shootout.kit.throttle import Rate, Throttle, address_of

WINDOW_S: Final = 300
"""Period in seconds over which failed sign-ins are counted."""
DEVICE_STARTS: Final = Rate("devices", 10)
"""Sign-ins of devices that an address can start in a minute. Each costs one request to TONE3000, which allows the whole
installation 100 a minute."""
BROWSER_STARTS: Final = Rate("browsers", 60)
"""Sign-ins in a browser that an address can start in a minute. Each is stored for half an hour."""


class TooManyAttemptsError(TooManyRequestsError):
    """Too many sign-ins from this address have failed."""

    code = "too_many_attempts"


class Attempt:
    """One sign-in.

    Attributes:
        failed: whether it counts as failed.
        reason: code of the response to a failed one.
    """

    def __init__(self) -> None:
        self.failed = False
        self.reason = "session_ended"


class SignInLimiter:
    """Limits the rate of sign-ins by client address.

    Args:
        throttle: counts requests.
        limits: number of failed sign-ins allowed in `WINDOW_S` seconds.
        refusals: records failed sign-ins.
    """

    def __init__(self, throttle: Throttle, limits: LimitSettings, refusals: RefusedSignIns) -> None:
        self._throttle = throttle
        self._refusals = refusals
        self._failures = Rate("failed-sign-ins", limits.failed_sign_ins, WINDOW_S)

    @asynccontextmanager
    async def limit_failures(self, connection: Connection, credential: str) -> AsyncGenerator[Attempt, None]:
        """Count a sign-in as failed if the block raises `UnauthorizedError` or `SignInExpiredError` or sets `failed`.

        A request with an empty credential, as of a page that checks for a session, is neither limited nor counted.

        Raises:
            TooManyAttemptsError: too many sign-ins from the address have failed; the block is not entered.
        """
        address = address_of(connection.scope)
        if credential:
            await self._check(address)
        attempt = Attempt()
        try:
            yield attempt
        except (UnauthorizedError, SignInExpiredError) as error:
            attempt.failed, attempt.reason = True, error.code
            raise
        finally:
            if attempt.failed and credential:
                await self._count(address)
                await self._refusals.record(attempt.reason)

    async def limit_start(self, rate: Rate, connection: Connection) -> None:
        """Count the start of a sign-in.

        Args:
            rate: `BROWSER_STARTS` or `DEVICE_STARTS`.
            connection: the request.

        Raises:
            TooManyRequestsError: too many sign-ins were started from the address.
        """
        await self._throttle.take(rate, address_of(connection.scope))

    async def _check(self, address: str) -> None:
        try:
            await self._throttle.check(self._failures, address)
        except TooManyRequestsError as error:
            raise TooManyAttemptsError(
                f"Too many sign-ins have failed. Try again in {error.wait_s} seconds.", wait_s=error.wait_s
            ) from None

    async def _count(self, address: str) -> None:
        try:
            await self._throttle.take(self._failures, address)
        except TooManyRequestsError:
            return  # several sign-ins failed at once; the response to this one does not change
