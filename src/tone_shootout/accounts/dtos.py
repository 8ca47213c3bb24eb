"""What the routes of accounts take and give."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from msgspec import Meta, Struct

from tone_shootout.accounts.credentials import LONGEST_CREDENTIAL
from tone_shootout.accounts.models import ApiToken, Tone3000Connection, User, UserSession
from tone_shootout.accounts.principal import Principal, Role, Scope
from tone_shootout.accounts.services import Grant, IssuedToken
from tone_shootout.accounts.sign_in import OAuthResult
from tone_shootout.tone3000.types import DeviceCode

_SCOPE = "`read` for methods that change nothing, `write` for all."


class SessionCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """What to sign in with."""

    token: Annotated[
        str,
        Meta(description="An API token of yours.", examples=["tst_…"], min_length=1, max_length=LONGEST_CREDENTIAL),
    ]


class SessionRefresh(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which session is meant, for clients without cookies."""

    refresh_token: Annotated[
        str | None,
        Meta(
            description="The newest refresh token of the session; the cookie `shootout_refresh` if left out.",
            examples=["tsr_…"],
        ),
    ] = None


class SessionRead(Struct, kw_only=True):
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


class OpenSessionRead(Struct, kw_only=True):
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


class ArrivalRead(Struct, kw_only=True):
    """How a sign-in in a browser has ended."""

    signed_in: Annotated[bool, Meta(description="Whether a session was started, and set as cookies.")]
    canceled: Annotated[bool, Meta(description="Whether somebody has closed TONE3000's page.")]
    tone_id: Annotated[int | None, Meta(description="The tone that was selected.", examples=[900101])]

    @classmethod
    def of(cls, arrival: OAuthResult) -> Self:
        """Show how it has ended."""
        return cls(signed_in=arrival.grant is not None, canceled=arrival.canceled, tone_id=arrival.tone_id)


class DeviceCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """For whom a device is to be signed in."""

    link: Annotated[
        bool, Meta(description="Connect TONE3000 with who asks, instead of finding out who it is.", examples=[False])
    ] = False


class DeviceRead(Struct, kw_only=True):
    """A sign-in that somebody finishes in any browser."""

    device_code: Annotated[str, Meta(description="What to ask with, kept secret.", examples=["tsd_…"])]
    user_code: Annotated[str, Meta(description="What somebody types in there.", examples=["BCDF-GHJK"])]
    verification_uri: Annotated[
        str, Meta(description="Where somebody goes.", examples=["https://www.tone3000.com/activate"])
    ]
    verification_uri_complete: Annotated[
        str,
        Meta(
            description="The same with the code filled in.",
            examples=["https://www.tone3000.com/activate?user_code=BCDF-GHJK"],
        ),
    ]
    expires_in: Annotated[int, Meta(description="Seconds until it is too late.", examples=[600])]
    interval: Annotated[int, Meta(description="Seconds between two questions.", examples=[5])]

    @classmethod
    def of(cls, handle: str, begun: DeviceCode) -> Self:
        """Show what to do. TONE3000's own device code stays here."""
        return cls(
            device_code=handle,
            user_code=begun.user_code,
            verification_uri=begun.verification_uri,
            verification_uri_complete=begun.verification_uri_complete,
            expires_in=begun.expires_in,
            interval=begun.interval,
        )


class DevicePoll(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which device asks."""

    device_code: Annotated[
        str,
        Meta(
            description="What `/auth/device` gave it.", examples=["tsd_…"], min_length=1, max_length=LONGEST_CREDENTIAL
        ),
    ]


class DevicePendingRead(Struct, kw_only=True):
    """Nobody has let the device in yet."""

    interval: Annotated[int, Meta(description="Seconds to wait before asking again.", examples=[5])]
    status: Annotated[Literal["pending"], Meta(description="Always `pending`.")] = "pending"


class Tone3000Read(Struct, kw_only=True):
    """Your connection with TONE3000."""

    username: Annotated[str, Meta(description="What you are called there.", examples=["valve-shed"])]
    connected: Annotated[bool, Meta(description="False: it has ended there, so sign in with TONE3000 again.")]

    @classmethod
    def of(cls, connection: Tone3000Connection) -> Self:
        """Show a connection, and nothing of its tokens."""
        return cls(username=connection.username, connected=connection.tokens is not None)


class MeRead(Struct, kw_only=True):
    """You, and how far the credential you came with reaches."""

    id: Annotated[UUID, Meta(description="Your id.")]
    name: Annotated[str, Meta(description="Your name, the same however it is capitalised.", examples=["ada"])]
    display_name: Annotated[
        str | None, Meta(description="The name that is shown instead, if any.", examples=["Ada L."])
    ]
    role: Annotated[Role, Meta(description="What you may do here.")]
    scope: Annotated[Scope, Meta(description=_SCOPE)]
    created_at: Annotated[datetime, Meta(description="When you were first here.")]
    tone3000: Annotated[Tone3000Read | None, Meta(description="Your connection with TONE3000, if there is one.")]

    @classmethod
    def of(cls, user: User, principal: Principal, connection: Tone3000Connection | None) -> Self:
        """Show a user to themselves."""
        return cls(
            id=user.id,
            name=user.name,
            display_name=user.display_name,
            role=user.role,
            scope=principal.scope,
            created_at=user.created_at,
            tone3000=None if connection is None else Tone3000Read.of(connection),
        )


class TokenCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """A token to be made."""

    name: Annotated[
        str,
        Meta(
            description="What you will know it by, without control characters.",
            examples=["studio laptop"],
            min_length=1,
            max_length=100,
            pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)",
        ),
    ]
    scope: Annotated[Scope, Meta(description=_SCOPE, examples=["write"])] = "read"
    expires_in_days: Annotated[
        Annotated[int, Meta(ge=1, le=3650)] | None,
        Meta(description="Days that it is good for, 1 to 3650; until it is revoked if left out.", examples=[90]),
    ] = None


class TokenRead(Struct, kw_only=True):
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


class TokenSecretRead(Struct, kw_only=True):
    """A fresh API token."""

    secret: Annotated[str, Meta(description="The token itself, shown this once.", examples=["tst_…"])]
    token: Annotated[TokenRead, Meta(description="What is shown of it from now on.")]

    @classmethod
    def of(cls, issued: IssuedToken) -> Self:
        """Show a token for the first time."""
        return cls(secret=issued.secret, token=TokenRead.of(issued.token))
