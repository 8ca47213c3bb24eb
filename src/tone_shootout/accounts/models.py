"""Tables of users, credentials, connections with TONE3000 and stored responses.

Credentials are stored as SHA-256 only.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tone_shootout.accounts.principal import Role, Scope
from tone_shootout.kit.db.session import Base, UUIDv7AuditBase

NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""Pattern of user names: 1 to 64 characters that need no escaping in a URL, a file name or a shell."""

_SCOPES = "scope IN ('read', 'write')"


class User(UUIDv7AuditBase):
    """A user. Credentials are in other tables."""

    __tablename__ = "user_account"
    __table_args__ = (
        CheckConstraint(f"name ~ '{NAME_PATTERN}'", name="name"),
        CheckConstraint("role IN ('user', 'administrator')", name="role"),
    )

    name: Mapped[str] = mapped_column(String(64))
    display_name: Mapped[str | None] = mapped_column(String(100))
    role: Mapped[Role] = mapped_column(String(16), default="user")
    is_active: Mapped[bool] = mapped_column(default=True)


Index("uq_user_account_name", func.lower(User.name), unique=True)


class UserQuota(Base):
    """Limits of one user in place of those in the settings; None: that of the settings, 0: nothing."""

    __tablename__ = "user_quota"
    __table_args__ = (
        CheckConstraint("storage_bytes >= 0 AND library_items >= 0 AND queued_jobs >= 0", name="not_negative"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    storage_bytes: Mapped[int | None] = mapped_column(BigInteger)
    library_items: Mapped[int | None] = mapped_column(Integer)
    queued_jobs: Mapped[int | None] = mapped_column(Integer)


class ApiToken(UUIDv7AuditBase):
    """A credential for programs, which its owner creates, names and revokes."""

    __tablename__ = "api_token"
    __table_args__ = (
        CheckConstraint(_SCOPES, name="scope"),
        CheckConstraint("octet_length(hash) = 32", name="hash"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(16))
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scope: Mapped[Scope] = mapped_column(String(8))
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class UserSession(UUIDv7AuditBase):
    """A session: short-lived access tokens, renewed by a refresh token that is replaced on each use.

    Only the hash of the newest refresh token is stored. A refresh token contains the session's id and a signature, so
    that older ones are recognized without being stored.
    """

    __tablename__ = "user_session"
    __table_args__ = (
        CheckConstraint(_SCOPES, name="scope"),
        CheckConstraint("octet_length(refresh_hash) = 32", name="refresh_hash"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    api_token_id: Mapped[UUID | None] = mapped_column(ForeignKey("api_token.id", ondelete="CASCADE"), index=True)
    """API token that the session was started with, if any. The session ends when the token expires or is revoked."""
    scope: Mapped[Scope] = mapped_column(String(8))
    refresh_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    user_agent: Mapped[str | None] = mapped_column(String(200))


class Tone3000Connection(UUIDv7AuditBase):
    """Connection of a user with a TONE3000 account.

    The tokens are encrypted (`kit.keyring`), not hashed, because requests need them. A connection without tokens still
    identifies the account; the user has to sign in at TONE3000 again.
    """

    __tablename__ = "tone3000_connection"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), unique=True)
    tone3000_user_id: Mapped[str] = mapped_column(String(64), unique=True)
    username: Mapped[str] = mapped_column(String(100))
    """Name at TONE3000 at the time of the last sign-in."""
    tokens: Mapped[bytes | None] = mapped_column(LargeBinary)
    """`connections.StoredTokens` as encrypted JSON; None: TONE3000 has ended the connection."""
    expires_at: Mapped[datetime]
    """When the access token expires."""


class IdempotencyRecord(Base):
    """Stored response to a request with an `Idempotency-Key`, written in the transaction of the request's changes."""

    __tablename__ = "idempotency_record"
    __table_args__ = (
        CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint"),
        Index("ix_idempotency_record_expires_at", "expires_at"),
    )

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of method, path, query and body."""
    status: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
