"""Event types of webhooks, and their messages."""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

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
TEST_EVENT: Final = "webhook.test"
"""Sent on request only, to any endpoint."""


_Time = Annotated[datetime, Meta(description="Time of the event; that of the attempt is in `webhook-timestamp`.")]


class JobMessageData(Struct, kw_only=True):
    """A job that has entered a status."""

    seq: Annotated[int, Meta(description="Number of the event in the job's log.", examples=[41])]
    job: Annotated[JobRead, Meta(description="The job at that moment.")]


class JobMessage(Struct, kw_only=True):
    """Message that a job has entered a status."""

    type: Annotated[EventName, Meta(description="`job.` and the new status.", examples=["job.completed"])]
    timestamp: _Time
    data: Annotated[JobMessageData, Meta(description="The job.")]


class EmptyData(Struct, kw_only=True):
    """No data."""


class WebhookTestMessage(Struct, kw_only=True):
    """Message that was requested to test a webhook."""

    type: Annotated[Literal["webhook.test"], Meta(description="The type.")]
    timestamp: _Time
    data: Annotated[EmptyData, Meta(description="Empty.")]


def job_message(job: Job, event: JobEvent) -> str:
    """Return the body of the message that a job has entered a status."""
    kind = msgspec.convert(f"job.{job.status}", EventName)
    return _encode(JobMessage(type=kind, timestamp=event.at, data=JobMessageData(seq=event.seq, job=JobRead.of(job))))


def test_message(at: datetime) -> str:
    """Return the body of a test message."""
    return _encode(WebhookTestMessage(type=TEST_EVENT, timestamp=at, data=EmptyData()))


def _encode(message: JobMessage | WebhookTestMessage) -> str:
    return msgspec.json.encode(message).decode()
