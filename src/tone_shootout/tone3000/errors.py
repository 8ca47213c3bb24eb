"""What can go wrong with TONE3000, as a client of ours is told. No message repeats a token or a body of theirs.

::

    Tone3000Error
    ├── NotConfiguredError   this installation has no key
    ├── SearchOffError       this installation does not offer the search
    ├── NotPermittedError    TONE3000 does not grant it
    ├── NotAvailableError    no such tone or model, or not for this person
    ├── TokenRefusedError    the person's token does not count (any more)
    ├── BusyError            too many requests for now
    ├── UnreachableError     no answer, or one that says that it is broken
    ├── BadAnswerError       an answer that can't be used
    ├── ForeignAddressError  a file's address that leads elsewhere
    ├── DownloadTooLargeError
    └── GrantError           a sign-in that is not granted (yet)
"""

import math

from tone_shootout.kit.http.problems import ProblemError


class Tone3000Error(ProblemError):
    """Anything that goes wrong with TONE3000."""

    status = 502
    code = "tone3000_failed"


class NotConfiguredError(Tone3000Error):
    """This installation has no key of TONE3000."""

    status = 409
    code = "tone3000_not_configured"

    def __init__(self) -> None:
        super().__init__("This installation is not set up for TONE3000: its operator has to give it a key.")


class SearchOffError(Tone3000Error):
    """This installation does not offer the search."""

    status = 403
    code = "tone3000_search_off"

    def __init__(self) -> None:
        super().__init__("The search of TONE3000 is not offered here. Use your lists, or select a tone at TONE3000.")


class NotPermittedError(Tone3000Error):
    """TONE3000 does not grant this to our key or to this person."""

    status = 403
    code = "tone3000_not_permitted"

    def __init__(self) -> None:
        super().__init__("TONE3000 does not permit this.")


class NotAvailableError(Tone3000Error):
    """No such tone or model, or not for this person: TONE3000 does not tell the two apart, nor do we."""

    status = 404
    code = "tone_not_available"

    def __init__(self) -> None:
        super().__init__("TONE3000 has no such tone or model, or you can't see it (any more).")


class TokenRefusedError(Tone3000Error):
    """The token does not count. Whoever holds a refresh token tries that before a person is told."""

    status = 409
    code = "tone3000_reconnect"

    def __init__(self) -> None:
        super().__init__("TONE3000 does not know you any more: connect with it again.")


class BusyError(Tone3000Error):
    """Too many requests for now.

    Attributes:
        retry_after_s: when it is worth trying again.
    """

    status = 503
    code = "tone3000_busy"

    def __init__(self, retry_after_s: float) -> None:
        seconds = max(1, math.ceil(retry_after_s))
        super().__init__(
            f"TONE3000 takes no more requests for now. Try again in {seconds} seconds.",
            headers={"Retry-After": str(seconds)},
        )
        self.retry_after_s = retry_after_s


class UnreachableError(Tone3000Error):
    """No answer, or one that says that TONE3000 is broken."""

    status = 503
    code = "tone3000_unreachable"

    def __init__(self, detail: str) -> None:
        super().__init__(f"TONE3000 does not answer: {detail}.")


class BadAnswerError(Tone3000Error):
    """An answer that can't be used."""

    code = "tone3000_bad_answer"

    def __init__(self, detail: str) -> None:
        super().__init__(f"TONE3000 sent an answer that can't be used: {detail}.")


class ForeignAddressError(Tone3000Error):
    """A file's address leads to a place that is not TONE3000's."""

    code = "tone3000_foreign_address"

    def __init__(self) -> None:
        super().__init__("TONE3000 names an address for this file that is not its own. It was not followed.")


class DownloadTooLargeError(Tone3000Error):
    """A file that is larger than the limit."""

    status = 413
    code = "too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"Expected a file of at most {limit} bytes.")


class GrantError(Tone3000Error):
    """A sign-in, a refresh or a device that is not granted (yet).

    Attributes:
        error: TONE3000's own word: `invalid_grant`, `authorization_pending`, `slow_down`, `access_denied`,
            `expired_token`, `invalid_client`, or another.
    """

    status = 409
    code = "tone3000_not_granted"

    def __init__(self, error: str) -> None:
        super().__init__("TONE3000 did not grant the sign-in.")
        self.error = error

    @property
    def is_final(self) -> bool:
        """Whether asking again with the same can never succeed."""
        return self.error not in ("authorization_pending", "slow_down")
