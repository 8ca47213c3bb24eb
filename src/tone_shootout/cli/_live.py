"""Following a job over the live channel, and showing how far it is."""

import json
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

import click

from tone_shootout.cli._session import API, ServiceError, Session

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PATIENCE_S = 120.0
"""Longest that the service may be away while a job is followed."""
_REFUSED = range(4400, 4429)
"""Codes of a close that will be the same next time; 4429 asks for patience."""


def follow(session: Session, job_id: str) -> Iterator[dict[str, Any]]:
    """Yield a job's events from a snapshot to `done`, each once, whatever becomes of the connection meanwhile.

    Raises:
        ServiceError: the service refuses, or stays away.
    """
    from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
    from websockets.sync.client import connect

    address = f"{session.url.replace('http', 'ws', 1)}{API}/jobs/{job_id}/ws"
    last: int | None = None
    away_since, wait_s = time.monotonic(), 0.2
    while True:
        try:
            resume = "" if last is None else f"?after={last}"
            with connect(address + resume, additional_headers=session.headers, max_size=None) as socket:
                for event in _events(socket):
                    wait_s = 0.2
                    if event["type"] != "snapshot" or last is None:
                        last = event["seq"]
                    else:
                        continue
                    yield event
                    if event["type"] == "done":
                        return
                    away_since = float("inf")
        except ConnectionClosed as error:
            if error.rcvd is not None and error.rcvd.code in _REFUSED:
                raise ServiceError(error.rcvd.reason or f"the live channel was refused ({error.rcvd.code})") from None
        except InvalidStatus as error:
            if error.response.status_code < 500:
                raise ServiceError(f"the live channel was refused ({error.response.status_code})") from None
        except InvalidURI:
            raise ServiceError(f"{session.url} is no address") from None
        except (WebSocketException, OSError):
            pass  # away for the moment
        away_since = min(away_since, time.monotonic())
        if time.monotonic() - away_since > PATIENCE_S:
            raise ServiceError(f"{session.url} has been away for {PATIENCE_S:g} s")
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, 5.0)


def _events(socket: "ClientConnection") -> Iterator[dict[str, Any]]:
    for message in socket:
        yield json.loads(message)


def show(events: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Show a job's progress until it is done; return the data of its last event, status and, if it failed, error."""
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
    """A progress bar on a terminal, a line for each phase elsewhere."""

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
        """Show what is being done."""
        self._bar.update(self._task, description=name)
        if not self._console.is_terminal:
            click.echo(f"{name} …")

    def progress(self, percent: float) -> None:
        """Show how far it is."""
        self._bar.update(self._task, completed=percent)
        if not self._console.is_terminal and int(percent // 10) > self._tenth:
            self._tenth = int(percent // 10)
            click.echo(f"{percent:.0f} %")
