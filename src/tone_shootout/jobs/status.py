"""The life of a job: its statuses, what may follow what, and the words of its event log."""

from enum import StrEnum
from types import MappingProxyType
from typing import Literal, get_args


class JobStatus(StrEnum):
    """Where a job is in its life."""

    PENDING = "pending"
    """Written down; the queue may not have heard of it yet."""
    QUEUED = "queued"
    """Waits for a worker."""
    RUNNING = "running"
    """A worker is at it."""
    CANCELLING = "cancelling"
    """Asked to stop; the worker has not let go yet."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS = MappingProxyType(
    {
        JobStatus.PENDING: frozenset({JobStatus.QUEUED, JobStatus.CANCELLED}),
        JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED}),
        # Back to the queue: its worker died, or was told to stop and gave the job back.
        JobStatus.RUNNING: frozenset({JobStatus.QUEUED, JobStatus.CANCELLING, JobStatus.COMPLETED, JobStatus.FAILED}),
        JobStatus.CANCELLING: frozenset({JobStatus.CANCELLED}),
        JobStatus.COMPLETED: frozenset[JobStatus](),
        # Only by its owner's wish to try again (`JobService.retry`), never by a message that comes late.
        JobStatus.FAILED: frozenset({JobStatus.PENDING}),
        JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),
    }
)

FINISHED = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})
WAITING = frozenset({JobStatus.PENDING, JobStatus.QUEUED})
"""Statuses in which a worker may take the job."""
HELD = frozenset({JobStatus.RUNNING, JobStatus.CANCELLING})
"""Statuses in which a worker holds the job and must be heard from."""

Phase = Literal["fetch", "render", "level", "plots", "video", "publish"]
PHASES: tuple[Phase, ...] = get_args(Phase)

EventType = Literal["snapshot", "status", "phase", "segment", "progress", "artifact", "done"]


def sources(to: JobStatus) -> frozenset[JobStatus]:
    """Return the statuses from which `to` may be reached."""
    return frozenset(status for status, following in TRANSITIONS.items() if to in following)
