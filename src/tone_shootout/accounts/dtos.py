"""What the routes of accounts take and give."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from msgspec import Meta, Struct

from tone_shootout.accounts.credentials import LONGEST_CREDENTIAL
from tone_shootout.accounts.models import ApiToken, User, UserSession
from tone_shootout.accounts.principal import Principal, Role, Scope
from tone_shootout.accounts.services import Grant, IssuedToken

_SCOPE = "`read` for methods that change nothing, `write` for all."


class SessionRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """What to sign in with."""

    token: Annotated[
        str,
        Meta(description="An API token of yours.", examples=["tst_…"], min_length=1, max_length=LONGEST_CREDENTIAL),
    ]


class RefreshRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which session is meant, for clients without cookies."""

    refresh_token: Annotated[
        str | None,
        Meta(
            description="The newest refresh token of the session; the cookie `shootout_refresh` if left out.",
            examples=["tsr_…"],
        ),
    ] = None


class SessionDTO(Struct, kw_only=True):
    """A session, as its owner uses it."""

    access_token: Annotated[str, Meta(description="To be sent as `Authorization: Bearer …`.")]
    expires_in: Annotated[int, Meta(description="Seconds that the access token is good for.", examples=[900])]
    refresh_token: Annotated[str, Meta(description="Gets the next pair, once.")]
    refresh_expires_in: Annotated[
        int, Meta(description="Seconds that the refresh token is good for.", examples=[2592000])
    ]

    @classmethod
    def of(cls, grant: Grant) -> Self:
        """Show a grant."""
        return cls(
            access_token=grant.access_token,
            expires_in=int(grant.access_life.total_seconds()),
            refresh_token=grant.refresh_token,
            refresh_expires_in=int(grant.refresh_life.total_seconds()),
        )


class OpenSessionDTO(Struct, kw_only=True):
    """A session of yours that has not ended."""

    id: Annotated[UUID, Meta(description="The session's id.")]
    current: Annotated[bool, Meta(description="Whether it is the one that you ask with.")]
    user_agent: Annotated[
        str | None, Meta(description="What the program that started it calls itself.", examples=["Mozilla/5.0 …"])
    ]
    scope: Annotated[Scope, Meta(description=_SCOPE)]
    created_at: Annotated[datetime, Meta(description="When you signed in.")]
    last_used_at: Annotated[datetime, Meta(description="When it was renewed last.")]
    expires_at: Annotated[datetime, Meta(description="When it ends, unless it is renewed before.")]

    @classmethod
    def of(cls, session: UserSession, principal: Principal) -> Self:
        """Show a session to its owner."""
        return cls(
            id=session.id,
            current=session.id == principal.session_id,
            user_agent=session.user_agent,
            scope=session.scope,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
        )


class MeDTO(Struct, kw_only=True):
    """You, and how far the credential you came with reaches."""

    id: Annotated[UUID, Meta(description="Your id.")]
    name: Annotated[str, Meta(description="Your name, the same however it is capitalised.", examples=["ada"])]
    display_name: Annotated[
        str | None, Meta(description="The name that is shown instead, if any.", examples=["Ada L."])
    ]
    role: Annotated[Role, Meta(description="What you may do here.")]
    scope: Annotated[Scope, Meta(description=_SCOPE)]
    created_at: Annotated[datetime, Meta(description="When you were first here.")]

    @classmethod
    def of(cls, user: User, principal: Principal) -> Self:
        """Show a user to themselves."""
        return cls(
            id=user.id,
            name=user.name,
            display_name=user.display_name,
            role=user.role,
            scope=principal.scope,
            created_at=user.created_at,
        )


class TokenRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """A token to be made."""

    name: Annotated[
        str,
        Meta(
            description="What you will know it by, without control characters.",
            examples=["studio laptop"],
            min_length=1,
            max_length=100,
            pattern=r"^[^\x00-\x1f\x7f]+$",
        ),
    ]
    scope: Annotated[Scope, Meta(description=_SCOPE, examples=["write"])] = "read"
    expires_in_days: Annotated[
        Annotated[int, Meta(ge=1, le=3650)] | None,
        Meta(description="Days that it is good for, 1 to 3650; until it is revoked if left out.", examples=[90]),
    ] = None


class TokenDTO(Struct, kw_only=True):
    """An API token, without what makes it one."""

    id: Annotated[UUID, Meta(description="The token's id.")]
    name: Annotated[str, Meta(description="What you know it by.", examples=["studio laptop"])]
    prefix: Annotated[str, Meta(description="What it begins with.", examples=["tst_Zm9vYmFy"])]
    scope: Annotated[Scope, Meta(description=_SCOPE)]
    created_at: Annotated[datetime, Meta(description="When it was made.")]
    expires_at: Annotated[datetime | None, Meta(description="When it ends by itself, if it does.")]
    last_used_at: Annotated[datetime | None, Meta(description="When it was last used, within a minute.")]

    @classmethod
    def of(cls, token: ApiToken) -> Self:
        """Show a token to its owner."""
        return cls(
            id=token.id,
            name=token.name,
            prefix=token.prefix,
            scope=token.scope,
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
        )


class NewTokenDTO(Struct, kw_only=True):
    """A fresh API token."""

    secret: Annotated[str, Meta(description="The token itself, shown this once.", examples=["tst_…"])]
    token: Annotated[TokenDTO, Meta(description="What is shown of it from now on.")]

    @classmethod
    def of(cls, issued: IssuedToken) -> Self:
        """Show a token for the first time."""
        return cls(secret=issued.secret, token=TokenDTO.of(issued.token))
