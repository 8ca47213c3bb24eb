"""The live channel of a job: which events a client has, and what a lost connection means."""

import time
from typing import Final
from uuid import UUID

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI

from tone_shootout.client._calls import API
from tone_shootout.client._operations import socket_path
from tone_shootout.client.errors import ApiError, ConnectionFailedError, InvalidResponseError, error_class
from tone_shootout.client.models import Event

RECONNECT_TIMEOUT_S: Final = 120.0
"""Time without a connection after which following a job fails."""
FINISHED: Final = 1000
"""Close code after the last event of a job."""
_FIRST_DELAY_S: Final = 0.2
_LONGEST_DELAY_S: Final = 5.0
_PERMANENT_CODES: Final = range(4400, 4429)
"""Close codes after which a reconnect is useless; 4429 (rate limit) allows one."""


class Watching:
    """State of following a job over any number of connections.

    Args:
        url: URL of the service.
        job_id: id of the job.
        after: number of the last event that the client has; None: start with a snapshot.
    """

    def __init__(self, url: str, job_id: UUID | str, after: int | None) -> None:
        self._url = url
        self._address = f"{url.replace('http', 'ws', 1)}{API}{socket_path(job_id)}"
        self._last = after
        self._lost_at: float | None = time.monotonic()
        self._delay_s = _FIRST_DELAY_S

    @property
    def address(self) -> str:
        """Address of the next connection, which continues after the last event."""
        return self._address if self._last is None else f"{self._address}?after={self._last}"

    def receive(self, message: str | bytes) -> Event | None:
        """Return the event of a message; None: the client knows it, as the snapshot of a further connection.

        Raises:
            InvalidResponseError: the message is not an event.
        """
        try:
            event = msgspec.json.decode(message, type=Event)
        except msgspec.DecodeError as error:
            raise InvalidResponseError(f"{self._url} sent a message that is not an event: {error}") from None
        self._lost_at, self._delay_s = None, _FIRST_DELAY_S
        if self._last is not None and (event.type == "snapshot" or event.seq <= self._last):
            return None
        self._last = event.seq
        return event

    def lost(self, error: Exception | None = None) -> float:
        """Return the delay before the next connection, in seconds.

        Args:
            error: why the connection was lost or not made; None: it was closed.

        Raises:
            ApiError: the service refuses the connection.
            ConnectionFailedError: the service has been unreachable for `RECONNECT_TIMEOUT_S`.
        """
        if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code in _PERMANENT_CODES:
            status = error.rcvd.code - 4000
            raise _refused(status, error.rcvd.reason or f"the live channel was refused ({error.rcvd.code})")
        if isinstance(error, InvalidStatus) and error.response.status_code < 500:
            status = error.response.status_code
            if status != 429:
                raise _refused(status, f"the live channel was refused ({status})")
        if isinstance(error, InvalidURI):
            raise ConnectionFailedError(f"{self._url} is not a valid URL")
        now = time.monotonic()
        self._lost_at = now if self._lost_at is None else self._lost_at
        if now - self._lost_at > RECONNECT_TIMEOUT_S:
            raise ConnectionFailedError(f"{self._url} has been unreachable for {RECONNECT_TIMEOUT_S:g} s")
        delay_s, self._delay_s = self._delay_s, min(2 * self._delay_s, _LONGEST_DELAY_S)
        return delay_s


def _refused(status: int, detail: str) -> ApiError:
    return error_class(status, "")(detail, status=status)
