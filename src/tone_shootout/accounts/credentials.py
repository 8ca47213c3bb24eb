"""Credentials as text: API tokens, refresh tokens and signed access tokens."""

import base64
import binascii
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import jwt

from tone_shootout.kit.settings import MINIMUM_SECRET_LENGTH, SecuritySettings, SettingsError

API_MARK: Final = "tst_"
REFRESH_MARK: Final = "tsr_"
SHOWN_CHARACTERS: Final = 12
"""As much of an API token as its owner sees again: the mark and 8 of the 43 characters that make it hard to guess."""
LONGEST_CREDENTIAL: Final = 512
"""Nothing of ours is longer, so nothing longer is looked at."""

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "tone-shootout"
_AUDIENCE: Final = "tone-shootout-api"
_CLAIMS: Final = ("iss", "aud", "exp", "iat", "jti", "sub", "sid")
_LEEWAY: Final = timedelta(seconds=5)
"""How far apart the clocks of two web processes may be."""


def digest(credential: str) -> bytes:
    """Return the SHA-256 of a credential: 256 random bits need no slower hash."""
    return hashlib.sha256(credential.encode()).digest()


def new_api_token() -> str:
    """Return a fresh API token."""
    return API_MARK + secrets.token_urlsafe(32)


def new_refresh_token(session_id: UUID) -> str:
    """Return a fresh refresh token of a session, whose id it carries."""
    return REFRESH_MARK + base64.urlsafe_b64encode(session_id.bytes + secrets.token_bytes(32)).decode()


def session_of(refresh_token: str) -> UUID | None:
    """Return the id of the session that a refresh token says it belongs to, None for any other text."""
    if len(refresh_token) > LONGEST_CREDENTIAL or not refresh_token.startswith(REFRESH_MARK):
        return None
    try:
        content = base64.b64decode(refresh_token[len(REFRESH_MARK) :], altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return UUID(bytes=content[:16]) if len(content) == 48 else None


class AccessTokens:
    """Makes and reads the short-lived tokens (JWT, RFC 7519) that a session is used with.

    Raises:
        SettingsError: the signing secret is too short.
    """

    def __init__(self, settings: SecuritySettings) -> None:
        if len(settings.secret) < MINIMUM_SECRET_LENGTH:
            raise SettingsError(f"SHOOTOUT_SECURITY_SECRET: expected at least {MINIMUM_SECRET_LENGTH} characters")
        self._secret = settings.secret
        self.life = timedelta(minutes=settings.access_minutes)

    def issue(self, *, user_id: UUID, session_id: UUID, now: datetime) -> str:
        """Return a token that is good from `now` for as long as the settings say."""
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "exp": now + self.life,
            "iat": now,
            "jti": secrets.token_urlsafe(16),
            "sub": str(user_id),
            "sid": str(session_id),
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def read(self, token: str) -> tuple[UUID, UUID] | None:
        """Return the ids of user and session, None unless the token is ours and good now."""
        if len(token) > LONGEST_CREDENTIAL:
            return None
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=_ISSUER,
                leeway=_LEEWAY,
                options={"require": list(_CLAIMS)},
            )
            return UUID(claims["sub"]), UUID(claims["sid"])
        except (jwt.InvalidTokenError, ValueError, AttributeError):
            return None
