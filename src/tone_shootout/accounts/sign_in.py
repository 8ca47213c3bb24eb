"""Signing in with TONE3000, in a browser and on a device without one. Nothing here commits."""

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
from tone_shootout.accounts.pending import BrowserSignIn, DeviceSignIn, PendingSignIns, hashed
from tone_shootout.accounts.principal import Principal
from tone_shootout.accounts.services import AccountService, Grant, SessionService
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import Settings
from tone_shootout.tone3000.client import Tone3000
from tone_shootout.tone3000.errors import BadAnswerError, GrantError
from tone_shootout.tone3000.oauth import SignIn, ToneChoice, authorize_url, challenge_of, new_state, new_verifier
from tone_shootout.tone3000.types import DeviceCode, TokenPair, User, plain

SLOWER_S: Final = 5
"""Seconds by which the interval grows when TONE3000 finds us too fast (RFC 8628, 3.5)."""

_log = structlog.get_logger(__name__)


class OAuthRedirect(NamedTuple):
    """A browser that is being sent to TONE3000."""

    url: str
    state: str
    browser: str
    """The secret that it has to bring back in a cookie."""


class Return(NamedTuple):
    """What a browser brings back from TONE3000."""

    state: str
    code: str | None = None
    error: str | None = None
    canceled: bool = False
    tone_id: int | None = None


class OAuthResult(NamedTuple):
    """How a sign-in in a browser has ended."""

    grant: Grant | None
    """A session; None where nobody has signed in."""
    next: str | None
    tone_id: int | None = None
    canceled: bool = False
    denied: bool = False


class SignInService:
    """Both ways in, in one unit of work."""

    def __init__(
        self,
        session: AsyncSession,
        settings: Settings,
        keys: KeyRing,
        pending: PendingSignIns,
        sign_in: SignIn,
        tone3000: Tone3000,
    ) -> None:
        self._settings = settings
        self._accounts = AccountService(session)
        self._sessions = SessionService(session, settings.security)
        self._store = ConnectionStore(session, keys)
        self._pending = pending
        self._sign_in = sign_in
        self._tone3000 = tone3000

    async def depart(
        self,
        *,
        redirect_url: str,
        next_path: str | None,
        link_to: Principal | None,
        choice: ToneChoice | None,
        menubar: bool,
    ) -> OAuthRedirect:
        """Begin a sign-in in a browser.

        Raises:
            NotConfiguredError: this installation has no key of TONE3000.
            ToneIdMissingError: a tone is to be loaded, and it is not said which.
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
        begun = BrowserSignIn(
            verifier=verifier, redirect_url=redirect_url, browser=hashed(browser), next=next_path, link_to=link_to
        )
        await self._pending.begin(state, begun)
        return OAuthRedirect(url, state, browser)

    async def arrive(self, back: Return, *, browser: str | None, user_agent: str | None) -> OAuthResult:
        """End a sign-in in a browser, whatever has come of it. The state counts no more afterwards.

        Raises:
            SignInExpiredError: it was not begun in this browser, was ended before, or took too long.
            ProblemError: nobody can be signed in, or connected, for a reason that the person has to know.
        """
        begun = await self._pending.take(back.state, browser)
        if back.canceled and not back.code:
            return OAuthResult(None, begun.next, canceled=True)
        if back.error or not back.code:
            _log.info("sign_in_denied", error=(back.error or "no code")[:64])
            return OAuthResult(None, begun.next, denied=True)
        try:
            pair = await self._sign_in.exchange(
                code=back.code, verifier=begun.verifier, redirect_url=begun.redirect_url
            )
        except GrantError as error:
            if error.error != "invalid_grant":
                raise
            raise SignInExpiredError from None
        grant = await self._admit(pair, begun.link_to, user_agent)
        tone_id = None if back.canceled else back.tone_id
        return OAuthResult(grant, begun.next, tone_id=tone_id, canceled=back.canceled)

    async def start_device(self, link_to: Principal | None) -> tuple[str, DeviceCode]:
        """Begin a sign-in on a device; return what it asks with, and what to show.

        Raises:
            NotConfiguredError: this installation has no key of TONE3000.
        """
        begun = await self._sign_in.start_device()
        sign_in = DeviceSignIn(device_code=begun.device_code, interval=max(1, begun.interval), link_to=link_to)
        return await self._pending.begin_device(sign_in, begun.expires_in), begun

    async def poll_device(self, handle: str, *, user_agent: str | None) -> Grant | int:
        """Return a session once somebody has let the device in; until then, after how many seconds to ask again.

        TONE3000 is asked no more often than it wants, however often the device asks.

        Raises:
            SignInExpiredError: no such sign-in (any more).
            SignInDeniedError: somebody has said no.
        """
        begun = await self._pending.device(handle)
        if not await self._pending.may_ask(handle):
            return begun.interval
        try:
            pair = await self._sign_in.poll_device(begun.device_code)
        except GrantError as error:
            return await self._not_yet(handle, begun, error)
        except BaseException:
            await self._pending.wait(handle, begun)
            raise
        await self._pending.end_device(handle)
        return await self._admit(pair, begun.link_to, user_agent)

    async def _not_yet(self, handle: str, begun: DeviceSignIn, error: GrantError) -> int:
        if not error.is_final:
            slower = SLOWER_S if error.error == "slow_down" else 0
            begun = msgspec.structs.replace(begun, interval=begun.interval + slower)
            await self._pending.wait(handle, begun)
            return begun.interval
        await self._pending.end_device(handle)
        if error.error == "access_denied":
            raise SignInDeniedError
        if error.error in ("expired_token", "invalid_grant"):
            raise SignInExpiredError
        raise error

    async def _admit(self, pair: TokenPair, link_to: Principal | None, user_agent: str | None) -> Grant:
        """Find out who it is, connect them, and start a session.

        Who is to be connected must not have been signed out meanwhile: whoever had stolen a credential would stay.
        """
        person = await self._tone3000.user(pair.access_token)
        if not 0 < len(person.id) <= 64 or not person.id.isprintable():
            raise BadAnswerError("a person without an id")
        if link_to is None:
            user_id = await self._store.get_owner_of(person.id) or await self._sign_up(person)
        elif await self._sessions.is_valid(link_to):
            user_id = link_to.user_id
        else:
            raise SignInExpiredError
        user = await self._accounts.get_user(user_id)
        if not user.is_active:
            raise UserDisabledError(user.name)
        await self._store.connect(user_id, person, pair)
        return await self._sessions.start_for(user_id, user_agent=user_agent)

    async def _sign_up(self, person: User) -> UUID:
        if not self._settings.security.sign_up:
            raise SignUpClosedError
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", person.username).strip("._-")[:56] or "player"
        user = await self._accounts.create_user_like(stem, display_name=plain(person.name)[:100] or None)
        _log.info("signed_up", user_id=str(user.id))
        return user.id
