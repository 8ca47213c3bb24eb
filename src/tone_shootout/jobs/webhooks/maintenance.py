"""Deletion of old webhook deliveries, in units of work of its own."""

from datetime import UTC, datetime, timedelta

from tone_shootout.jobs.webhooks.repositories import DeliveryRepository
from tone_shootout.kit.db.batches import delete_in_batches
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.settings import RetentionSettings


class WebhookMaintenance:
    """Deletes old entries of the delivery log. Safe to run twice, and to interrupt anywhere.

    Args:
        session_maker: opens sessions of the database.
        retention: how long deliveries are kept.
    """

    def __init__(self, session_maker: SessionMaker, retention: RetentionSettings) -> None:
        self._session_maker = session_maker
        self._deliveries_kept = timedelta(days=retention.deliveries_days)

    async def delete_old_deliveries(self) -> int:
        """Delete deliveries that ended before the retention time; return how many."""
        before = datetime.now(UTC) - self._deliveries_kept
        return await delete_in_batches(
            self._session_maker, lambda session, limit: DeliveryRepository(session).delete_before(before, limit=limit)
        )
