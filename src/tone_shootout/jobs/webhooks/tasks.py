"""Scheduled tasks of webhooks. Deliveries themselves are sent by `delivery.Deliverer`, not by the queue."""

from typing import Final

from tone_shootout.jobs.webhooks.maintenance import WebhookMaintenance
from tone_shootout.kit.tasks import Context, heartbeat, schedule, service


async def delete_old_deliveries(context: Context) -> int:
    """Delete deliveries that ended longer ago than SHOOTOUT_RETENTION_DELIVERIES_DAYS."""
    async with heartbeat(context):
        return await service(context, WebhookMaintenance).delete_old_deliveries()


SCHEDULES: Final = (schedule(delete_old_deliveries, "53 * * * *"),)
