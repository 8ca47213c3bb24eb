"""Event types of webhooks, and their messages."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from tone_shootout.jobs.dtos import JobRead
from tone_shootout.jobs.models import Job, JobEvent

EventName = Literal[
    "job.pending",
    "job.queued",
    "job.running",
    "job.cancelling",
    "job.completed",
    "job.failed",
    "job.cancelled",
]
"""One type per job status."""
TEST_EVENT = "webhook.test"
"""Sent on request only, to any endpoint."""


def job_message(job: Job, event: JobEvent) -> str:
    """Return the body of the message that a job has entered a status."""
    data = {"seq": event.seq, "job": msgspec.to_builtins(JobRead.of(job))}
    return _message(f"job.{job.status}", event.at, data)


def test_message(at: datetime) -> str:
    """Return the body of a test message."""
    return _message(TEST_EVENT, at, {})


def _message(kind: str, at: datetime, data: dict[str, Any]) -> str:
    return msgspec.json.encode({"type": kind, "timestamp": at, "data": data}).decode()
