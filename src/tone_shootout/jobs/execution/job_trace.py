"""Spans of an attempt at a job: the wait in the queue, the phases and the segments; none while traces are off."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from structlog.contextvars import bound_contextvars

from tone_shootout.jobs.models import Job
from tone_shootout.kit.tracing import as_current, start_span

if TYPE_CHECKING:
    from opentelemetry.trace import Span


class JobTrace:
    """Continues the trace of the request that has submitted a job.

    Args:
        job: the job as it was claimed.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._span: Span | None = None
        self._phase: Span | None = None
        self._phase_at: datetime | None = None

    @contextmanager
    def running(self) -> Generator[None, None, None]:
        """Record an attempt as long as the context lasts; its log lines have the ids of job, request and trace."""
        job = self._job
        queued = start_span("queue", traceparent=job.trace_parent, start=job.queued_at, job_id=str(job.id))
        if queued is not None:
            queued.end()
        self._span = start_span("job", traceparent=job.trace_parent, job_id=str(job.id), attempt=job.attempt)
        ids = {"job_id": str(job.id)} | ({} if job.request_id is None else {"request_id": job.request_id})
        try:
            with bound_contextvars(**ids), as_current(self._span):
                yield
        finally:
            self._end_phase()
            if self._span is not None:
                self._span.end()

    def ended(self, status: str) -> None:
        """Record the job's status after the attempt."""
        if self._span is not None:
            self._span.set_attribute("status", status)

    def phase(self, name: str) -> None:
        """Record that a phase begins, and that the one before it ends."""
        if self._span is None:
            return
        self._end_phase()
        self._phase_at = datetime.now(UTC)
        self._phase = start_span(name, parent=self._span, start=self._phase_at)

    def segment(self, position: int, status: str) -> None:
        """Record a segment whose sound is there: its span began with the phase."""
        if self._phase is None:
            return
        span = start_span("segment", parent=self._phase, start=self._phase_at, position=position, status=status)
        if span is not None:
            span.end()

    def _end_phase(self) -> None:
        if self._phase is not None:
            self._phase.end()
            self._phase = None
