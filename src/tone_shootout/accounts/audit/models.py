"""Table of the audit log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tone_shootout.kit.db.session import UUIDv7Base


class AuditEvent(UUIDv7Base):
    """An event that was written in the transaction of what it is about. Rows are never changed.

    Users have no foreign key, because an event outlives them; what identifies a user is removed with the account.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_at", "at"),
        Index("ix_audit_event_user_id_at", "user_id", "at"),
        Index("ix_audit_event_actor_id_at", "actor_id", "at"),
    )

    at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))
    action: Mapped[str] = mapped_column(String(32))
    """One of `audit.services.AuditAction`; not checked here, so that a new action needs no migration."""
    actor_id: Mapped[UUID | None]
    """User who did it; None: somebody who was not signed in, or a command on the machine of the service."""
    actor_name: Mapped[str | None] = mapped_column(String(64))
    user_id: Mapped[UUID | None]
    """User whom it concerns."""
    user_name: Mapped[str | None] = mapped_column(String(64))
    object_id: Mapped[str | None] = mapped_column(String(64))
    """Id of the token, session, job or announcement that it concerns."""
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Details that depend on the action; no secrets."""
    request_id: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(45))
    """IP address of the client."""
