"""State of the stand-in."""

import base64
import hashlib
import hmac
import re
import secrets
import time
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from tone_shootout.fake_tone3000.people import PEOPLE, Person
from tone_shootout.fake_tone3000.tones import ToneRow, all_favorites, all_tones

CLIENT_ID: Final = "t3k_pub_stand_in"
SECRET_KEY: Final = "t3k_cs_stand_in_of_lab_rat"  # noqa: S105 - a public, made-up key
REGISTERED_REDIRECTS: Final = ("https://shootout.example.org/api/v1/auth/callback",)
CODE_SECONDS: Final = 1800.0
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")

Outcome = Literal["allow", "cancel", "cancel_before_sign_in", "access_denied", "invalid_request", "server_error"]


class RefusedError(Exception):
    """An error response."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}


class Answer(Struct, kw_only=True, forbid_unknown_fields=True):
    """Automatic outcome of a sign-in, without a page."""

    outcome: Outcome = "allow"
    user: str = "lab_rat"
    tone_id: int | None = None
    """Selected tone; with `load_tone`, it overrides the requested tone."""


class Options(Struct, kw_only=True, forbid_unknown_fields=True):
    """Options of the stand-in."""

    answer: Answer | None = None
    """Automatic outcome of sign-ins; null: show a page."""
    access_seconds: int = 3600
    """Lifetime of an access token."""
    device_seconds: int = 600
    """Lifetime of a device code."""
    device_interval: int = 5
    """Minimum polling interval of a device in seconds."""
    hidden_status: Literal[403, 404] = 404
    """Status for a tone or model that the user may not access."""
    registered_redirects: list[str] = field(default_factory=lambda: list(REGISTERED_REDIRECTS))
    """Accepted redirect URIs, in addition to loopback addresses."""
    odd_errors: bool = False
    """Refuse refresh tokens with the second of the two known error formats."""


class Fault(Struct, kw_only=True, forbid_unknown_fields=True):
    """A fault to inject."""

    kind: Literal[
        "status",
        "html",
        "malformed",
        "slow",
        "slow_body",
        "truncated",
        "oversized",
        "redirect",
        "deprecated",
        "gzip",
        "cookie",
    ]
    path: str = ""
    """Regular expression to search for in the path."""
    method: str = ""
    """HTTP method; empty: any."""
    after: Annotated[int, Meta(ge=0)] = 0
    """Number of matching requests to pass first."""
    times: Annotated[int, Meta(ge=0)] = 1
    """Number of requests to fail; 0: unlimited."""
    status: int = 500
    body: str | None = None
    """Error body; null: a default."""
    retry_after: str | None = None
    delay_s: float = 0.0
    location: str = ""
    words: str = "legacy_platform_key"
    """Names in the deprecation header."""

    def matches(self, method: str, path: str) -> bool:
        """Return whether the fault applies to a request, and count the request."""
        if (self.method and self.method != method) or not re.search(self.path, path):
            return False
        if self.after:
            self.after -= 1
            return False
        return True


class Request(Struct, kw_only=True):
    """A logged request."""

    method: str
    path: str
    query: str
    host: str
    authorized: bool
    user_agent: str
    cookie: str
    form: dict[str, str] = {}


class Token(Struct, kw_only=True):
    """An access token."""

    user: str
    expires_at: float


class _Code(Struct, kw_only=True):
    user: str
    challenge: str
    redirect_uri: str
    expires_at: float


class Authorization(Struct, kw_only=True):
    """A pending authorization request."""

    redirect_uri: str
    state: str
    challenge: str
    prompt: str
    tone_id: int | None


class Device(Struct, kw_only=True):
    """A pending device authorization."""

    user_code: str
    expires_at: float
    interval: float
    polled_at: float = 0.0
    user: str | None = None
    is_denied: bool = False


class World:
    """The complete state of the stand-in."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Restore the initial state."""
        self.options = Options()
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.tones: dict[int, ToneRow] = all_tones()
        self.favorites = all_favorites()
        self.downloaded: dict[str, list[int]] = {username: [] for username in PEOPLE}
        self.tokens: dict[str, Token] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.codes: dict[str, _Code] = {}
        self.authorizations: dict[str, Authorization] = {}
        self.devices: dict[str, Device] = {}

    def person(self, authorization: str | None) -> Person:
        """Return the user of an Authorization header.

        Raises:
            RefusedError: 401, the header is missing or invalid.
        """
        scheme, _, token = (authorization or "").partition(" ")
        found = self.tokens.get(token) if scheme.lower() == "bearer" else None
        if token == SECRET_KEY:
            return PEOPLE["lab_rat"]
        if found is None or found.expires_at <= time.time():
            raise RefusedError(401, {"error": "Missing or invalid Authorization header"})
        return PEOPLE[found.user]

    def tone(self, person: Person, tone_id: int) -> ToneRow:
        """Return a tone that a user may access.

        Raises:
            RefusedError: 404 or 403, the tone does not exist or is hidden from the user.
        """
        tone = self.tones.get(tone_id)
        if tone is None or tone.visibility == "gone":
            raise RefusedError(404, {"error": "Tone not found"})
        if not self.can_access(person, tone):
            hidden = self.options.hidden_status
            raise RefusedError(hidden, {"error": "Forbidden" if hidden == 403 else "Tone not found"})
        return tone

    def can_access(self, person: Person, tone: ToneRow) -> bool:
        """Return whether a user may access a tone: it is public, their own, or one of their favorites."""
        return tone.visibility == "public" or (
            tone.visibility == "private" and (tone.owner == person or tone.id in self.favorites[person.username])
        )

    def issue(self, user: str) -> dict[str, Any]:
        """Issue a pair of tokens with the length of real ones."""
        access, refresh = f"t3k.{secrets.token_urlsafe(720)}", secrets.token_urlsafe(24)
        self.tokens[access] = Token(user=user, expires_at=time.time() + self.options.access_seconds)
        self.refresh_tokens[refresh] = user
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "bearer",
            "expires_in": self.options.access_seconds,
            "scope": "read",
        }

    def revoke(self, user: str) -> None:
        """Revoke all tokens of a user."""
        self.tokens = {token: held for token, held in self.tokens.items() if held.user != user}
        self.refresh_tokens = {token: held for token, held in self.refresh_tokens.items() if held != user}

    def expire(self, user: str) -> None:
        """Expire the access tokens of a user; refresh tokens stay valid."""
        for token in self.tokens.values():
            if token.user == user:
                token.expires_at = 0.0

    def new_code(self, authorization: Authorization, user: str) -> str:
        """Issue an authorization code."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = _Code(
            user=user,
            challenge=authorization.challenge,
            redirect_uri=authorization.redirect_uri,
            expires_at=time.time() + CODE_SECONDS,
        )
        return code

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> str | None:
        """Consume an authorization code and return its user; None for a wrong code, verifier or redirect URI."""
        held = self.codes.pop(code, None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if held is None or held.expires_at <= time.time() or held.redirect_uri != redirect_uri:
            return None
        return held.user if hmac.compare_digest(digest, held.challenge) else None

    def accepts_redirect(self, uri: str) -> bool:
        """Return whether a redirect URI is registered or a loopback address."""
        try:
            parts = urlsplit(uri)
        except ValueError:
            return False
        is_loopback = parts.scheme == "http" and parts.hostname in LOOPBACK
        return is_loopback or uri in self.options.registered_redirects
