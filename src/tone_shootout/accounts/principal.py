"""The authenticated user of a request."""

from typing import Literal
from uuid import UUID

from msgspec import Struct

Role = Literal["user", "administrator"]
Scope = Literal["read", "write"]


class Credential(Struct, frozen=True, kw_only=True):
    """An API token or a session, on whose validity an open connection depends."""

    user_id: UUID
    session_id: UUID | None = None
    token_id: UUID | None = None


class Principal(Struct, frozen=True, kw_only=True):
    """Authenticated user of a request, with the scope of the credential."""

    user_id: UUID
    name: str
    role: Role
    scope: Scope
    via: Literal["token", "session", "cookie"]
    """Type of the credential: API token, access token in the `Authorization` header, or access token in a cookie."""
    session_id: UUID | None = None
    """Session of the access token."""
    token_id: UUID | None = None
    """Id of the API token."""

    @property
    def credential(self) -> Credential:
        """Credential of the request."""
        return Credential(user_id=self.user_id, session_id=self.session_id, token_id=self.token_id)
