"""Events of a local rendering as lines of JSON, with the types and data of a job's events."""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

import click
import msgspec

from tone_shootout.jobs.event_data import progress_data, segment_data
from tone_shootout.jobs.scheduling.eta import EtaEstimator
from tone_shootout.rendering.errors import Cancelled
from tone_shootout.rendering.executor.tasks import Measured
from tone_shootout.rendering.produce import Phase, SegmentStatus

PROGRESS_S: Final = 0.25
"""Shortest time between two progress events, in seconds."""


def write_event(event_type: str, data: dict[str, Any]) -> None:
    """Write an event to stdout, as one line of JSON."""
    click.echo(msgspec.json.encode({"type": event_type, "data": data}))


class EventReporter:
    """Reporter that writes events."""

    def __init__(self, stopped: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
        self._stopped = stopped
        self._clock = clock
        self._eta = EtaEstimator()
        self._reported_at: float | None = None

    def phase(self, name: Phase) -> None:
        write_event("phase", {"phase": name})

    def progress(self, done: float, total: float) -> None:
        """Write an event at most every `PROGRESS_S`, and when all is done."""
        now = self._clock()
        is_due = self._reported_at is None or now - self._reported_at >= PROGRESS_S
        if total <= 0 or not (is_due or done >= total):
            return
        self._reported_at = now
        write_event("progress", progress_data(done, total, self._eta.eta_s(done, total, now)))

    def segment(self, position: int, status: SegmentStatus, measured: Measured | None) -> None:
        write_event("segment", segment_data(position, status, measured))

    def file(self, name: str) -> None:
        write_event("artifact", {"path": name})

    def check(self) -> None:
        if self._stopped.is_set():
            raise Cancelled
