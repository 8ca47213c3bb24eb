"""OAuth with TONE3000: authorization code with PKCE (RFC 7636), refresh tokens, and devices (RFC 8628).

The client is public, without a secret. TONE3000 has no endpoint to revoke tokens.
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
from tone_shootout.tone3000.http_client import HttpClient, decode_response
from tone_shootout.tone3000.types import Architecture, DeviceCode, Format, Gear, Prompt, TokenPair, hyphenated

T = TypeVar("T")

AUTHORIZE: Final = "/api/v1/oauth/authorize"
TOKEN: Final = "/api/v1/oauth/token"  # noqa: S105 - a path
DEVICE: Final = "/api/v1/oauth/device_authorization"
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


class ToneChoice(Struct, kw_only=True, frozen=True):
    """Selection of a tone on TONE3000's pages during sign-in.

    Attributes:
        prompt: `select_tone` lets the user browse, `load_tone` loads `tone_id`.
        tone_id: tone to load; the user may choose another.
        gears: show only these gear types.
        format: show only this file format.
        architecture: show only captures of this architecture; None: A1 and custom, TONE3000's default.
        calibrated: show only tones with a capture that states its levels.
        preview: offer previews; only with `select_tone`.
    """

    prompt: Prompt
    tone_id: int | None = None
    gears: tuple[Gear, ...] = ()
    format: Format | None = None
    architecture: Architecture | None = None
    calibrated: bool = False
    preview: bool = False


def new_state() -> str:
    """Return a random state, which ties the callback to the authorization request."""
    return secrets.token_urlsafe(16)


def new_verifier() -> str:
    """Return a random code verifier of PKCE."""
    return secrets.token_urlsafe(32)


def challenge_of(verifier: str) -> str:
    """Return the code challenge `S256` of a verifier: its SHA-256 in URL-safe Base64 without padding."""
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
    """Return the URL of the authorization page.

    Args:
        settings: URL of TONE3000, and the API key.
        redirect_url: URL of the callback; the exchange of the code needs the same text.
        state: returned unchanged to the callback.
        challenge: challenge of the code verifier.
        choice: selection of a tone; None: sign in only.
        menubar: show buttons to go back and to close, for windows without a toolbar.

    Raises:
        NotConfiguredError: no API key is configured.
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
        **({} if choice is None else _choice_parameters(choice)),
        **({"menubar": "true"} if menubar else {}),
    }
    return f"{settings.base_url.rstrip('/')}{AUTHORIZE}?{urlencode(query)}"


class OAuthClient:
    """Client of TONE3000's token and device endpoints. It does not retry, because codes and tokens work once."""

    def __init__(self, http_client: HttpClient) -> None:
        self._http_client = http_client

    async def exchange(self, *, code: str, verifier: str, redirect_url: str) -> TokenPair:
        """Exchange an authorization code for tokens.

        Raises:
            GrantError: the code was used or has expired, or the verifier or redirect URL does not match.
            Tone3000Error: the request failed.
        """
        return await self._token(
            grant_type="authorization_code", code=code, code_verifier=verifier, redirect_uri=redirect_url
        )

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Exchange a refresh token for a new pair. The old one becomes invalid, so store the new pair before using it.

        Raises:
            GrantError: the refresh token is invalid; another process may have used it.
            Tone3000Error: the request failed; the old pair may still be valid.
        """
        pair = await self._token(grant_type="refresh_token", refresh_token=refresh_token)
        return pair if pair.refresh_token else msgspec.structs.replace(pair, refresh_token=refresh_token)

    async def start_device(self) -> DeviceCode:
        """Start a sign-in of a device, which the user finishes in any browser.

        Raises:
            GrantError: the API key is unknown.
            Tone3000Error: the request failed.
        """
        return await self._post(DEVICE, {}, DeviceCode)

    async def poll_device(self, device_code: str) -> TokenPair:
        """Return the tokens of a device's sign-in, once the user has allowed it.

        Raises:
            GrantError: the sign-in is pending (`authorization_pending`, or `slow_down` to increase the interval by
                5 seconds), denied (`access_denied`) or expired (`expired_token`).
            Tone3000Error: the request failed.
        """
        return await self._token(grant_type=DEVICE_GRANT, device_code=device_code)

    async def _token(self, **fields: str) -> TokenPair:
        return await self._post(TOKEN, fields, TokenPair)

    async def _post(self, path: str, fields: Mapping[str, str], kind: type[T]) -> T:
        client_id = self._http_client.settings.client_id
        if not client_id:
            raise NotConfiguredError
        status, body = await self._http_client.post_form(path, {**fields, "client_id": client_id})
        if status == 200:
            return decode_response(body, kind)
        raise GrantError(_error_of(body)) if status in (400, 401, 403) else BadAnswerError(f"status {status}")


def _choice_parameters(choice: ToneChoice) -> dict[str, str]:
    fields = {
        "prompt": choice.prompt,
        "tone_id": None if choice.tone_id is None else str(choice.tone_id),
        "gears": "_".join(map(hyphenated, choice.gears)) or None,
        "format": hyphenated(choice.format) or None,
        "architecture": choice.architecture,
        "calibrated": "true" if choice.calibrated else None,
        "preview": "true" if choice.preview and choice.prompt == "select_tone" else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _error_of(body: bytes) -> str:
    """Return the OAuth error code of a response in either of TONE3000's two formats."""
    try:
        document = decode_response(body, dict[str, Any])
    except BadAnswerError:
        return "unknown"
    name = document.get("error") or document.get("error_code")
    return {"refresh_token_not_found": "invalid_grant"}.get(str(name), str(name))[:64] if name else "unknown"
