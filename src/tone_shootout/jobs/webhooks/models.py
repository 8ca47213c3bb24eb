"""Tables of the webhooks: endpoints, and what is to be or was sent to them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tone_shootout.kit.db.session import UUIDv7AuditBase

LONGEST_URL = 2000
"""Characters of an address as it is kept: some that a user writes become up to twelve."""


class Webhook(UUIDv7AuditBase):
    """An address of a user's that hears of the user's jobs."""

    __tablename__ = "webhook"
    __table_args__ = (
        CheckConstraint("disabled_reason IN ('owner', 'gone', 'failing')", name="disabled_reason"),
        CheckConstraint("(previous_secret IS NULL) = (previous_until IS NULL)", name="previous"),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    url: Mapped[str] = mapped_column(String(LONGEST_URL))
    description: Mapped[str] = mapped_column(String(200))
    events: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    """Encrypted for this endpoint (`kit.keyring`)."""
    previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_until: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    """Until then the previous secret signs, too."""
    disabled_reason: Mapped[str | None] = mapped_column(String(16))
    """Why nothing is sent: its owner's wish, a 410, or a day without success; None: it is."""
    succeeded_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    """When something last arrived."""


class WebhookDelivery(UUIDv7AuditBase):
    """One message to one endpoint. It is written with what it tells of: the row is the outbox."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'delivered', 'failed')", name="state"),
        CheckConstraint("(state = 'pending') = (next_attempt_at IS NOT NULL)", name="next_attempt_at"),
        Index("ix_webhook_delivery_webhook_id_id", "webhook_id", "id"),
        Index("ix_webhook_delivery_due", "next_attempt_at", postgresql_where=text("state = 'pending'")),
    )

    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(32))
    payload: Mapped[str] = mapped_column(Text)
    """The body, as it is signed and sent every time."""
    state: Mapped[str] = mapped_column(String(16), default="pending")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    round_attempts: Mapped[int] = mapped_column(Integer, default=0)
    """Those since `round_at`, by which the waits grow."""
    round_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))
    """When it was first to be sent, or last asked to be sent again: a day later it is given up."""
    next_attempt_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    """When it is due; while an attempt is made, when that attempt counts as lost."""
    log: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    """The last attempts: when, how long, and with what answer or error."""
