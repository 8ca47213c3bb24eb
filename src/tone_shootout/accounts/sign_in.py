"""Sign-in with TONE3000, in a browser and on a device without one. The service does not commit."""

import re
import secrets
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.connections import ConnectionStore
from tone_shootout.accounts.errors import (
    SignInDeniedError,
    SignInExpiredError,
    SignUpClosedError,
    ToneIdMissingError,
    UserDisabledError,
)
from tone_shootout.accounts.pending_sign_ins import BrowserSignIn, DeviceSignIn, PendingSignIns, hash_secret
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.services import AccountService
from tone_shootout.accounts.sessions import SessionService, SessionTokens
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import Settings
from tone_shootout.tone3000.client import Tone3000
from tone_shootout.tone3000.errors import BadAnswerError, GrantError
from tone_shootout.tone3000.oauth import OAuthClient, ToneChoice, authorize_url, challenge_of, new_state, new_verifier
from tone_shootout.tone3000.types import DeviceCode, TokenPair, User, plain

SLOW_DOWN_S: Final = 5
"""Increase of the polling interval in seconds after the error `slow_down` (RFC 8628, 3.5)."""

_log = structlog.get_logger(__name__)


class OAuthRedirect(NamedTuple):
    """Redirect of a browser to TONE3000."""

    url: str
    state: str
    browser: str
    """Secret that the browser must send in a cookie with the callback."""


class OAuthCallback(NamedTuple):
    """Parameters of the callback from TONE3000."""

    state: str
    code: str | None = None
    error: str | None = None
    canceled: bool = False
    tone_id: int | None = None


class OAuthResult(NamedTuple):
    """Result of a sign-in in a browser."""

    tokens: SessionTokens | None
    """Tokens of the new session; None if the sign-in was canceled or denied."""
    next: str | None
    tone_id: int | None = None
    canceled: bool = False
    denied: bool = False


class SignInService:
    """Sign-in in a browser and on a device, in one unit of work.

    Args:
        session: the unit of work.
        settings: redirect URL, whether sign-up is enabled, signing secret.
        keys: encrypts TONE3000's tokens.
        pending: stores pending sign-ins.
        oauth: client of TONE3000's OAuth endpoints.
        tone3000: client of TONE3000's API.
    """

    def __init__(
        self,
        session: AsyncSession,
        settings: Settings,
        keys: KeyRing,
        pending: PendingSignIns,
        oauth: OAuthClient,
        tone3000: Tone3000,
    ) -> None:
        self._settings = settings
        self._accounts = AccountService(session)
        self._sessions = SessionService(session, settings.security)
        self._store = ConnectionStore(session, keys)
        self._pending = pending
        self._oauth = oauth
        self._tone3000 = tone3000

    async def start_browser(
        self,
        *,
        redirect_url: str,
        next_path: str | None,
        link_to: Principal | None,
        choice: ToneChoice | None,
        menubar: bool,
    ) -> OAuthRedirect:
        """Start a sign-in in a browser.

        Args:
            redirect_url: URL of the callback.
            next_path: path to redirect to after the callback; None: the callback returns JSON.
            link_to: user to connect with the TONE3000 account; None: sign in the account's own user.
            choice: selection of a tone that TONE3000 offers; None: sign in only.
            menubar: show buttons to go back and to close.

        Raises:
            NotConfiguredError: no API key for TONE3000 is configured.
            ToneIdMissingError: the prompt `load_tone` lacks a tone id.
        """
        if choice is not None and choice.prompt == "load_tone" and choice.tone_id is None:
            raise ToneIdMissingError
        state, verifier, browser = new_state(), new_verifier(), secrets.token_urlsafe(32)
        url = authorize_url(
            self._settings.tone3000,
            redirect_url=redirect_url,
            state=state,
            challenge=challenge_of(verifier),
            choice=choice,
            menubar=menubar,
        )
        sign_in = BrowserSignIn(
            verifier=verifier, redirect_url=redirect_url, browser=hash_secret(browser), next=next_path, link_to=link_to
        )
        await self._pending.add_browser(state, sign_in)
        return OAuthRedirect(url, state, browser)

    async def finish_browser(
        self, callback: OAuthCallback, *, browser: str | None, user_agent: str | None
    ) -> OAuthResult:
        """Finish a sign-in in a browser. The state can't be used again.

        Args:
            callback: parameters of the callback.
            browser: value of the browser's cookie.
            user_agent: `User-Agent` of the browser.

        Raises:
            SignInExpiredError: the sign-in has expired, was finished before or began in another browser.
            ProblemError: the user can't be signed in or connected.
        """
        sign_in = await self._pending.pop_browser(callback.state, browser)
        if callback.canceled and not callback.code:
            return OAuthResult(None, sign_in.next, canceled=True)
        if callback.error or not callback.code:
            _log.info("sign_in_denied", error=(callback.error or "no code")[:64])
            return OAuthResult(None, sign_in.next, denied=True)
        try:
            pair = await self._oauth.exchange(
                code=callback.code, verifier=sign_in.verifier, redirect_url=sign_in.redirect_url
            )
        except GrantError as error:
            if error.error != "invalid_grant":
                raise
            raise SignInExpiredError from None
        tokens = await self._start_session(pair, sign_in.link_to, user_agent)
        tone_id = None if callback.canceled else callback.tone_id
        return OAuthResult(tokens, sign_in.next, tone_id=tone_id, canceled=callback.canceled)

    async def start_device(self, link_to: Principal | None) -> tuple[str, DeviceCode]:
        """Start a sign-in on a device; return the handle to poll with, and the codes to show.

        Raises:
            NotConfiguredError: no API key for TONE3000 is configured.
        """
        codes = await self._oauth.start_device()
        sign_in = DeviceSignIn(device_code=codes.device_code, interval=max(1, codes.interval), link_to=link_to)
        return await self._pending.add_device(sign_in, codes.expires_in), codes

    async def poll_device(self, handle: str, *, user_agent: str | None) -> SessionTokens | int:
        """Return the tokens of a session once the user has allowed the device; until then, the polling interval.

        TONE3000 is polled once per interval, however often the device polls.

        Raises:
            SignInExpiredError: the handle is unknown, or the sign-in has ended.
            SignInDeniedError: the user has denied the sign-in.
        """
        sign_in = await self._pending.get_device(handle)
        if not await self._pending.try_start_poll(handle):
            return sign_in.interval
        try:
            pair = await self._oauth.poll_device(sign_in.device_code)
        except GrantError as error:
            return await self._handle_grant_error(handle, sign_in, error)
        except BaseException:
            await self._pending.reschedule_device(handle, sign_in)
            raise
        await self._pending.delete_device(handle)
        return await self._start_session(pair, sign_in.link_to, user_agent)

    async def _handle_grant_error(self, handle: str, sign_in: DeviceSignIn, error: GrantError) -> int:
        """Return the new polling interval of a pending sign-in, or raise the error of an ended one."""
        if not error.is_final:
            increase = SLOW_DOWN_S if error.error == "slow_down" else 0
            sign_in = msgspec.structs.replace(sign_in, interval=sign_in.interval + increase)
            await self._pending.reschedule_device(handle, sign_in)
            return sign_in.interval
        await self._pending.delete_device(handle)
        if error.error == "access_denied":
            raise SignInDeniedError
        if error.error in ("expired_token", "invalid_grant"):
            raise SignInExpiredError
        raise error

    async def _start_session(self, pair: TokenPair, link_to: Principal | None, user_agent: str | None) -> SessionTokens:
        """Connect the owner of the tokens with a user, and start a session.

        The credential of `link_to` must still be valid: with a stolen one that has been revoked, a thief could
        otherwise connect a TONE3000 account and keep access.
        """
        tone3000_user = await self._tone3000.user(pair.access_token)
        if not 0 < len(tone3000_user.id) <= 64 or not tone3000_user.id.isprintable():
            raise BadAnswerError("invalid user id")
        if link_to is None:
            user_id = await self._store.get_owner(tone3000_user.id) or await self._sign_up(tone3000_user)
        elif await self._sessions.is_valid(link_to):
            user_id = link_to.user_id
        else:
            raise SignInExpiredError
        user = await self._accounts.get_user(user_id)
        if not user.is_active:
            raise UserDisabledError(user.name)
        await self._store.connect(user_id, tone3000_user, pair)
        return await self._sessions.start_for(user_id, method="tone3000", user_agent=user_agent)

    async def _sign_up(self, tone3000_user: User) -> UUID:
        if not self._settings.security.sign_up:
            raise SignUpClosedError
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", tone3000_user.username).strip("._-")[:56] or "player"
        user = await self._accounts.create_unique_user(stem, display_name=plain(tone3000_user.name)[:100] or None)
        _log.info("signed_up", user_id=str(user.id))
        return user.id
