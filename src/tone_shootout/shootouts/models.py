"""The tables of shootouts, and of the library items that each of them uses."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tone_shootout.kit.db.session import Base, UUIDv7AuditBase


class Shootout(UUIDv7AuditBase):
    """A comparison as its owner configured it."""

    __tablename__ = "shootout"
    __table_args__ = (
        CheckConstraint("visibility IN ('private', 'public')", name="visibility"),
        Index("ix_shootout_owner_id_created_at", "owner_id", "created_at"),
        Index("ix_shootout_public", "created_at", postgresql_where=text("visibility = 'public'")),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(120))
    """Title of the config, repeated here for lists."""
    schema_version: Mapped[int] = mapped_column(SmallInteger)
    """Version of the config's format."""
    config: Mapped[dict[str, Any]] = mapped_column(JSONB)
    visibility: Mapped[str] = mapped_column(String(16), default="private")
    labels: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, default=dict, server_default="{}")
    """The client's own `metadata`; SQLAlchemy uses that name itself."""


class ShootoutAsset(Base):
    """A library item that a shootout's config uses. The item can't be deleted while this row exists.

    PostgreSQL checks the reference to the item at the end of the transaction, so that one statement can delete a user
    in whichever order the cascade reaches shootouts and items.
    """

    __tablename__ = "shootout_asset"

    shootout_id: Mapped[UUID] = mapped_column(ForeignKey("shootout.id", ondelete="CASCADE"), primary_key=True)
    library_item_id: Mapped[UUID] = mapped_column(
        ForeignKey("library_item.id", deferrable=True, initially="DEFERRED"), primary_key=True, index=True
    )
