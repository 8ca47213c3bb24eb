"""The statuses of a job, the transitions between them, and the types of its events."""

from enum import StrEnum
from types import MappingProxyType
from typing import Literal, get_args


class JobStatus(StrEnum):
    """Status of a job."""

    PENDING = "pending"
    """Submitted; the queue may not have an entry yet."""
    QUEUED = "queued"
    """Waiting for a worker."""
    RUNNING = "running"
    """Held by a worker."""
    CANCELLING = "cancelling"
    """Cancellation requested; the worker has not released the job yet."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS = MappingProxyType(
    {
        JobStatus.PENDING: frozenset({JobStatus.QUEUED, JobStatus.CANCELLED}),
        JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED}),
        # To the queue: its worker died or shut down.
        JobStatus.RUNNING: frozenset({JobStatus.QUEUED, JobStatus.CANCELLING, JobStatus.COMPLETED, JobStatus.FAILED}),
        JobStatus.CANCELLING: frozenset({JobStatus.CANCELLED}),
        JobStatus.COMPLETED: frozenset[JobStatus](),
        # Only when its owner retries it (`JobService.retry`).
        JobStatus.FAILED: frozenset({JobStatus.PENDING}),
        JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),
    }
)

FINISHED = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})
WAITING = frozenset({JobStatus.PENDING, JobStatus.QUEUED})
"""Statuses in which a worker can claim the job."""
HELD = frozenset({JobStatus.RUNNING, JobStatus.CANCELLING})
"""Statuses in which a worker holds the job and sends heartbeats."""

Phase = Literal["fetch", "render", "level", "plots", "video", "publish"]
PHASES: tuple[Phase, ...] = get_args(Phase)

EventType = Literal["snapshot", "status", "phase", "segment", "progress", "artifact", "done"]


def sources(to: JobStatus) -> frozenset[JobStatus]:
    """Return the statuses from which a transition to `to` is allowed."""
    return frozenset(status for status, following in TRANSITIONS.items() if to in following)


RETRYABLE = sources(JobStatus.PENDING)
"""Statuses of jobs that can be retried."""
CANCELLABLE = WAITING | {JobStatus.RUNNING}
"""Statuses of jobs that can be cancelled."""
