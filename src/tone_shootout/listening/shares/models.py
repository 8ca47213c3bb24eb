"""Tables of shares and their pictures."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tone_shootout.kit.db.session import Base, UUIDv7AuditBase

MAX_TITLE = 120
MAX_NOTES = 5000
SLUG_LENGTH = 16


class Share(UUIDv7AuditBase):
    """A finished job under a public address. It is deleted with its job."""

    __tablename__ = "share"
    __table_args__ = (
        CheckConstraint("visibility IN ('unlisted', 'public')", name="visibility"),
        Index("ix_share_public", "created_at", postgresql_where=text("visibility = 'public'")),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), unique=True)
    slug: Mapped[str] = mapped_column(String(SLUG_LENGTH), unique=True)
    """The address: random, so that an unlisted share can't be guessed."""
    visibility: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(MAX_TITLE))
    notes: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What is public of the job's manifest (`facts.SharedFacts`). Results of a finished job never change."""
    picture_sha256: Mapped[str | None] = mapped_column(String(64))


class SharePicture(Base):
    """The picture of a share, re-encoded: a small JPEG file, stored beside the share so that both go together."""

    __tablename__ = "share_picture"

    share_id: Mapped[UUID] = mapped_column(ForeignKey("share.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
