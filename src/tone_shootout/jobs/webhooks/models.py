"""Tables of webhooks and their deliveries."""

from datetime import datetime
from typing import Any
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tone_shootout.kit.db.session import UUIDv7AuditBase

MAX_URL_LENGTH = 2000
"""Characters of a stored URL; percent-encoding expands a character to up to twelve."""


class Webhook(UUIDv7AuditBase):
    """A user's endpoint for messages about the user's jobs."""

    __tablename__ = "webhook"
    __table_args__ = (
        CheckConstraint("disabled_reason IN ('owner', 'gone', 'failing')", name="disabled_reason"),
        CheckConstraint("(previous_secret IS NULL) = (previous_until IS NULL)", name="previous"),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    url: Mapped[str] = mapped_column(String(MAX_URL_LENGTH))
    description: Mapped[str] = mapped_column(String(200))
    events: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    """Encrypted (`kit.keyring`)."""
    previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_until: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    """Until then, messages are also signed with the previous secret."""
    disabled_reason: Mapped[str | None] = mapped_column(String(16))
    """`owner`, `gone` (410) or `failing` (a day without success); None: enabled."""
    succeeded_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    """Time of the last successful delivery."""


class WebhookDelivery(UUIDv7AuditBase):
    """One message to one endpoint, written in the transaction of its event: the row is the outbox."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
        CheckConstraint("(status = 'pending') = (next_attempt_at IS NOT NULL)", name="next_attempt_at"),
        Index("ix_webhook_delivery_webhook_id_id", "webhook_id", "id"),
        Index("ix_webhook_delivery_updated_at", "updated_at"),
        Index("ix_webhook_delivery_due", "next_attempt_at", postgresql_where=text("status = 'pending'")),
    )

    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(32))
    payload: Mapped[str] = mapped_column(Text)
    """The body, identical in all attempts."""
    status: Mapped[str] = mapped_column(String(16), default="pending")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    round_attempts: Mapped[int] = mapped_column(Integer, default=0)
    """Attempts since `round_at`; the retry delay grows with them."""
    round_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))
    """Start of the current round of attempts: creation, or the last redelivery request. A round lasts a day."""
    next_attempt_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
    """When the next attempt is due; during an attempt, when its lease expires."""
    log: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    """The last attempts: time, duration, and status or error."""
