"""What happens to a job after an interrupted attempt: another attempt after a delay, or failure."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import func

from tone_shootout.jobs.models import Job
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.backoff import Backoff
from tone_shootout.kit.outages import Dependency
from tone_shootout.kit.settings import WorkerSettings

OUTAGE_DELAY_S: Final = 15.0
"""Longest delay after an outage: workers claim no jobs during an outage that they notice."""


def retry_or_fail(job: Job, settings: WorkerSettings, *, code: str, detail: str) -> tuple[JobStatus, dict[str, Any]]:
    """Return a job's status and columns after one more interruption.

    Args:
        job: the job as it was when it was claimed.
        settings: number of attempts, and the delays between them.
        code: error code, if this was the last attempt.
        detail: error detail, if this was the last attempt.
    """
    interruptions = job.interruptions + 1
    if interruptions >= settings.attempts:
        return JobStatus.FAILED, {"interruptions": interruptions, "error_code": code, "error_detail": detail}
    later = func.now() + timedelta(seconds=_backoff(settings).delay_s(interruptions))
    return JobStatus.QUEUED, {"interruptions": interruptions, "queued_at": func.now(), "not_before": later}


def retry_after_outage(
    job: Job, settings: WorkerSettings, *, waiting_for: Dependency
) -> tuple[JobStatus, dict[str, Any]]:
    """Return a job's status and columns after an outage, which does not count as an interruption.

    The delay grows with each attempt, so that a permanent error that looks like an outage does not occupy a worker.

    Args:
        job: the job as it was when it was claimed.
        settings: delays between attempts.
        waiting_for: the dependency that is unavailable.
    """
    delay_s = min(_backoff(settings).delay_s(max(1, job.attempt - job.interruptions)), OUTAGE_DELAY_S)
    later = func.now() + timedelta(seconds=delay_s)
    return JobStatus.QUEUED, {"queued_at": func.now(), "not_before": later, "waiting_for": waiting_for}


def _backoff(settings: WorkerSettings) -> Backoff:
    return Backoff(first_s=settings.backoff_s, longest_s=settings.backoff_max_s)
