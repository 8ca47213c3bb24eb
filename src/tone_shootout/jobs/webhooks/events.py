"""What an endpoint can be told, and the messages that tell it."""

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
"""One for each status that a job can enter."""
TEST_EVENT = "webhook.test"
"""Sent on its owner's wish only, whatever the endpoint listens to."""


def job_message(job: Job, event: JobEvent) -> str:
    """Return what is sent when a job has entered a status."""
    data = {"seq": event.seq, "job": msgspec.to_builtins(JobRead.of(job))}
    return _message(f"job.{job.status}", event.at, data)


def trial_message(at: datetime) -> str:
    """Return what is sent when an owner tries an endpoint out."""
    return _message(TEST_EVENT, at, {})


def _message(kind: str, at: datetime, data: dict[str, Any]) -> str:
    return msgspec.json.encode({"type": kind, "timestamp": at, "data": data}).decode()
