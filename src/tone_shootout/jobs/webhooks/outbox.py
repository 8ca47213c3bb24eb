"""Messages are written down with what they tell of: in the transaction of a job's transition."""

from sqlalchemy import any_, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.webhooks.events import job_message
from tone_shootout.jobs.webhooks.models import Webhook, WebhookDelivery


async def tell(session: AsyncSession, job: Job, event: JobEvent) -> None:
    """Write down that the endpoints of a job's owner that listen for it are to hear of its new status.

    The lock keeps the endpoint for the moment; one that is just being deleted is skipped, so that its deletion and the
    job's transition never wait for each other.
    """
    kind = f"job.{job.status}"
    listening = (
        select(Webhook.id)
        .where(
            Webhook.owner_id == job.owner_id,
            Webhook.disabled_reason.is_(None),
            literal(kind) == any_(Webhook.events),
        )
        .with_for_update(read=True, key_share=True, skip_locked=True)
    )
    webhook_ids = (await session.scalars(listening)).all()
    if not webhook_ids:
        return
    message = {"type": kind, "payload": job_message(job, event), "round_at": event.at, "next_attempt_at": event.at}
    await session.execute(insert(WebhookDelivery), [{"webhook_id": found, **message} for found in webhook_ids])
