"""All that the stand-in knows and remembers."""

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
SECRET_KEY: Final = "t3k_cs_stand_in_of_lab_rat"  # noqa: S105 - of a stand-in, and printed in its documentation
REGISTERED_REDIRECTS: Final = ("https://shootout.example.org/api/v1/auth/callback",)
CODE_SECONDS: Final = 1800.0
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")

Outcome = Literal["allow", "cancel", "cancel_before_sign_in", "access_denied", "invalid_request", "server_error"]


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}


class Answer(Struct, kw_only=True, forbid_unknown_fields=True):
    """What the sign-in page answers by itself, instead of asking somebody."""

    outcome: Outcome = "allow"
    user: str = "lab_rat"
    tone_id: int | None = None
    """Which tone is chosen; with `load_tone`, another one than was asked for where it is set."""


class Options(Struct, kw_only=True, forbid_unknown_fields=True):
    """How it behaves."""

    answer: Answer | None = None
    """What sign-ins answer by themselves; null: a page asks."""
    access_seconds: int = 3600
    """Life of an access token."""
    device_seconds: int = 600
    """Life of a device's code."""
    device_interval: int = 5
    """Seconds between two questions of a device."""
    hidden_status: Literal[403, 404] = 404
    """What a tone or model answers to somebody who may not see it."""
    registered_redirects: list[str] = field(default_factory=lambda: list(REGISTERED_REDIRECTS))
    """Addresses beside loopback ones to which it sends people back."""
    odd_errors: bool = False
    """Refuse refresh tokens in the other of the two forms that are known."""


class Fault(Struct, kw_only=True, forbid_unknown_fields=True):
    """Something that goes wrong on purpose."""

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
    """Regular expression that has to match somewhere in the path."""
    method: str = ""
    """Empty: every one."""
    after: Annotated[int, Meta(ge=0)] = 0
    """Let so many pass first."""
    times: Annotated[int, Meta(ge=0)] = 1
    """How often; 0: always."""
    status: int = 500
    body: str | None = None
    """Instead of the usual body of an error."""
    retry_after: str | None = None
    delay_s: float = 0.0
    location: str = ""
    words: str = "legacy_platform_key"
    """What a deprecation names."""

    def meets(self, method: str, path: str) -> bool:
        """Tell whether a request is meant, and count it."""
        if (self.method and self.method != method) or not re.search(self.path, path):
            return False
        if self.after:
            self.after -= 1
            return False
        return True


class Request(Struct, kw_only=True):
    """A request that came."""

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
    """A sign-in that somebody is asked about."""

    redirect_uri: str
    state: str
    challenge: str
    prompt: str
    tone_id: int | None


class Device(Struct, kw_only=True):
    """A device that waits for somebody to sign in."""

    user_code: str
    expires_at: float
    interval: float
    asked_at: float = 0.0
    user: str | None = None
    is_denied: bool = False


class World:
    """Its whole state; `reset` brings back how it was at the start."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything that has happened."""
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
        """Return whose request it is.

        Raises:
            RefusedError: 401, nobody's.
        """
        scheme, _, token = (authorization or "").partition(" ")
        found = self.tokens.get(token) if scheme.lower() == "bearer" else None
        if token == SECRET_KEY:
            return PEOPLE["lab_rat"]
        if found is None or found.expires_at <= time.time():
            raise RefusedError(401, {"error": "Missing or invalid Authorization header"})
        return PEOPLE[found.user]

    def tone(self, person: Person, tone_id: int) -> ToneRow:
        """Return a tone that a person may see.

        Raises:
            RefusedError: there is none.
        """
        tone = self.tones.get(tone_id)
        if tone is None or tone.visibility == "gone":
            raise RefusedError(404, {"error": "Tone not found"})
        if not self.sees(person, tone):
            hidden = self.options.hidden_status
            raise RefusedError(hidden, {"error": "Forbidden" if hidden == 403 else "Tone not found"})
        return tone

    def sees(self, person: Person, tone: ToneRow) -> bool:
        """Tell whether a person may see a tone: its owner, whoever keeps it, and everybody if it is public."""
        return tone.visibility == "public" or (
            tone.visibility == "private" and (tone.owner == person or tone.id in self.favorites[person.username])
        )

    def issue(self, user: str) -> dict[str, Any]:
        """Return a fresh pair of tokens, as long as real ones."""
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
        """Let none of a person's tokens count any more."""
        self.tokens = {token: held for token, held in self.tokens.items() if held.user != user}
        self.refresh_tokens = {token: held for token, held in self.refresh_tokens.items() if held != user}

    def expire(self, user: str) -> None:
        """Let a person's access tokens expire now; the refresh tokens stay."""
        for token in self.tokens.values():
            if token.user == user:
                token.expires_at = 0.0

    def new_code(self, authorization: Authorization, user: str) -> str:
        """Return the code of a sign-in."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = _Code(
            user=user,
            challenge=authorization.challenge,
            redirect_uri=authorization.redirect_uri,
            expires_at=time.time() + CODE_SECONDS,
        )
        return code

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> str | None:
        """Return who has signed in, once; None where the code, the verifier or the address is wrong."""
        held = self.codes.pop(code, None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if held is None or held.expires_at <= time.time() or held.redirect_uri != redirect_uri:
            return None
        return held.user if hmac.compare_digest(digest, held.challenge) else None

    def takes_redirect(self, uri: str) -> bool:
        """Tell whether people may be sent back to an address."""
        try:
            parts = urlsplit(uri)
        except ValueError:
            return False
        is_loopback = parts.scheme == "http" and parts.hostname in LOOPBACK
        return is_loopback or uri in self.options.registered_redirects
