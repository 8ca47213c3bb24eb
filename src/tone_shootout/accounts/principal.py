"""Who asks, as every handler sees it."""

from typing import Literal
from uuid import UUID

from msgspec import Struct

Role = Literal["user", "administrator"]
Scope = Literal["read", "write"]


class Credential(Struct, frozen=True, kw_only=True):
    """What a connection that stays open depends on: an API token, or a session."""

    user_id: UUID
    session_id: UUID | None = None
    token_id: UUID | None = None


class Principal(Struct, frozen=True, kw_only=True):
    """The user behind a request, and how far their credential reaches."""

    user_id: UUID
    name: str
    role: Role
    scope: Scope
    via: Literal["token", "session", "cookie"]
    """An API token, an access token in the `Authorization` header, or an access token in a cookie."""
    session_id: UUID | None = None
    """The session that an access token belongs to."""
    token_id: UUID | None = None
    """Which API token it is."""

    @property
    def credential(self) -> Credential:
        """What the principal was authenticated by."""
        return Credential(user_id=self.user_id, session_id=self.session_id, token_id=self.token_id)
