"""The outbox: messages are written in the transaction of the job's transition that they report."""

from uuid import UUID

from sqlalchemy import ColumnElement, any_, exists, insert, literal, select
from sqlalchemy.orm import InstrumentedAttribute

from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.webhooks.events import job_message
from tone_shootout.jobs.webhooks.models import Webhook, WebhookDelivery
from tone_shootout.kit.db.locks import Session


def is_subscribed(status: JobStatus) -> ColumnElement[bool]:
    """Return whether the owner of a row of `Job` has an endpoint for its new status."""
    return exists().where(*_subscribed(Job.owner_id, status)).correlate(Job)


async def add_deliveries(session: Session, job: Job, event: JobEvent) -> None:
    """Add a message about a job's new status for each of its owner's endpoints subscribed to it.

    The row lock prevents an endpoint's deletion until the commit. An endpoint being deleted is skipped, so that its
    deletion and the job's transition never wait for each other.
    """
    subscribed = (
        select(Webhook.id)
        .where(*_subscribed(job.owner_id, job.status))
        .with_for_update(read=True, key_share=True, skip_locked=True)
    )
    webhook_ids = (await session.scalars(subscribed)).all()
    if not webhook_ids:
        return
    message = {
        "type": _kind(job.status),
        "payload": job_message(job, event),
        "round_at": event.at,
        "next_attempt_at": event.at,
    }
    await session.execute(
        insert(WebhookDelivery), [{"webhook_id": webhook_id, **message} for webhook_id in webhook_ids]
    )


def _kind(status: str) -> str:
    return f"job.{status}"


def _subscribed(owner_id: UUID | InstrumentedAttribute[UUID], status: str) -> tuple[ColumnElement[bool], ...]:
    return (
        Webhook.owner_id == owner_id,
        Webhook.disabled_reason.is_(None),
        literal(_kind(status)) == any_(Webhook.events),
    )
