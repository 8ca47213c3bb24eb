"""Tables of listening tests and their sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import (
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tone_shootout.kit.db.session import UUIDv7AuditBase


class ListeningTest(UUIDv7AuditBase):
    """A blind question about segments of a share. What is asked never changes, so that all listeners hear the same."""

    __tablename__ = "listening_test"
    __table_args__ = (
        CheckConstraint("kind IN ('abx', 'preference', 'identification')", name="kind"),
        CheckConstraint("method IN ('sliders', 'pairs')", name="method"),
        CheckConstraint("(kind = 'preference') = (method IS NOT NULL)", name="kind_method"),
        CheckConstraint("results IN ('at_end', 'after_close', 'owner')", name="results"),
        CheckConstraint("trials > 0 AND start_s >= 0 AND duration_s > 0", name="extent"),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    share_id: Mapped[UUID] = mapped_column(ForeignKey("share.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    method: Mapped[str | None] = mapped_column(String(16))
    """How a preference is stated; None for other kinds."""
    positions: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    """Positions of the segments. A tone is an index of this list."""
    trials: Mapped[int] = mapped_column(SmallInteger)
    start_s: Mapped[float] = mapped_column(Float)
    duration_s: Mapped[float] = mapped_column(Float)
    results: Mapped[str] = mapped_column(String(16))
    closes_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))


class ListeningSession(UUIDv7AuditBase):
    """One listener's run through a test. `stimuli` is the key: it never leaves the service before the end."""

    __tablename__ = "listening_session"
    __table_args__ = (
        UniqueConstraint("test_id", "listener"),
        Index(
            "ix_listening_session_finished", "test_id", "finished_at", postgresql_where=text("finished_at IS NOT NULL")
        ),
    )

    test_id: Mapped[UUID] = mapped_column(ForeignKey("listening_test.id", ondelete="CASCADE"))
    listener: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the listener's cookie."""
    stimuli: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """`trials.Stimulus`, in order."""
    answers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    """`trials.Answer`, one for each trial, in order. An answer is stored once."""
    finished_at: Mapped[datetime | None] = mapped_column(DateTimeUTC(timezone=True))
