"""What becomes of a job whose attempt was interrupted: another attempt, later each time, or none."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import func

from tone_shootout.jobs.models import Job
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.outages import Dependency
from tone_shootout.kit.settings import WorkerSettings

OUTAGE_WAIT_S: Final = 15.0
"""Longest wait after an outage: the worker has waited for the end of it already, or sees none."""


def wait_s(interruptions: int, settings: WorkerSettings) -> float:
    """Return the seconds between the interruption of that number, from 1, and the next attempt."""
    # The exponent is bounded, so that no setting of `attempts` leaves the range of floats.
    return min(settings.backoff_s * 2.0 ** min(interruptions - 1, 64), settings.backoff_max_s)


def setback(job: Job, settings: WorkerSettings, *, code: str, detail: str) -> tuple[JobStatus, dict[str, Any]]:
    """Return the status and columns of a job after one more interruption.

    Args:
        job: as it was when it was taken.
        settings: how many attempts there are, and how long the wait is.
        code: the error's code, if this was the last attempt.
        detail: and why, in one sentence.
    """
    interruptions = job.interruptions + 1
    if interruptions >= settings.attempts:
        return JobStatus.FAILED, {"interruptions": interruptions, "error_code": code, "error_detail": detail}
    later = func.now() + timedelta(seconds=wait_s(interruptions, settings))
    return JobStatus.QUEUED, {"interruptions": interruptions, "queued_at": func.now(), "not_before": later}


def outage(job: Job, settings: WorkerSettings, *, waiting_for: Dependency) -> tuple[JobStatus, dict[str, Any]]:
    """Return the status and columns of a job after something it needs was away, which costs it nothing.

    It waits longer each time, so that what looks like an outage and never ends keeps no worker busy.

    Args:
        job: as it was when it was taken.
        settings: how long the wait is.
        waiting_for: what was away.
    """
    wait = min(wait_s(max(1, job.attempt - job.interruptions), settings), OUTAGE_WAIT_S)
    later = func.now() + timedelta(seconds=wait)
    return JobStatus.QUEUED, {"queued_at": func.now(), "not_before": later, "waiting_for": waiting_for}
