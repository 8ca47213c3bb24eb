"""Sign-ins that are under way: what has to be known again when somebody comes back from TONE3000.

Kept in the broker by hash, used once, gone after a while. A browser has to bring the cookie that it was given with its
state, so that nobody is signed in as somebody else by following a link.
"""

import hashlib
import secrets
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from tone_shootout.accounts.errors import SignInExpiredError
from tone_shootout.accounts.principal import Principal

T = TypeVar("T")

BROWSER_SIGN_IN_S: Final = 1800
"""Seconds that somebody may take at TONE3000: as long as its own codes are good."""
DEVICE_MARK: Final = "tsd_"
LONGEST_STATE: Final = 128
ASKING_S: Final = 60
"""Longest that one poll may keep others from asking."""


class BrowserSignIn(Struct, frozen=True, kw_only=True):
    """A browser that was sent to TONE3000."""

    verifier: str
    redirect_url: str
    browser: str
    """Hash of the cookie that it was given."""
    next: str | None
    """Path of ours that it goes on to."""
    link_to: Principal | None
    """Who wants to be connected, and with what they have asked; None: whoever it turns out to be signs in."""

    def __repr__(self) -> str:
        """Show nothing that must stay secret."""
        return "BrowserSignIn(…)"


class DeviceSignIn(Struct, frozen=True, kw_only=True):
    """A device that waits for somebody to finish in a browser."""

    device_code: str
    interval: int
    link_to: Principal | None

    def __repr__(self) -> str:
        """Show nothing that must stay secret."""
        return "DeviceSignIn(…)"


class PendingSignIns:
    """Keeps them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def begin(self, state: str, sign_in: BrowserSignIn) -> None:
        """Remember a browser."""
        await self._redis.set(_key("browser", state), msgspec.json.encode(sign_in), ex=BROWSER_SIGN_IN_S)

    async def take(self, state: str, browser: str | None) -> BrowserSignIn:
        """Return what was begun with a state, once, to the browser that began it.

        Raises:
            SignInExpiredError: no such state (any more), or another browser.
        """
        found: bytes | None = None
        if 0 < len(state) <= LONGEST_STATE:
            found = await self._redis.getdel(_key("browser", state))
        sign_in = None if found is None else msgspec.json.decode(found, type=BrowserSignIn)
        if sign_in is None or not secrets.compare_digest(sign_in.browser, hashed(browser or "")):
            raise SignInExpiredError
        return sign_in

    async def begin_device(self, sign_in: DeviceSignIn, seconds: int) -> str:
        """Remember a device, and return what it asks with."""
        handle = DEVICE_MARK + secrets.token_urlsafe(32)
        await self._redis.set(_key("device", handle), msgspec.json.encode(sign_in), ex=max(1, seconds))
        await self._rest(handle, sign_in.interval)
        return handle

    async def device(self, handle: str) -> DeviceSignIn:
        """Return what was begun for a device.

        Raises:
            SignInExpiredError: nothing, or it has ended.
        """
        found: bytes | None = await self._redis.get(_key("device", handle))
        if found is None:
            raise SignInExpiredError
        return msgspec.json.decode(found, type=DeviceSignIn)

    async def may_ask(self, handle: str) -> bool:
        """Tell whether it is time to ask for a device again; whoever is told so is the only one."""
        return bool(await self._redis.set(_key("rest", handle), b"", nx=True, ex=ASKING_S))

    async def wait(self, handle: str, sign_in: DeviceSignIn) -> None:
        """Let a device wait for another interval."""
        await self._redis.set(_key("device", handle), msgspec.json.encode(sign_in), xx=True, keepttl=True)
        await self._rest(handle, sign_in.interval)

    async def end_device(self, handle: str) -> None:
        """Forget a device."""
        await self._redis.delete(_key("device", handle))

    async def _rest(self, handle: str, seconds: int) -> None:
        await self._redis.set(_key("rest", handle), b"", ex=seconds)


def hashed(secret: str) -> str:
    """Return the hash under which a secret is kept: 128 random bits and more need no slower one."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(kind: str, secret: str) -> str:
    return f"shootout:sign-in:{kind}:{hashed(secret)}"
