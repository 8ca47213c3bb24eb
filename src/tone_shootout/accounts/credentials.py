"""Formats of credentials: API tokens, refresh tokens and signed access tokens."""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import jwt

from tone_shootout.kit.settings import MINIMUM_SECRET_LENGTH, SecuritySettings, SettingsError

API_TOKEN_PREFIX: Final = "tst_"  # noqa: S105 - public prefixes
REFRESH_TOKEN_PREFIX: Final = "tsr_"  # noqa: S105
VISIBLE_CHARACTERS: Final = 12
"""Length of the part of an API token that lists show: the prefix and 8 of the 43 random characters."""
MAX_CREDENTIAL_LENGTH: Final = 512
"""Maximum length of a credential; longer ones are rejected without being parsed."""

_SIGNATURE_LENGTH: Final = 18
"""Length of a refresh token's signature in bytes: 144 bits, and a total that Base64 encodes without padding."""
_ALGORITHM: Final = "HS256"
_ISSUER: Final = "tone-shootout"
_AUDIENCE: Final = "tone-shootout-api"
_CLAIMS: Final = ("iss", "aud", "exp", "iat", "jti", "sub", "sid")
_VERIFIED_SIZE: Final = 10_000
"""Access tokens whose signature need not be verified again."""
_LEEWAY: Final = timedelta(seconds=5)
"""Tolerated difference between the clocks of two web processes."""


def digest(credential: str) -> bytes:
    """Return the SHA-256 of a credential. 256 random bits need no slow hash."""
    return hashlib.sha256(credential.encode()).digest()


def new_api_token() -> str:
    """Return a new API token."""
    return API_TOKEN_PREFIX + secrets.token_urlsafe(32)


class RefreshTokens:
    """Creates and parses refresh tokens, which consist of a session's id, random bytes and a signature.

    Reuse of an old token means theft and ends the session. The signature distinguishes an old token from a forged one:
    without it, a client with read scope could list the ids of sessions and end them.
    """

    def __init__(self, settings: SecuritySettings) -> None:
        self._secret = settings.secret.encode()

    def issue(self, session_id: UUID) -> str:
        """Return a new token of a session."""
        return self._sign(session_id, secrets.token_bytes(32))

    def successor(self, token: str, session_id: UUID) -> str:
        """Return the token that replaces a session's token.

        It is derived from the token and the signing secret, so that concurrent requests with the same token get the
        same successor, and only its hash needs to be stored.
        """
        return self._sign(session_id, hmac.digest(self._secret, b"successor:" + token.encode(), "sha256"))

    def parse(self, token: str) -> tuple[UUID, bool] | None:
        """Return the session's id and whether the signature is valid; None if the text is not a refresh token.

        A session accepts a token by its hash, so a token stays usable after a change of the signing secret.
        """
        if len(token) > MAX_CREDENTIAL_LENGTH or not token.startswith(REFRESH_TOKEN_PREFIX):
            return None
        try:
            decoded = base64.b64decode(token[len(REFRESH_TOKEN_PREFIX) :], altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        content, signature = decoded[:48], decoded[48:]
        if len(signature) != _SIGNATURE_LENGTH:
            return None
        return UUID(bytes=content[:16]), hmac.compare_digest(signature, self._signature(content))

    def _sign(self, session_id: UUID, random: bytes) -> str:
        content = session_id.bytes + random
        return REFRESH_TOKEN_PREFIX + base64.urlsafe_b64encode(content + self._signature(content)).decode()

    def _signature(self, content: bytes) -> bytes:
        return hmac.digest(self._secret, REFRESH_TOKEN_PREFIX.encode() + content, "sha256")[:_SIGNATURE_LENGTH]


class AccessTokens:
    """Creates and verifies access tokens: short-lived JWTs (RFC 7519) of a session.

    Raises:
        SettingsError: the signing secret is too short.
    """

    def __init__(self, settings: SecuritySettings) -> None:
        if len(settings.secret) < MINIMUM_SECRET_LENGTH:
            raise SettingsError(f"SHOOTOUT_SECURITY_SECRET: expected at least {MINIMUM_SECRET_LENGTH} characters")
        self._secret = settings.secret
        self.lifetime = timedelta(minutes=settings.access_minutes)
        self._verified: dict[str, tuple[UUID, UUID, float]] = {}

    def issue(self, *, user_id: UUID, session_id: UUID, now: datetime) -> str:
        """Return a token that is valid from `now` for `lifetime`."""
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "exp": now + self.lifetime,
            "iat": now,
            "jti": secrets.token_urlsafe(16),
            "sub": str(user_id),
            "sid": str(session_id),
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def verify(self, token: str) -> tuple[UUID, UUID] | None:
        """Return the ids of the user and the session; None if the token is invalid or has expired.

        The signature of a token is verified once: it stays valid until the token expires. Whether the session is valid
        is not asked here.
        """
        if (known := self._verified.get(token)) is not None:
            user_id, session_id, expires_at = known
            if time.time() < expires_at:
                return user_id, session_id
            del self._verified[token]
        if len(token) > MAX_CREDENTIAL_LENGTH:
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
            user_id, session_id = UUID(claims["sub"]), UUID(claims["sid"])
        except (jwt.InvalidTokenError, ValueError, AttributeError):
            return None
        if len(self._verified) >= _VERIFIED_SIZE:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = (user_id, session_id, float(claims["exp"]))
        return user_id, session_id
