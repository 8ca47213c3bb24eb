"""One worker's hold on a job: what the rendering thread tells, kept for the event loop to write."""

import asyncio
import threading
import time
from typing import Any

import msgspec

from tone_shootout.jobs.models import Job
from tone_shootout.jobs.scheduling.eta import EtaEstimator
from tone_shootout.jobs.status import EventType, Phase
from tone_shootout.rendering.errors import Cancelled
from tone_shootout.rendering.executor.tasks import Measured
from tone_shootout.rendering.produce import SegmentStatus

PROGRESS_S = 0.5
"""Least seconds between two lines of progress. Everything else is written as soon as it is told."""

Line = tuple[EventType, dict[str, Any], dict[str, Any]]
"""What is added to the log: type, data, and the job's columns that change with it."""


class Attempt:
    """What is known of a job while a worker holds it (`rendering.produce.Reporter`).

    Made in the event loop; told from the thread that renders.
    """

    def __init__(self, job: Job, *, clock: Any = time.monotonic) -> None:
        self.job = job
        self.stop = threading.Event()
        """Set when the rendering is to end."""
        self.cancel_requested = False
        """Whether somebody has asked for that, or another worker has the job."""
        self.lost_lease = False
        """Whether it is another's now: nothing that is written counts any more."""
        self.pending_events = asyncio.Event()
        """Set when there is something to write at once."""
        self.heard = asyncio.Event()
        """Set when there is a segment that can be listened to."""
        self.publishing = asyncio.Lock()
        """Held while segments are stored to be listened to."""
        self.writing = asyncio.Lock()
        """Held while lines are written."""
        self.deadline: asyncio.Timeout | None = None
        """When it is given up, if it has one."""
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: list[Line] = []
        self._ready: list[int] = []
        self._extra = 0.0
        self._done = 0.0
        self._total = 0.0
        self._told = -1.0
        self._told_at = -PROGRESS_S
        self._pace = EtaEstimator()

    def phase(self, name: Phase) -> None:
        """Note that a phase begins."""
        self._tell(("phase", {"phase": name}, {"phase": name}))

    def progress(self, done: float, total: float) -> None:
        """Note how much is done. It never goes back."""
        with self._lock:
            self._total = max(self._total, total + self._extra)
            self._done = min(max(self._done, done), self._total)

    def reserve(self, cost: float) -> None:
        """Add work to the total that the rendering does not know of: it comes behind it."""
        with self._lock:
            self._extra = cost

    def advance(self, share: float) -> None:
        """Note what share of the work behind the rendering is done."""
        with self._lock:
            self._done = max(self._done, self._total - self._extra * (1.0 - share))

    def segment(self, position: int, status: SegmentStatus, measured: Measured | None) -> None:
        """Note that a segment has got further."""
        data: dict[str, Any] = {"position": position, "status": status}
        if measured is not None:
            data["measured"] = msgspec.to_builtins(measured)
        self._tell(("segment", data, {}))
        if status != "levelled":
            with self._lock:
                self._ready.append(position)
            self._loop.call_soon_threadsafe(self.heard.set)

    def file(self, name: str) -> None:
        """A file is reported when it has been stored, as an artifact."""

    def check(self) -> None:
        """Stop the rendering where it is not wanted any more.

        Raises:
            Cancelled: it is not.
        """
        if self.stop.is_set():
            raise Cancelled

    def take(self) -> list[Line]:
        """Return what is to be written, with the progress where it has moved and was not written just now."""
        with self._lock:
            lines, self._lines = self._lines, []
            now = self._clock()
            if self._total and self._done != self._told and now - self._told_at >= PROGRESS_S:
                lines.append(self._progress(now))
            return lines

    def ready(self) -> list[int]:
        """Return the positions of segments that can be listened to, each once."""
        with self._lock:
            positions, self._ready = self._ready, []
            return positions

    def extend(self, seconds: float) -> None:
        """Move the deadline: so long something was waited for that has nothing to do with the job."""
        deadline = self.deadline
        if deadline is not None and not deadline.expired() and (when := deadline.when()) is not None:
            deadline.reschedule(when + seconds)

    def release(self, lines: list[Line]) -> None:
        """Keep what could not be written, in front of what has come since."""
        with self._lock:
            self._lines[:0] = lines

    def _progress(self, now: float) -> Line:
        self._told, self._told_at = self._done, now
        eta_s = self._pace.eta_s(self._done, self._total, now)
        eta_s = None if eta_s is None else round(eta_s, 1)
        percent = round(100.0 * self._done / self._total, 2)
        data = {"percent": percent, "done": self._done, "total": self._total, "eta_s": eta_s}
        return "progress", data, {"progress_done": self._done, "progress_total": self._total, "eta_s": eta_s}

    def _tell(self, line: Line) -> None:
        with self._lock:
            self._lines.append(line)
        self._loop.call_soon_threadsafe(self.pending_events.set)
