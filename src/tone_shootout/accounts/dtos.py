"""Requests and responses of the accounts domain."""

from datetime import datetime
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from msgspec import Meta, Struct

from tone_shootout.accounts.credentials import MAX_CREDENTIAL_LENGTH
from tone_shootout.accounts.models import ApiToken, UserSession
from tone_shootout.accounts.principal import Principal, Role, Scope
from tone_shootout.accounts.repositories import AccountRow
from tone_shootout.accounts.services import IssuedToken
from tone_shootout.accounts.sessions import SessionTokens
from tone_shootout.accounts.sign_in import OAuthResult
from tone_shootout.tone3000.types import DeviceCode

DEVICE_POLL_PATH: Final = "/api/v1/auth/device/poll"
ME_PATH: Final = "/api/v1/me"

_SCOPE = "`read`: only safe methods. `write`: all methods."


class SessionCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """Credential of a new session."""

    token: Annotated[
        str,
        Meta(description="One of your API tokens.", examples=["tst_…"], min_length=1, max_length=MAX_CREDENTIAL_LENGTH),
    ]


class SessionRefresh(Struct, kw_only=True, forbid_unknown_fields=True):
    """Refresh token, for clients without cookies."""

    refresh_token: Annotated[
        Annotated[str, Meta(max_length=MAX_CREDENTIAL_LENGTH)] | None,
        Meta(
            description="Newest refresh token of the session. Default: the cookie `shootout_refresh`.",
            examples=["tsr_…"],
        ),
    ] = None


class SessionLinks(Struct, kw_only=True):
    """Links of a session."""

    self: Annotated[str, Meta(description="The session; DELETE to end it.")]


class SessionRead(Struct, kw_only=True):
    """Tokens of a session."""

    access_token: Annotated[str, Meta(description="Token to send as `Authorization: Bearer …`.")]
    expires_in_s: Annotated[int, Meta(description="Lifetime of the access token in seconds.", examples=[900])]
    refresh_token: Annotated[str, Meta(description="Token to exchange for the next pair. It works once.")]
    refresh_expires_in_s: Annotated[
        int, Meta(description="Lifetime of the refresh token in seconds.", examples=[2592000])
    ]
    links: Annotated[SessionLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, tokens: SessionTokens) -> Self:
        """Return the representation of a session's tokens."""
        return cls(
            access_token=tokens.access_token,
            expires_in_s=int(tokens.access_lifetime.total_seconds()),
            refresh_token=tokens.refresh_token,
            refresh_expires_in_s=int(tokens.refresh_lifetime.total_seconds()),
            links=SessionLinks(self=session_path(tokens.session_id)),
        )


class OpenSessionRead(Struct, kw_only=True):
    """An active session."""

    id: Annotated[UUID, Meta(description="Id of the session.")]
    current: Annotated[bool, Meta(description="Whether this request uses the session.")]
    user_agent: Annotated[
        str | None, Meta(description="`User-Agent` of the client that signed in.", examples=["Mozilla/5.0 …"])
    ]
    scope: Annotated[Scope, Meta(description=_SCOPE)]
    created_at: Annotated[datetime, Meta(description="When the session started.")]
    last_used_at: Annotated[datetime, Meta(description="When the session was last refreshed.")]
    expires_at: Annotated[datetime, Meta(description="When the session expires unless it is refreshed.")]
    links: Annotated[SessionLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, session: UserSession, principal: Principal) -> Self:
        """Return the representation of a session for a request of its owner."""
        return cls(
            id=session.id,
            current=session.id == principal.session_id,
            user_agent=session.user_agent,
            scope=session.scope,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            links=SessionLinks(self=session_path(session.id)),
        )


class SignInResultRead(Struct, kw_only=True):
    """Result of a sign-in in a browser."""

    signed_in: Annotated[bool, Meta(description="Whether a session was started and set as cookies.")]
    canceled: Annotated[bool, Meta(description="Whether the user closed the page of TONE3000.")]
    tone_id: Annotated[int | None, Meta(description="Id of the selected tone.", examples=[900101])]

    @classmethod
    def of(cls, result: OAuthResult) -> Self:
        """Return the representation of a result."""
        return cls(signed_in=result.tokens is not None, canceled=result.canceled, tone_id=result.tone_id)


class DeviceCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """Options of a device's sign-in."""

    link: Annotated[
        bool,
        Meta(
            description="Connect TONE3000 with the user of this request, instead of signing in its own user.",
            examples=[False],
        ),
    ] = False


class DeviceLinks(Struct, kw_only=True):
    """Links of a pending sign-in of a device."""

    poll: Annotated[str, Meta(description="POST the device code here until the user has decided.")]


class DeviceRead(Struct, kw_only=True):
    """A pending sign-in of a device, which the user finishes in any browser."""

    device_code: Annotated[str, Meta(description="Secret code to poll with.", examples=["tsd_…"])]
    user_code: Annotated[str, Meta(description="Code that the user enters.", examples=["BCDF-GHJK"])]
    verification_uri: Annotated[
        str, Meta(description="URL that the user opens.", examples=["https://www.tone3000.com/activate"])
    ]
    verification_uri_complete: Annotated[
        str,
        Meta(
            description="The same URL with the code filled in.",
            examples=["https://www.tone3000.com/activate?user_code=BCDF-GHJK"],
        ),
    ]
    expires_in_s: Annotated[int, Meta(description="Lifetime of the codes in seconds.", examples=[600])]
    interval_s: Annotated[int, Meta(description="Minimum polling interval in seconds.", examples=[5])]
    links: Annotated[DeviceLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, handle: str, device: DeviceCode) -> Self:
        """Return the representation of a device's sign-in. TONE3000's own device code is not part of it."""
        return cls(
            device_code=handle,
            user_code=device.user_code,
            verification_uri=device.verification_uri,
            verification_uri_complete=device.verification_uri_complete,
            expires_in_s=device.expires_in,
            interval_s=device.interval,
            links=DeviceLinks(poll=DEVICE_POLL_PATH),
        )


class DevicePoll(Struct, kw_only=True, forbid_unknown_fields=True):
    """Device to poll."""

    device_code: Annotated[
        str,
        Meta(
            description="Device code of `POST /auth/device`.",
            examples=["tsd_…"],
            min_length=1,
            max_length=MAX_CREDENTIAL_LENGTH,
        ),
    ]


class DevicePendingRead(Struct, kw_only=True):
    """The user has not decided about the device yet."""

    interval_s: Annotated[int, Meta(description="Seconds to wait before the next poll.", examples=[5])]
    links: Annotated[DeviceLinks, Meta(description="Links.")]
    status: Annotated[Literal["pending"], Meta(description="Always `pending`.")] = "pending"


class Tone3000Read(Struct, kw_only=True):
    """Your connection with TONE3000."""

    username: Annotated[str, Meta(description="Your name at TONE3000.", examples=["valve-shed"])]
    connected: Annotated[bool, Meta(description="False: TONE3000 has ended the connection. Connect again.")]


class MeLinks(Struct, kw_only=True):
    """Links of an account."""

    self: Annotated[str, Meta(description="The account.")]
    tokens: Annotated[str, Meta(description="Its API tokens.")]
    sessions: Annotated[str, Meta(description="Its sessions.")]
    export: Annotated[str, Meta(description="All its data as one ZIP archive.")]


class MeRead(Struct, kw_only=True):
    """Your account, and the scope of the credential of this request."""

    id: Annotated[UUID, Meta(description="Your id.")]
    name: Annotated[str, Meta(description="Your user name. Case is ignored.", examples=["ada"])]
    display_name: Annotated[str | None, Meta(description="Name shown instead of the user name.", examples=["Ada L."])]
    role: Annotated[Role, Meta(description="Your role.")]
    scope: Annotated[Scope, Meta(description=_SCOPE)]
    created_at: Annotated[datetime, Meta(description="When the account was created.")]
    tone3000: Annotated[Tone3000Read | None, Meta(description="Your connection with TONE3000; null: none.")]
    links: Annotated[MeLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, user: AccountRow, principal: Principal) -> Self:
        """Return the representation of an account for its owner."""
        tone3000 = None
        if user.tone3000_username is not None:
            tone3000 = Tone3000Read(username=user.tone3000_username, connected=user.is_connected)
        return cls(
            id=user.id,
            name=user.name,
            display_name=user.display_name,
            role=user.role,
            scope=principal.scope,
            created_at=user.created_at,
            tone3000=tone3000,
            links=MeLinks(
                self=ME_PATH, tokens=f"{ME_PATH}/tokens", sessions=f"{ME_PATH}/sessions", export=f"{ME_PATH}/export"
            ),
        )


class TokenCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """A new API token."""

    name: Annotated[
        str,
        Meta(
            description="Name of the token, without control characters.",
            examples=["studio laptop"],
            min_length=1,
            max_length=100,
            pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)",
        ),
    ]
    scope: Annotated[Scope, Meta(description=_SCOPE, examples=["write"])] = "read"
    expires_in_days: Annotated[
        Annotated[int, Meta(ge=1, le=3650)] | None,
        Meta(description="Lifetime in days, 1 to 3650. Default: until it is revoked.", examples=[90]),
    ] = None


class TokenLinks(Struct, kw_only=True):
    """Links of an API token."""

    self: Annotated[str, Meta(description="The token; DELETE to revoke it.")]


class TokenRead(Struct, kw_only=True):
    """An API token, without its secret."""

    id: Annotated[UUID, Meta(description="Id of the token.")]
    name: Annotated[str, Meta(description="Name of the token.", examples=["studio laptop"])]
    prefix: Annotated[str, Meta(description="First characters of the secret.", examples=["tst_Zm9vYmFy"])]
    scope: Annotated[Scope, Meta(description=_SCOPE)]
    created_at: Annotated[datetime, Meta(description="When the token was created.")]
    expires_at: Annotated[datetime | None, Meta(description="When the token expires; null: never.")]
    last_used_at: Annotated[datetime | None, Meta(description="When the token was last used, to the minute.")]
    links: Annotated[TokenLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, token: ApiToken) -> Self:
        """Return the representation of a token."""
        return cls(
            id=token.id,
            name=token.name,
            prefix=token.prefix,
            scope=token.scope,
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
            links=TokenLinks(self=token_path(token.id)),
        )


class TokenSecretRead(Struct, kw_only=True):
    """A new API token with its secret."""

    secret: Annotated[str, Meta(description="Secret of the token. Shown only once.", examples=["tst_…"])]
    token: Annotated[TokenRead, Meta(description="The token as lists show it.")]

    @classmethod
    def of(cls, issued: IssuedToken) -> Self:
        """Return the representation of a new token."""
        return cls(secret=issued.secret, token=TokenRead.of(issued.token))


def token_path(token_id: UUID) -> str:
    """Return the URL path of an API token."""
    return f"{ME_PATH}/tokens/{token_id}"


def session_path(session_id: UUID) -> str:
    """Return the URL path of a session."""
    return f"{ME_PATH}/sessions/{session_id}"
