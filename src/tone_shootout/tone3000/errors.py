"""Errors of the TONE3000 client. No detail contains a token or a response body.

::

    Tone3000Error
    ├── NotConfiguredError   no API key is configured
    ├── SearchOffError       search is disabled
    ├── NotPermittedError    the API key or the user lacks permission
    ├── NotAvailableError    the tone or model does not exist or is not visible to the user
    ├── TokenRefusedError    the user's token is invalid or has expired
    ├── BusyError            rate limit reached
    ├── UnreachableError     no response, or a server error
    ├── BadAnswerError       invalid response
    ├── ForeignAddressError  a file URL on another host
    ├── DownloadTooLargeError
    └── GrantError           the sign-in is denied or still pending
"""

import math

from tone_shootout.kit.http.problems import ProblemError


class Tone3000Error(ProblemError):
    """Base of all errors of TONE3000, each of which has its own code."""

    status = 502
    code = "tone3000_bad_answer"


class NotConfiguredError(Tone3000Error):
    """No API key for TONE3000 is configured."""

    status = 409
    code = "tone3000_not_configured"

    def __init__(self) -> None:
        super().__init__("TONE3000 is not configured. Ask the operator to set an API key.")


class SearchOffError(Tone3000Error):
    """Search is disabled on this installation."""

    status = 403
    code = "tone3000_search_off"

    def __init__(self) -> None:
        super().__init__("TONE3000 search is disabled. Use your lists, or select a tone at TONE3000.")


class NotPermittedError(Tone3000Error):
    """The API key or the user lacks permission."""

    status = 403
    code = "tone3000_not_permitted"

    def __init__(self) -> None:
        super().__init__("TONE3000 does not permit this request.")


class NotAvailableError(Tone3000Error):
    """The tone or model does not exist or is not visible to the user; TONE3000 does not distinguish the two."""

    status = 404
    code = "tone_not_available"

    def __init__(self) -> None:
        super().__init__("The tone or model does not exist at TONE3000, or you have no access to it.")


class TokenRefusedError(Tone3000Error):
    """The access token is invalid or has expired. Try the refresh token before reporting this to a user."""

    status = 409
    code = "tone3000_reconnect"

    def __init__(self) -> None:
        super().__init__("The connection with TONE3000 has expired. Connect again.")


class BusyError(Tone3000Error):
    """The rate limit of TONE3000 is reached.

    Attributes:
        retry_after_s: seconds to wait before the next request.
    """

    status = 503
    code = "tone3000_busy"

    def __init__(self, retry_after_s: float) -> None:
        seconds = max(1, math.ceil(retry_after_s))
        super().__init__(
            f"The rate limit of TONE3000 is reached. Try again in {seconds} seconds.",
            headers={"Retry-After": str(seconds)},
        )
        self.retry_after_s = retry_after_s


class UnreachableError(Tone3000Error):
    """TONE3000 sent no response, or a server error."""

    status = 503
    code = "tone3000_unreachable"

    def __init__(self, detail: str) -> None:
        super().__init__(f"TONE3000 is unavailable: {detail}. Try again later.")


class BadAnswerError(Tone3000Error):
    """TONE3000 sent an invalid response."""

    code = "tone3000_bad_answer"

    def __init__(self, detail: str) -> None:
        super().__init__(f"TONE3000 sent an invalid response: {detail}.")


class ForeignAddressError(Tone3000Error):
    """The URL of a file points to a host that is not TONE3000's."""

    code = "tone3000_foreign_address"

    def __init__(self) -> None:
        super().__init__("The URL of this file points to another host. The file was not downloaded.")


class DownloadTooLargeError(Tone3000Error):
    """The file is larger than the limit."""

    status = 413
    code = "too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The file is larger than {limit} bytes.")


class GrantError(Tone3000Error):
    """TONE3000 denied a token request, or it is still pending.

    Attributes:
        error: OAuth error code: `invalid_grant`, `authorization_pending`, `slow_down`, `access_denied`,
            `expired_token`, `invalid_client`, or another.
    """

    status = 409
    code = "tone3000_not_granted"

    def __init__(self, error: str) -> None:
        super().__init__("TONE3000 denied the sign-in. Sign in again.")
        self.error = error

    @property
    def is_final(self) -> bool:
        """Whether a retry with the same parameters can never succeed."""
        return self.error not in ("authorization_pending", "slow_down")
