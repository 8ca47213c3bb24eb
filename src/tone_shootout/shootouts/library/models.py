"""The table of library items."""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tone_shootout.kit.db.session import Base, UUIDv7AuditBase
from tone_shootout.precision import rounded
from tone_shootout.rendering.media_info import CaptureInfo, MediaInfo
from tone_shootout.shootouts.library.provenance import Provenance


class LibraryItem(UUIDv7AuditBase):
    """A DI track, capture or cab IR of a user.

    Content is stored once per owner and SHA-256, under a key made of the two. Items of different kinds with the same
    bytes share it.
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
    tags: Mapped[list[str]] = mapped_column(ARRAY(String(40)), default=list, server_default="{}")
    """Normalized tags (`tags.normalized_tags`)."""
    gear: Mapped[str | None] = mapped_column(String(16))
    """Gear type of a capture as its owner states it; None: that of the catalog or of the file applies."""
    filename: Mapped[str] = mapped_column(String(255))
    """Sanitized name of the uploaded file: for downloads, never a path."""
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(64))
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Result of decoding the file (`rendering.media_info.MediaInfo`)."""
    source: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Where an imported item comes from (`provenance.Provenance`)."""
    tone3000_tone_id: Mapped[int | None] = mapped_column(BigInteger)
    tone3000_model_id: Mapped[int | None] = mapped_column(BigInteger)
    source_gone_at: Mapped[datetime | None]
    """When its source was found to be deleted, or hidden from the item's owner."""
    picture_sha256: Mapped[str | None] = mapped_column(String(64))

    @property
    def provenance(self) -> Provenance | None:
        """Where the item comes from; None: it was uploaded."""
        return None if self.source is None else msgspec.convert(self.source, Provenance)

    @property
    def media_info(self) -> MediaInfo:
        """Result of decoding the file; of a capture, with the gear that its owner or its catalog states."""
        return _info(self.facts, self.gear, self.source)

    @property
    def published_info(self) -> MediaInfo:
        """The media info with its numbers as precise as they are meant."""
        return _info(rounded(self.facts), self.gear, self.source)

    def set_source(self, source: Provenance) -> None:
        """Record where the item comes from, and that its source is available."""
        self.source = msgspec.to_builtins(source)
        self.tone3000_tone_id, self.tone3000_model_id = source.tone_id, source.model_id
        self.source_gone_at = None

    def mark_source_gone(self) -> None:
        """Record that the item's source is not available any more, unless that is recorded already."""
        self.source_gone_at = self.source_gone_at or datetime.now(UTC)


class LibraryPicture(Base):
    """The picture of a library item, re-encoded: a small JPEG file, stored beside the item so that both go together."""

    __tablename__ = "library_picture"

    item_id: Mapped[UUID] = mapped_column(ForeignKey("library_item.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ItemRow(NamedTuple):
    """What a response shows of an item, read without an entity. Names that end in `_json` are JSON."""

    id: UUID
    owner_id: UUID
    kind: str
    name: str
    notes: str
    tags: list[str]
    gear: str | None
    filename: str
    size: int
    sha256: str
    media_type: str
    facts_json: str
    source_json: str | None
    tone3000_model_id: int | None
    source_gone_at: datetime | None
    picture_sha256: str | None
    created_at: datetime
    updated_at: datetime

    @property
    def provenance(self) -> Provenance | None:
        """Where the item comes from; None: it was uploaded."""
        return None if self.source_json is None else msgspec.json.decode(self.source_json, type=Provenance)

    @property
    def media_info(self) -> MediaInfo:
        """Result of decoding the file; of a capture, with the gear that its owner or its catalog states."""
        return _with_gear(_decode_info(self.facts_json), self.gear, self.source)

    @property
    def published_info(self) -> MediaInfo:
        """The media info with its numbers as precise as they are meant."""
        return _info(rounded(msgspec.json.decode(self.facts_json)), self.gear, self.source)

    @property
    def source(self) -> dict[str, Any] | None:
        """Where the item comes from, as stored."""
        return None if self.source_json is None else msgspec.json.decode(self.source_json)


_decode_info: Final = msgspec.json.Decoder(MediaInfo).decode


def _info(facts: dict[str, Any], gear: str | None, source: dict[str, Any] | None) -> MediaInfo:
    return _with_gear(msgspec.convert(facts, MediaInfo), gear, source)


def _with_gear(info: MediaInfo, gear: str | None, source: dict[str, Any] | None) -> MediaInfo:
    if isinstance(info, CaptureInfo) and (stated := gear or (source and source.get("gear"))):
        info = msgspec.structs.replace(info, catalog_gear=stated)
    return info
