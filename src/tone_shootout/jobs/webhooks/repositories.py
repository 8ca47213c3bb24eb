"""All SQL about webhooks."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, case, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.services import active_users
from tone_shootout.jobs.webhooks.models import Webhook, WebhookDelivery

PER_ENDPOINT = 4
"""Messages that are on their way to one endpoint at once: a slow one does not hold up the others."""
PER_OWNER = 8
"""Messages that are on their way for one owner at once, to whatever endpoints: nor does a slow owner."""
KEPT_ATTEMPTS = 20
"""Attempts that a delivery's log shows, the newest."""


class Claimed(NamedTuple):
    """A message that one worker sends now, and all that it needs for it."""

    id: UUID
    webhook_id: UUID
    owner_id: UUID
    attempt: int
    """Whoever was given up and holds an older number records nothing."""
    round_attempt: int
    round_at: datetime
    log: list[dict[str, Any]]
    payload: str
    url: str
    secret: bytes
    previous_secret: bytes | None
    previous_until: datetime | None


class WebhookRepository:
    """Endpoints and what was sent to them, from the owner's own."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, webhook: Webhook, *, most: int) -> bool:
        """Write down a new endpoint, unless its owner has `most` of them; tell whether it was.

        Several that are made at once are counted one after the other: the lock lasts until the commit.
        """
        key = f"{webhook.owner_id}/webhooks"
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))
        there = select(func.count()).select_from(Webhook).where(Webhook.owner_id == webhook.owner_id)
        if (await self._session.scalar(there) or 0) >= most:
            return False
        self._session.add(webhook)
        await self._session.flush()
        return True

    async def get(self, owner_id: UUID, webhook_id: UUID, *, to_change: bool = False) -> Webhook | None:
        """Return the owner's endpoint, locked against other changes if it is `to_change`."""
        statement = select(Webhook).where(Webhook.owner_id == owner_id, Webhook.id == webhook_id)
        if to_change:
            statement = statement.with_for_update(key_share=True)
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def page(self, owner_id: UUID, *, limit: int, offset: int) -> tuple[Sequence[Webhook], int]:
        """Return a part of the owner's endpoints, the newest first, and how many there are."""
        statement = select(Webhook).where(Webhook.owner_id == owner_id)
        return await self._page(statement, Webhook.id, limit=limit, offset=offset)

    async def every(self) -> Sequence[Webhook]:
        """Return everybody's endpoints, locked: for the operator who changes keys, never for a request."""
        return (await self._session.scalars(select(Webhook).order_by(Webhook.id).with_for_update(key_share=True))).all()

    async def delete(self, owner_id: UUID, webhook_id: UUID) -> bool:
        """Delete the owner's endpoint with all that was sent to it; tell whether there was one."""
        statement = delete(Webhook).where(Webhook.owner_id == owner_id, Webhook.id == webhook_id)
        return await self._session.scalar(statement.returning(Webhook.id)) is not None

    async def flush(self) -> None:
        """Write changes, so that what the database sets is known."""
        await self._session.flush()

    async def add_delivery(self, delivery: WebhookDelivery) -> None:
        """Write down a message to be sent."""
        self._session.add(delivery)
        await self._session.flush()

    async def deliveries(
        self, owner_id: UUID, webhook_id: UUID, *, state: str | None, limit: int, offset: int
    ) -> tuple[Sequence[WebhookDelivery], int]:
        """Return a part of what was sent to the owner's endpoint, the newest first, and how much there is."""
        statement = _of_owner(owner_id, webhook_id)
        if state is not None:
            statement = statement.where(WebhookDelivery.state == state)
        return await self._page(statement, WebhookDelivery.id, limit=limit, offset=offset)

    async def delivery(
        self, owner_id: UUID, webhook_id: UUID, delivery_id: UUID, *, to_change: bool = False
    ) -> WebhookDelivery | None:
        """Return one message to the owner's endpoint, locked against other changes if it is `to_change`."""
        statement = _of_owner(owner_id, webhook_id).where(WebhookDelivery.id == delivery_id)
        if to_change:
            statement = statement.with_for_update(of=WebhookDelivery)
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def retry_pending(self, webhook_id: UUID) -> None:
        """Let everything that waits for an endpoint be sent now, with a day before it is given up."""
        statement = update(WebhookDelivery).where(
            WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.state == "pending"
        )
        await self._session.execute(statement.values(round_attempts=0, next_attempt_at=func.now()))

    async def _page(self, statement: Select[Any], newest: Any, *, limit: int, offset: int) -> tuple[Sequence[Any], int]:
        total = await self._session.scalar(select(func.count()).select_from(statement.subquery()))
        rows = await self._session.scalars(statement.order_by(newest.desc()).limit(limit).offset(offset))
        return rows.all(), total or 0


class DeliveryRepository:
    """What is due, whoever's it is: for workers, never for a request."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(
        self, *, most: int, lease_s: float, busy: Collection[UUID] = (), busy_owners: Collection[UUID] = ()
    ) -> Sequence[Claimed]:
        """Take up to `most` messages that are due, a few of each endpoint and active owner that is not `busy`.

        They are due again when the lease has passed without a word about them: a worker that dies loses none.
        """
        place = func.row_number()
        ranked = (
            select(
                WebhookDelivery.id,
                place.over(partition_by=WebhookDelivery.webhook_id, order_by=WebhookDelivery.next_attempt_at).label(
                    "of_endpoint"
                ),
                place.over(partition_by=Webhook.owner_id, order_by=WebhookDelivery.next_attempt_at).label("of_owner"),
            )
            .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
            .where(
                WebhookDelivery.state == "pending",
                WebhookDelivery.next_attempt_at <= func.now(),
                WebhookDelivery.webhook_id.not_in(busy),
                Webhook.owner_id.in_(active_users()),
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
                WebhookDelivery.state == "pending",
                WebhookDelivery.next_attempt_at <= func.now(),
            )
            .order_by(WebhookDelivery.next_attempt_at)
            .limit(most)
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
        return [Claimed(*row) for row in await self._session.execute(statement)]

    async def record(self, claimed: Claimed, attempt: dict[str, Any], **values: Any) -> bool:
        """Write down how an attempt went and what follows; tell whether it was still this worker's to say."""
        statement = (
            update(WebhookDelivery)
            .where(
                WebhookDelivery.id == claimed.id,
                WebhookDelivery.attempts == claimed.attempt,
                WebhookDelivery.state == "pending",
            )
            .values(log=[*claimed.log, attempt][-KEPT_ATTEMPTS:], **values)
            .returning(WebhookDelivery.id)
        )
        return await self._session.scalar(statement) is not None

    async def note_success(self, webhook_id: UUID) -> None:
        """Write down that something has arrived."""
        await self._session.execute(update(Webhook).where(Webhook.id == webhook_id).values(succeeded_at=func.now()))

    async def disable(self, webhook_id: UUID, reason: str, *, unless_success_since: datetime | None = None) -> bool:
        """Send nothing to an endpoint any more, unless something has arrived meanwhile; tell whether it was enabled."""
        statement = update(Webhook).where(Webhook.id == webhook_id, Webhook.disabled_reason.is_(None))
        if unless_success_since is not None:
            statement = statement.where(
                or_(Webhook.succeeded_at.is_(None), Webhook.succeeded_at < unless_success_since)
            )
        disabled = await self._session.scalar(statement.values(disabled_reason=reason).returning(Webhook.id))
        return disabled is not None

    async def forget(self, before: datetime, *, most: int = 10_000) -> int:
        """Strike out what ended, or has waited in vain, since before `before`; return how much it was."""
        old = select(WebhookDelivery.id).where(WebhookDelivery.updated_at < before).limit(most)
        statement = delete(WebhookDelivery).where(WebhookDelivery.id.in_(old.with_for_update(skip_locked=True)))
        return len((await self._session.scalars(statement.returning(WebhookDelivery.id))).all())


def _of_owner(owner_id: UUID, webhook_id: UUID) -> Select[tuple[WebhookDelivery]]:
    return (
        select(WebhookDelivery)
        .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
        .where(Webhook.owner_id == owner_id, Webhook.id == webhook_id)
    )
