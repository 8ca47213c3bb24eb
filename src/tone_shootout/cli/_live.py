"""Client of the live channel of a job, with a progress bar."""

import json
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

import click

from tone_shootout.cli._session import API, ServiceError, Session

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

RECONNECT_TIMEOUT_S = 120.0
"""Time without a connection after which following a job fails."""
_PERMANENT_CODES = range(4400, 4429)
"""Close codes after which a reconnect is useless; 4429 (rate limit) allows one."""


def follow(session: Session, job_id: str) -> Iterator[dict[str, Any]]:
    """Yield the events of a job from a snapshot to `done`, each once; reconnect if the connection is lost.

    Raises:
        ServiceError: the service refuses the connection or stays unreachable.
    """
    from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
    from websockets.sync.client import connect

    address = f"{session.url.replace('http', 'ws', 1)}{API}/jobs/{job_id}/ws"
    last: int | None = None
    lost_at, retry_delay_s = time.monotonic(), 0.2
    while True:
        try:
            resume = "" if last is None else f"?after={last}"
            with connect(address + resume, additional_headers=session.headers, max_size=None) as socket:
                for event in _events(socket):
                    retry_delay_s = 0.2
                    if event["type"] != "snapshot" or last is None:
                        last = event["seq"]
                    else:
                        continue
                    yield event
                    if event["type"] == "done":
                        return
                    lost_at = float("inf")
        except ConnectionClosed as error:
            if error.rcvd is not None and error.rcvd.code in _PERMANENT_CODES:
                raise ServiceError(error.rcvd.reason or f"the live channel was refused ({error.rcvd.code})") from None
        except InvalidStatus as error:
            if error.response.status_code < 500:
                raise ServiceError(f"the live channel was refused ({error.response.status_code})") from None
        except InvalidURI:
            raise ServiceError(f"{session.url} is not a valid URL") from None
        except (WebSocketException, OSError):
            pass  # retried below
        lost_at = min(lost_at, time.monotonic())
        if time.monotonic() - lost_at > RECONNECT_TIMEOUT_S:
            raise ServiceError(f"{session.url} has been unreachable for {RECONNECT_TIMEOUT_S:g} s")
        time.sleep(retry_delay_s)
        retry_delay_s = min(2 * retry_delay_s, 5.0)


def _events(socket: "ClientConnection") -> Iterator[dict[str, Any]]:
    for message in socket:
        yield json.loads(message)


def show(events: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Show the progress of a job until it is done.

    Returns:
        Data of the `done` event: the status and, for a failed job, the error.

    Raises:
        ServiceError: the events ended before `done`.
    """
    with _Bar() as bar:
        for event in events:
            data = event["data"]
            if event["type"] == "snapshot" and data["job"]["phase"]:
                bar.phase(data["job"]["phase"])
                bar.progress(data["job"]["progress"]["percent"])
            elif event["type"] == "phase":
                bar.phase(data["phase"])
            elif event["type"] == "progress":
                bar.progress(data["percent"])
            elif event["type"] == "done":
                if data["status"] == "completed":
                    bar.progress(100.0)
                return dict(data)
    raise ServiceError("the live channel ended before the job was done")


class _Bar:
    """A progress bar on a terminal, lines otherwise."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        self._console = Console()
        self._bar = Progress(
            TextColumn("{task.description:8}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("queued", total=100.0)
        self._tenth = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def phase(self, name: str) -> None:
        """Show the current phase."""
        self._bar.update(self._task, description=name)
        if not self._console.is_terminal:
            click.echo(f"{name} …")

    def progress(self, percent: float) -> None:
        """Show the progress."""
        self._bar.update(self._task, completed=percent)
        if not self._console.is_terminal and int(percent // 10) > self._tenth:
            self._tenth = int(percent // 10)
            click.echo(f"{percent:.0f} %")
