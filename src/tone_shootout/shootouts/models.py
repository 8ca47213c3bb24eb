"""Tables of what is compared: the library's items, shootouts, and which shootout uses which item."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tone_shootout.kit.db.session import Base, UUIDv7AuditBase
from tone_shootout.shootouts.library.provenance import Provenance


class LibraryItem(UUIDv7AuditBase):
    """A DI track, capture or cab IR of a user.

    Its content is stored once for each owner and SHA-256, under a key made of the two: items of different kinds with
    the same bytes share it.
    """

    __tablename__ = "library_item"
    __table_args__ = (
        UniqueConstraint("owner_id", "kind", "sha256", name="uq_library_item_owner_id_kind_sha256"),
        CheckConstraint("kind IN ('cab_ir', 'capture', 'di_track')", name="kind"),
        CheckConstraint("size > 0", name="size"),
        Index("ix_library_item_owner_id_created_at", "owner_id", "created_at"),
        Index("ix_library_item_owner_id_tone3000_tone_id", "owner_id", "tone3000_tone_id"),
        Index("ix_library_item_owner_id_tone3000_model_id", "owner_id", "tone3000_model_id"),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(80))
    notes: Mapped[str] = mapped_column(String(2000), default="")
    filename: Mapped[str] = mapped_column(String(255))
    """What the file was called where it came from, made harmless: for downloads, never a path."""
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(64))
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What decoding it has shown (`rendering.media_info.MediaInfo`)."""
    source: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Where it comes from, if it was not uploaded (`provenance.Provenance`)."""
    tone3000_tone_id: Mapped[int | None] = mapped_column(BigInteger)
    tone3000_model_id: Mapped[int | None] = mapped_column(BigInteger)
    source_gone_at: Mapped[datetime | None]
    """When it was noticed that its source is not there any more, or not for its owner."""

    @property
    def provenance(self) -> Provenance | None:
        """Where it comes from, if it was not uploaded."""
        return None if self.source is None else msgspec.convert(self.source, Provenance)

    def note_source(self, source: Provenance | None) -> None:
        """Note where it comes from, and that it is still there; None: it is not there any more."""
        if source is None:
            self.source_gone_at = self.source_gone_at or datetime.now(UTC)
            return
        self.source = msgspec.to_builtins(source)
        self.tone3000_tone_id, self.tone3000_model_id = source.tone_id, source.model_id
        self.source_gone_at = None


class Shootout(UUIDv7AuditBase):
    """A comparison as its author configured it."""

    __tablename__ = "shootout"
    __table_args__ = (
        CheckConstraint("visibility IN ('private', 'public')", name="visibility"),
        Index("ix_shootout_owner_id_created_at", "owner_id", "created_at"),
        Index("ix_shootout_public", "created_at", postgresql_where=text("visibility = 'public'")),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(120))
    """The config's title, for lists."""
    schema_version: Mapped[int] = mapped_column(SmallInteger)
    """Version of the config's format."""
    config: Mapped[dict[str, Any]] = mapped_column(JSONB)
    visibility: Mapped[str] = mapped_column(String(16), default="private")


class ShootoutAsset(Base):
    """A library item that a shootout's config names. It can't be deleted while this row is there.

    The database looks at the end of the transaction, so that an account goes in one statement, whichever of its
    shootouts and items the cascade reaches first.
    """

    __tablename__ = "shootout_asset"

    shootout_id: Mapped[UUID] = mapped_column(ForeignKey("shootout.id", ondelete="CASCADE"), primary_key=True)
    library_item_id: Mapped[UUID] = mapped_column(
        ForeignKey("library_item.id", deferrable=True, initially="DEFERRED"), primary_key=True, index=True
    )
