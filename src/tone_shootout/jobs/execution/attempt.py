"""One attempt at a job: collects what the rendering thread reports, for the event loop to write."""

import asyncio
import threading
import time
from typing import Any

from tone_shootout.jobs.event_data import progress_data, segment_data
from tone_shootout.jobs.execution.job_trace import JobTrace
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.scheduling.eta import EtaEstimator
from tone_shootout.jobs.status import EventType, Phase
from tone_shootout.rendering.errors import Cancelled
from tone_shootout.rendering.executor.reporter import SegmentStatus
from tone_shootout.rendering.executor.tasks import Measured

PROGRESS_S = 0.5
"""Shortest time between two progress events, in seconds. All others are written at once (`lease.WRITE_INTERVAL_S`)."""

PendingEvent = tuple[EventType, dict[str, Any], dict[str, Any]]
"""An event to write: type, data, and the job's columns that change with it."""


class Attempt:
    """The state of a job while a worker holds it (`rendering.produce.Reporter`).

    Created in the event loop; the reporting methods are called from the rendering thread.

    Args:
        job: the job as it was claimed.
        clock: returns seconds of a monotonic clock.
    """

    def __init__(self, job: Job, *, clock: Any = time.monotonic) -> None:
        self.job = job
        self.trace = JobTrace(job)
        """Spans of the attempt."""
        self.stop = threading.Event()
        """Set to stop the rendering."""
        self.cancel_requested = False
        """Whether the rendering is stopped because of a cancellation or a lost lease, not a shutdown."""
        self.lost_lease = False
        """Whether this attempt does not hold the job any more: its writes change nothing."""
        self.pending_events = asyncio.Event()
        """Set when there are events to write."""
        self.segment_ready = asyncio.Event()
        """Set when a rendered segment can be published."""
        self.publishing = asyncio.Lock()
        """Held while segments are published."""
        self.writing = asyncio.Lock()
        """Held while events are written."""
        self.deadline: asyncio.Timeout | None = None
        """The attempt's time limit, once it runs."""
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._lock = threading.Lock()
        self._pending: list[PendingEvent] = []
        self._ready: list[int] = []
        self._extra = 0.0
        self._done = 0.0
        self._total = 0.0
        self._reported = -1.0
        self._reported_at = -PROGRESS_S
        self._eta = EtaEstimator()
        self._phases: list[tuple[Phase, float]] = []

    def phase(self, name: Phase) -> None:
        """Report the start of a phase."""
        self._phases.append((name, self._clock()))
        self.trace.phase(name)
        self._report(("phase", {"phase": name}, {"phase": name}))

    def phase_durations_s(self) -> dict[Phase, float]:
        """Return the durations of all phases so far in seconds, in order; the current one ends now."""
        durations: dict[Phase, float] = {}
        ends = [began for _, began in self._phases[1:]] + [self._clock()]
        for (name, began), end in zip(self._phases, ends, strict=True):
            durations[name] = durations.get(name, 0.0) + end - began
        return durations

    def progress(self, done: float, total: float) -> None:
        """Report progress, in the rendering's unit of work. It never decreases."""
        with self._lock:
            self._total = max(self._total, total + self._extra)
            self._done = min(max(self._done, done), self._total)

    def reserve(self, cost: float) -> None:
        """Add the work after the rendering to the total, in the rendering's unit of work."""
        with self._lock:
            self._extra = cost

    def advance(self, share: float) -> None:
        """Report the share of the work after the rendering that is done, 0 to 1."""
        with self._lock:
            self._done = max(self._done, self._total - self._extra * (1.0 - share))

    def segment(self, position: int, status: SegmentStatus, measured: Measured | None) -> None:
        """Report a segment's new status."""
        self._report(("segment", segment_data(position, status, measured), {}))
        if status != "leveled":
            self.trace.segment(position, status)
            with self._lock:
                self._ready.append(position)
            self._loop.call_soon_threadsafe(self.segment_ready.set)

    def file(self, name: str) -> None:
        """Do nothing: files are reported as artifacts when they are stored."""

    def check(self) -> None:
        """Stop the rendering if `stop` is set.

        Raises:
            Cancelled: `stop` is set.
        """
        if self.stop.is_set():
            raise Cancelled

    def take_events(self) -> list[PendingEvent]:
        """Return and clear the pending events, with a progress event if `PROGRESS_S` have passed since the last."""
        with self._lock:
            events, self._pending = self._pending, []
            now = self._clock()
            if self._total and self._done != self._reported and now - self._reported_at >= PROGRESS_S:
                events.append(self._progress(now))
            return events

    def take_ready_segments(self) -> list[int]:
        """Return and clear the positions of rendered segments that are not published yet."""
        with self._lock:
            positions, self._ready = self._ready, []
            return positions

    def extend(self, seconds: float) -> None:
        """Extend the deadline by the time that an outage took."""
        deadline = self.deadline
        if deadline is not None and not deadline.expired() and (when := deadline.when()) is not None:
            deadline.reschedule(when + seconds)

    def release(self, events: list[PendingEvent]) -> None:
        """Put back events that could not be written, in front of those that have come since."""
        with self._lock:
            self._pending[:0] = events

    def _progress(self, now: float) -> PendingEvent:
        self._reported, self._reported_at = self._done, now
        data = progress_data(self._done, self._total, self._eta.eta_s(self._done, self._total, now))
        return "progress", data, {"progress_done": self._done, "progress_total": self._total, "eta_s": data["eta_s"]}

    def _report(self, event: PendingEvent) -> None:
        with self._lock:
            self._pending.append(event)
        self._loop.call_soon_threadsafe(self.pending_events.set)
