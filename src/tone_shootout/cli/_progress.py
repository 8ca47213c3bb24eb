"""Progress output of commands that render, and their cancellation with Ctrl-C."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Literal

import click

from tone_shootout.rendering.errors import Cancelled
from tone_shootout.rendering.executor.tasks import Measured
from tone_shootout.rendering.produce import Phase, Reporter, SegmentStatus

if TYPE_CHECKING:
    from rich.progress import Progress

Style = Literal["text", "json", "quiet"]
"""Text: a bar on a terminal, lines elsewhere. JSON: events on stdout. Quiet: nothing."""

_PHASE_NAMES: dict[Phase, str] = {
    "render": "Rendering",
    "level": "Matching levels and measuring",
    "plots": "Drawing plots",
    "video": "Making the video",
}


@contextmanager
def interruptible() -> Generator[threading.Event]:
    """Convert SIGINT and SIGTERM to an event while the block runs."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def progress(stopped: threading.Event, style: Style = "text") -> Generator[Reporter]:
    """Yield a reporter that shows the progress, text on stderr and events on stdout; `stopped` cancels rendering."""
    if style == "json":
        from tone_shootout.cli._events import EventReporter

        yield EventReporter(stopped)
        return
    if style == "quiet":
        yield _Quiet(stopped)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(stopped)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(stopped, bar)


class _Lines:
    """Reporter that prints lines."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped

    def phase(self, name: Phase) -> None:
        click.echo(_PHASE_NAMES[name], err=True)

    def progress(self, done: float, total: float) -> None:
        """Print nothing; the lines of the segments show the progress."""

    def segment(self, position: int, status: SegmentStatus, measured: Measured | None) -> None:
        level = "" if measured is None else f", {measured.integrated_lufs:.1f} LUFS"
        click.echo(f"  segment {position}: {status}{level}", err=True)

    def file(self, name: str) -> None:
        """Print nothing; the command prints the folder at the end."""

    def check(self) -> None:
        if self._stopped.is_set():
            raise Cancelled


class _Quiet(_Lines):
    """Reporter that prints nothing."""

    def phase(self, name: Phase) -> None:
        """Print nothing."""

    def segment(self, position: int, status: SegmentStatus, measured: Measured | None) -> None:
        """Print nothing."""


class _Bar(_Lines):
    """Reporter that updates a progress bar."""

    def __init__(self, stopped: threading.Event, bar: "Progress") -> None:
        super().__init__(stopped)
        self._bar = bar
        self._task = bar.add_task("Starting", total=None)

    def phase(self, name: Phase) -> None:
        self._bar.update(self._task, description=_PHASE_NAMES[name])

    def progress(self, done: float, total: float) -> None:
        self._bar.update(self._task, completed=done, total=total)

    def segment(self, position: int, status: SegmentStatus, measured: Measured | None) -> None:
        """Print nothing; the bar shows the progress."""
