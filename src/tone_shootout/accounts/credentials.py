"""Credentials as text: API tokens, refresh tokens and signed access tokens."""

import base64
import binascii
import hashlib
import hmac
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

_SIGNATURE_LENGTH: Final = 18
"""Bytes of a refresh token's signature: 144 bits, and the whole fills its Base64 without padding."""
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


class RefreshTokens:
    """Makes and reads the tokens that a session is renewed with: its id, something random, and our signature.

    The signature tells a token that was ours once, whose coming back means a theft, from one that somebody has made up
    who knows the id of a session, as everybody does who may list them.
    """

    def __init__(self, settings: SecuritySettings) -> None:
        self._secret = settings.secret.encode()

    def issue(self, session_id: UUID) -> str:
        """Return a fresh token of a session."""
        return self._signed(session_id, secrets.token_bytes(32))

    def successor(self, token: str, session_id: UUID) -> str:
        """Return the token that a session's token is exchanged for.

        It follows from the token and our secret, so that requests that exchange one token at the same time get the same
        successor, and nothing has to be stored that it could be read from.
        """
        return self._signed(session_id, hmac.digest(self._secret, b"successor:" + token.encode(), "sha256"))

    def read(self, token: str) -> tuple[UUID, bool] | None:
        """Return the session that a token names and whether we have signed it, None for any other text.

        A token that was signed with an earlier secret is as good as ever: its hash is what counts.
        """
        if len(token) > LONGEST_CREDENTIAL or not token.startswith(REFRESH_MARK):
            return None
        try:
            decoded = base64.b64decode(token[len(REFRESH_MARK) :], altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        content, signature = decoded[:48], decoded[48:]
        if len(signature) != _SIGNATURE_LENGTH:
            return None
        return UUID(bytes=content[:16]), hmac.compare_digest(signature, self._signature(content))

    def _signed(self, session_id: UUID, unguessable: bytes) -> str:
        content = session_id.bytes + unguessable
        return REFRESH_MARK + base64.urlsafe_b64encode(content + self._signature(content)).decode()

    def _signature(self, content: bytes) -> bytes:
        return hmac.digest(self._secret, REFRESH_MARK.encode() + content, "sha256")[:_SIGNATURE_LENGTH]


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
