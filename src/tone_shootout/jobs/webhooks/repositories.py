"""Queries for webhooks and their deliveries."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, or_, select, update

from tone_shootout.accounts.services import select_active_users
from tone_shootout.jobs.webhooks.models import Webhook, WebhookDelivery
from tone_shootout.kit.db import locks
from tone_shootout.kit.db.pagination import Paging
from tone_shootout.kit.db.repository import OwnedRepository, Repository, RowLock

PER_ENDPOINT = 4
"""Messages sent to one endpoint at once, so that a slow endpoint does not hold up the others."""
PER_OWNER = 8
"""Messages sent for one owner at once, over all endpoints."""
KEPT_ATTEMPTS = 20
"""Newest attempts kept in a delivery's log."""


class ClaimedDelivery(NamedTuple):
    """A message claimed by one worker, with what sending it takes."""

    id: UUID
    webhook_id: UUID
    owner_id: UUID
    attempt: int
    """Fencing number: a worker with an older one records nothing."""
    round_attempt: int
    round_at: datetime
    log: list[dict[str, Any]]
    payload: str
    url: str
    secret: bytes
    previous_secret: bytes | None
    previous_until: datetime | None


class WebhookRepository(OwnedRepository[Webhook]):
    """Endpoints, scoped to their owners."""

    model_type = Webhook

    async def add_within_limit(self, webhook: Webhook, *, limit: int) -> bool:
        """Add an endpoint unless its owner has `limit` of them; return whether it was added.

        The owner's lock lasts until the commit, so concurrent requests are counted one after the other.
        """
        await locks.acquire(self.session, locks.owned(webhook.owner_id, "webhooks"))
        if await self.count_owned(webhook.owner_id) >= limit:
            return False
        await self.add(webhook)
        return True

    async def list_for_update(self) -> Sequence[Webhook]:
        """Return the endpoints of all users, locked against other changes. Key rotation only, never a request."""
        statement = select(Webhook).order_by(Webhook.id).with_for_update(key_share=True)
        return (await self.session.scalars(statement)).all()

    async def note_success(self, webhook_id: UUID) -> None:
        """Record that a message was delivered now."""
        await self.session.execute(update(Webhook).where(Webhook.id == webhook_id).values(succeeded_at=func.now()))

    async def disable(self, webhook_id: UUID, reason: str, *, unless_success_since: datetime | None = None) -> bool:
        """Disable an endpoint, unless a message was delivered since; return whether it was enabled.

        Args:
            webhook_id: the endpoint.
            reason: value of `Webhook.disabled_reason`.
            unless_success_since: a delivery at or after this time leaves the endpoint enabled; None disables always.
        """
        statement = update(Webhook).where(Webhook.id == webhook_id, Webhook.disabled_reason.is_(None))
        if unless_success_since is not None:
            statement = statement.where(
                or_(Webhook.succeeded_at.is_(None), Webhook.succeeded_at < unless_success_since)
            )
        disabled = await self.session.scalar(statement.values(disabled_reason=reason).returning(Webhook.id))
        return disabled is not None


class PendingDeliveries(NamedTuple):
    """Messages that have not been delivered yet.

    Attributes:
        count: how many there are.
        overdue_s: for how long the oldest has been due, seconds; 0 if none is.
    """

    count: int
    overdue_s: float


class DeliveryRepository(Repository[WebhookDelivery]):
    """Messages to endpoints: an owner's for requests, the due ones of all owners for workers."""

    model_type = WebhookDelivery

    async def get_owned(
        self, owner_id: UUID, webhook_id: UUID, delivery_id: UUID, *, lock: RowLock | None = None
    ) -> WebhookDelivery | None:
        """Return one message to the owner's endpoint, None where there is none."""
        return await self.find_one(_is_owned(owner_id, webhook_id), WebhookDelivery.id == delivery_id, lock=lock)

    async def list_owned(
        self, owner_id: UUID, webhook_id: UUID, *, status: str | None, paging: Paging
    ) -> tuple[Sequence[WebhookDelivery], int]:
        """Return a page of the messages to the owner's endpoint, newest first, and how many there are in all."""
        filters = [_is_owned(owner_id, webhook_id)]
        if status is not None:
            filters.append(WebhookDelivery.status == status)
        return await self.list_page(*filters, paging=paging, order_by=[WebhookDelivery.id.desc()])

    async def pending(self) -> PendingDeliveries:
        """Return how many messages of all users wait, and for how long. For metrics, never for a request of a user."""
        overdue = func.extract("epoch", func.now() - func.min(WebhookDelivery.next_attempt_at))
        statement = select(func.count(), func.coalesce(func.greatest(overdue, 0), 0)).where(
            WebhookDelivery.status == "pending"
        )
        count, overdue_s = (await self.session.execute(statement)).one()
        return PendingDeliveries(count, float(overdue_s))

    async def retry_pending(self, webhook_id: UUID) -> None:
        """Make all pending messages to an endpoint due now, with a new day of attempts."""
        statement = update(WebhookDelivery).where(
            WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.status == "pending"
        )
        await self.session.execute(statement.values(round_attempts=0, next_attempt_at=func.now()))

    async def claim(
        self, *, limit: int, lease_s: float, busy: Collection[UUID] = (), busy_owners: Collection[UUID] = ()
    ) -> Sequence[ClaimedDelivery]:
        """Claim up to `limit` due messages of enabled endpoints and active owners.

        A claim is a lease: a message whose attempt is not recorded in time is due again, so a dead worker loses none.

        Args:
            limit: most messages to claim.
            lease_s: seconds until an unrecorded message is due again.
            busy: endpoints to skip.
            busy_owners: owners to skip.
        """
        rank = func.row_number()
        ranked = (
            select(
                WebhookDelivery.id,
                rank.over(partition_by=WebhookDelivery.webhook_id, order_by=WebhookDelivery.next_attempt_at).label(
                    "of_endpoint"
                ),
                rank.over(partition_by=Webhook.owner_id, order_by=WebhookDelivery.next_attempt_at).label("of_owner"),
            )
            .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
            .where(
                WebhookDelivery.status == "pending",
                WebhookDelivery.next_attempt_at <= func.now(),
                WebhookDelivery.webhook_id.not_in(busy),
                Webhook.owner_id.in_(select_active_users()),
                Webhook.owner_id.not_in(busy_owners),
                Webhook.disabled_reason.is_(None),
            )
            .subquery()
        )
        due = (
            select(WebhookDelivery.id)
            .join(ranked, ranked.c.id == WebhookDelivery.id)
            .where(
                ranked.c.of_endpoint <= PER_ENDPOINT,
                ranked.c.of_owner <= PER_OWNER,
                WebhookDelivery.status == "pending",
                WebhookDelivery.next_attempt_at <= func.now(),
            )
            .order_by(WebhookDelivery.next_attempt_at)
            .limit(limit)
            .with_for_update(of=WebhookDelivery, skip_locked=True)
            .cte("due")
        )
        statement = (
            update(WebhookDelivery)
            .where(WebhookDelivery.id == due.c.id, Webhook.id == WebhookDelivery.webhook_id)
            .values(
                attempts=WebhookDelivery.attempts + 1,
                round_attempts=WebhookDelivery.round_attempts + 1,
                round_at=case((WebhookDelivery.round_attempts == 0, func.now()), else_=WebhookDelivery.round_at),
                next_attempt_at=func.now() + timedelta(seconds=lease_s),
            )
            .returning(
                WebhookDelivery.id,
                WebhookDelivery.webhook_id,
                Webhook.owner_id,
                WebhookDelivery.attempts,
                WebhookDelivery.round_attempts,
                WebhookDelivery.round_at,
                WebhookDelivery.log,
                WebhookDelivery.payload,
                Webhook.url,
                Webhook.secret,
                Webhook.previous_secret,
                Webhook.previous_until,
            )
            .execution_options(synchronize_session=False)
        )
        return [ClaimedDelivery(*row) for row in await self.session.execute(statement)]

    async def record(self, claimed: ClaimedDelivery, attempt: dict[str, Any], **values: Any) -> bool:
        """Record an attempt, unless the message was claimed again since; return whether it was recorded.

        Args:
            claimed: the message as it was claimed.
            attempt: entry of the message's log.
            **values: further columns to set.
        """
        statement = (
            update(WebhookDelivery)
            .where(
                WebhookDelivery.id == claimed.id,
                WebhookDelivery.attempts == claimed.attempt,
                WebhookDelivery.status == "pending",
            )
            .values(log=[*claimed.log, attempt][-KEPT_ATTEMPTS:], **values)
            .returning(WebhookDelivery.id)
        )
        return await self.session.scalar(statement) is not None

    async def delete_before(self, before: datetime, *, limit: int = 10_000) -> int:
        """Delete up to `limit` messages that were last changed before `before`, in any status; return how many."""
        old = select(WebhookDelivery.id).where(WebhookDelivery.updated_at < before).limit(limit)
        statement = delete(WebhookDelivery).where(WebhookDelivery.id.in_(old.with_for_update(skip_locked=True)))
        return len((await self.session.scalars(statement.returning(WebhookDelivery.id))).all())


def _is_owned(owner_id: UUID, webhook_id: UUID) -> ColumnElement[bool]:
    endpoint = select(Webhook.id).where(Webhook.owner_id == owner_id, Webhook.id == webhook_id)
    return WebhookDelivery.webhook_id.in_(endpoint)
