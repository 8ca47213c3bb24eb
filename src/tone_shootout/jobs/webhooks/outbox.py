"""The outbox: messages are written in the transaction of the job's transition that they report."""

from sqlalchemy import any_, insert, literal, select

from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.webhooks.events import job_message
from tone_shootout.jobs.webhooks.models import Webhook, WebhookDelivery
from tone_shootout.kit.db.locks import Session


async def add_deliveries(session: Session, job: Job, event: JobEvent) -> None:
    """Add a message about a job's new status for each of its owner's endpoints subscribed to it.

    The row lock prevents an endpoint's deletion until the commit. An endpoint being deleted is skipped, so that its
    deletion and the job's transition never wait for each other.
    """
    kind = f"job.{job.status}"
    subscribed = (
        select(Webhook.id)
        .where(
            Webhook.owner_id == job.owner_id,
            Webhook.disabled_reason.is_(None),
            literal(kind) == any_(Webhook.events),
        )
        .with_for_update(read=True, key_share=True, skip_locked=True)
    )
    webhook_ids = (await session.scalars(subscribed)).all()
    if not webhook_ids:
        return
    message = {"type": kind, "payload": job_message(job, event), "round_at": event.at, "next_attempt_at": event.at}
    await session.execute(
        insert(WebhookDelivery), [{"webhook_id": webhook_id, **message} for webhook_id in webhook_ids]
    )
