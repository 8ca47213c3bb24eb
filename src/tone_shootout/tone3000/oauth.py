"""Signing in with TONE3000: authorization code with PKCE (RFC 7636), refresh, and devices (RFC 8628).

There is no client secret, and no way to revoke a token: disconnecting means forgetting it.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from tone_shootout.kit.settings import Tone3000Settings
from tone_shootout.tone3000.errors import BadAnswerError, GrantError, NotConfiguredError
from tone_shootout.tone3000.http_client import HttpClient, decoded
from tone_shootout.tone3000.types import Architecture, DeviceCode, Format, Gear, Prompt, TokenPair

T = TypeVar("T")

AUTHORIZE: Final = "/api/v1/oauth/authorize"
TOKEN: Final = "/api/v1/oauth/token"  # noqa: S105 - an address
DEVICE: Final = "/api/v1/oauth/device_authorization"
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


class ToneChoice(Struct, kw_only=True, frozen=True):
    """What TONE3000's own pages show to somebody who is to choose a tone.

    Attributes:
        prompt: `select_tone` to browse, `load_tone` to get at `tone_id`.
        tone_id: which tone to load; the one that comes back may be another.
        gears: only gear of these kinds.
        format: only files of this kind.
        architecture: only captures of this kind; None: A1 and custom ones, which is TONE3000's own default.
        calibrated: only tones with a capture that states its levels.
        preview: offer to listen; with `select_tone` only.
    """

    prompt: Prompt
    tone_id: int | None = None
    gears: tuple[Gear, ...] = ()
    format: Format | None = None
    architecture: Architecture | None = None
    calibrated: bool = False
    preview: bool = False


def new_state() -> str:
    """Return a fresh value that ties an answer to the browser that asked."""
    return secrets.token_urlsafe(16)


def new_verifier() -> str:
    """Return a fresh secret that proves that whoever brings the code has asked for it."""
    return secrets.token_urlsafe(32)


def challenge_of(verifier: str) -> str:
    """Return what TONE3000 is told of a verifier at first: its SHA-256 in URL-safe Base64 without padding."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def authorize_url(
    settings: Tone3000Settings,
    *,
    redirect_url: str,
    state: str,
    challenge: str,
    choice: ToneChoice | None = None,
    menubar: bool = False,
) -> str:
    """Return where a browser is sent to sign in, and to choose a tone where `choice` says so.

    Args:
        settings: where TONE3000 is, and our key there.
        redirect_url: where it sends the browser back to; the same text is needed for the exchange.
        state: comes back unchanged.
        challenge: of the verifier that is kept here.
        choice: what to choose; None: sign in alone.
        menubar: show buttons to go back and to close, for windows that have none.

    Raises:
        NotConfiguredError: there is no key.
    """
    if not settings.client_id:
        raise NotConfiguredError
    query = {
        "client_id": settings.client_id,
        "redirect_uri": redirect_url,
        "response_type": "code",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "state": state,
        **({} if choice is None else _choice(choice)),
        **({"menubar": "true"} if menubar else {}),
    }
    return f"{settings.base_url.rstrip('/')}{AUTHORIZE}?{urlencode(query)}"


class SignIn:
    """What is asked of TONE3000 to get and keep a person's tokens. Nothing here is tried twice."""

    def __init__(self, calls: HttpClient) -> None:
        self._calls = calls

    async def exchange(self, *, code: str, verifier: str, redirect_url: str) -> TokenPair:
        """Turn the code of a sign-in into tokens.

        Raises:
            GrantError: the code was used, has expired, or belongs to another verifier or address.
            Tone3000Error: any other.
        """
        return await self._token(
            grant_type="authorization_code", code=code, code_verifier=verifier, redirect_uri=redirect_url
        )

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Turn a refresh token into a new pair. The old one counts no more: keep the new one before using it.

        Raises:
            GrantError: it does not count (any more): another process may have used it meanwhile.
            Tone3000Error: any other; the old pair then still counts as far as we know.
        """
        pair = await self._token(grant_type="refresh_token", refresh_token=refresh_token)
        return pair if pair.refresh_token else msgspec.structs.replace(pair, refresh_token=refresh_token)

    async def start_device(self) -> DeviceCode:
        """Begin a sign-in that somebody finishes in any browser.

        Raises:
            GrantError: TONE3000 does not know our key.
            Tone3000Error: any other.
        """
        return await self._post(DEVICE, {}, DeviceCode)

    async def poll_device(self, device_code: str) -> TokenPair:
        """Ask whether it is finished.

        Raises:
            GrantError: not yet (`authorization_pending`; `slow_down` asks for 5 seconds more between two questions),
                or never (`access_denied`, `expired_token`).
            Tone3000Error: any other.
        """
        return await self._token(grant_type=DEVICE_GRANT, device_code=device_code)

    async def _token(self, **fields: str) -> TokenPair:
        return await self._post(TOKEN, fields, TokenPair)

    async def _post(self, path: str, fields: Mapping[str, str], kind: type[T]) -> T:
        client_id = self._calls.settings.client_id
        if not client_id:
            raise NotConfiguredError
        status, body = await self._calls.post_form(path, {**fields, "client_id": client_id})
        if status == 200:
            return decoded(body, kind)
        raise GrantError(_error_of(body)) if status in (400, 401, 403) else BadAnswerError(f"status {status}")


def _choice(choice: ToneChoice) -> dict[str, str]:
    fields = {
        "prompt": choice.prompt,
        "tone_id": None if choice.tone_id is None else str(choice.tone_id),
        "gears": "_".join(choice.gears) or None,
        "format": choice.format,
        "architecture": choice.architecture,
        "calibrated": "true" if choice.calibrated else None,
        "preview": "true" if choice.preview and choice.prompt == "select_tone" else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _error_of(body: bytes) -> str:
    """Return the error's name out of either of the two forms that TONE3000 uses."""
    try:
        document = decoded(body, dict[str, Any])
    except BadAnswerError:
        return "unknown"
    name = document.get("error") or document.get("error_code")
    return {"refresh_token_not_found": "invalid_grant"}.get(str(name), str(name))[:64] if name else "unknown"
