"""The progress of a job: a bar with the time left on a terminal, lines elsewhere."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

import click

from tone_shootout.cli._session import ServiceError

if TYPE_CHECKING:
    from tone_shootout.client import Client, Event


def follow(client: "Client", job_id: str, *, as_json: bool, quiet: bool = False) -> dict[str, Any]:
    """Follow a job until it is done, and show its progress, its events (`as_json`) or only its error (`quiet`).

    Returns:
        Data of the `done` event.
    """
    import msgspec

    if not as_json and not quiet:
        ended = show(client.watch(job_id))
        error = ended.get("error")
        click.echo(f"{ended['status']}{'' if error is None else ': ' + error['detail']}")
        return ended
    ended = {}
    for event in client.watch(job_id):
        if as_json:
            click.echo(msgspec.json.encode(event))
        ended = event.data
    if quiet and not as_json and (error := ended.get("error")) is not None:
        click.echo(f"{ended['status']}: {error['detail']}", err=True)
    return ended


def show(events: "Iterable[Event]") -> dict[str, Any]:
    """Show the progress of a job until it is done.

    Returns:
        Data of the `done` event: the status and, for a failed job, the error.

    Raises:
        ServiceError: the events ended before `done`.
    """
    with _Bar() as bar:
        for event in events:
            data = event.data
            if event.type == "snapshot" and data["job"]["phase"]:
                bar.phase(data["job"]["phase"])
                bar.progress(data["job"]["progress"]["percent"], data["job"]["progress"]["eta_s"])
            elif event.type == "phase":
                bar.phase(data["phase"])
            elif event.type == "progress":
                bar.progress(data["percent"], data.get("eta_s"))
            elif event.type == "done":
                if data["status"] == "completed":
                    bar.progress(100.0, None)
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
            TextColumn("{task.fields[left]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("queued", total=100.0, left="")
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

    def progress(self, percent: float, left_s: float | None) -> None:
        """Show the progress and the time left in seconds, None if it is unknown."""
        left = "" if left_s is None else f"{_duration(left_s)} left"
        self._bar.update(self._task, completed=percent, left=left)
        if not self._console.is_terminal and int(percent // 10) > self._tenth:
            self._tenth = int(percent // 10)
            click.echo(f"{percent:.0f} %{left and ', ' + left}")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
