"""Tables of maintenance mode and announcements."""

from datetime import datetime

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import CheckConstraint, Index, Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from tone_shootout.kit.db.session import Base, UUIDv7AuditBase

MAX_TEXT = 500
"""Longest message of maintenance mode, and longest announcement, in characters."""


class MaintenanceMode(Base):
    """Maintenance mode: the row exists while it is on."""

    __tablename__ = "maintenance_mode"
    __table_args__ = (
        CheckConstraint("id = 1", name="single_row"),
        CheckConstraint("retry_after_s > 0", name="retry_after_s"),
    )

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    message: Mapped[str] = mapped_column(String(MAX_TEXT))
    retry_after_s: Mapped[int] = mapped_column(Integer)
    pauses_workers: Mapped[bool]
    """Whether workers claim no further jobs."""
    started_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))
    started_by: Mapped[str | None] = mapped_column(String(64))


class Announcement(UUIDv7AuditBase):
    """A text that is shown to everybody for a time."""

    __tablename__ = "announcement"
    __table_args__ = (
        CheckConstraint("severity IN ('info', 'warning', 'critical')", name="severity"),
        CheckConstraint("ends_at > starts_at", name="period"),
        Index("ix_announcement_starts_at", "starts_at"),
    )

    text: Mapped[str] = mapped_column(String(MAX_TEXT))
    severity: Mapped[str] = mapped_column(String(16))
    starts_at: Mapped[datetime] = mapped_column(DateTimeUTC(timezone=True))
    ends_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
