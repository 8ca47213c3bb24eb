"""State of pending sign-ins with TONE3000, in Redis.

Keys are hashes, and entries expire. A sign-in in a browser can be finished once, and only with the cookie that the
browser got with its state: nobody can sign another person in with a prepared link (login CSRF).
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
"""Maximum duration of a sign-in in a browser in seconds, the lifetime of TONE3000's codes."""
DEVICE_HANDLE_PREFIX: Final = "tsd_"
MAX_STATE_LENGTH: Final = 128
POLL_LOCK_S: Final = 60
"""Maximum time in seconds that one poll blocks the next."""


class BrowserSignIn(Struct, frozen=True, kw_only=True):
    """A pending sign-in in a browser."""

    verifier: str
    redirect_url: str
    browser: str
    """Hash of the browser's cookie."""
    next: str | None
    """Path to redirect to afterwards."""
    link_to: Principal | None
    """User to connect with the TONE3000 account; None: sign in the account's own user."""

    def __repr__(self) -> str:
        """Return a text without secrets."""
        return "BrowserSignIn(…)"


class DeviceSignIn(Struct, frozen=True, kw_only=True):
    """A pending sign-in of a device."""

    device_code: str
    interval: int
    link_to: Principal | None

    def __repr__(self) -> str:
        """Return a text without secrets."""
        return "DeviceSignIn(…)"


class PendingSignIns:
    """Stores pending sign-ins."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add_browser(self, state: str, sign_in: BrowserSignIn) -> None:
        """Store the sign-in of a browser by its state."""
        await self._redis.set(_key("browser", state), msgspec.json.encode(sign_in), ex=BROWSER_SIGN_IN_S)

    async def pop_browser(self, state: str, browser: str | None) -> BrowserSignIn:
        """Remove and return the sign-in of a browser.

        Args:
            state: state of the sign-in.
            browser: value of the browser's cookie.

        Raises:
            SignInExpiredError: the state is unknown, used or expired, or belongs to another browser.
        """
        found: bytes | None = None
        if 0 < len(state) <= MAX_STATE_LENGTH:
            found = await self._redis.getdel(_key("browser", state))
        sign_in = None if found is None else msgspec.json.decode(found, type=BrowserSignIn)
        if sign_in is None or not secrets.compare_digest(sign_in.browser, hash_secret(browser or "")):
            raise SignInExpiredError
        return sign_in

    async def add_device(self, sign_in: DeviceSignIn, lifetime_s: int) -> str:
        """Store the sign-in of a device for `lifetime_s` seconds; return the handle to poll with."""
        handle = DEVICE_HANDLE_PREFIX + secrets.token_urlsafe(32)
        await self._redis.set(_key("device", handle), msgspec.json.encode(sign_in), ex=max(1, lifetime_s))
        await self._block_polls(handle, sign_in.interval)
        return handle

    async def get_device(self, handle: str) -> DeviceSignIn:
        """Return the sign-in of a device.

        Raises:
            SignInExpiredError: the handle is unknown, or the sign-in has ended.
        """
        found: bytes | None = await self._redis.get(_key("device", handle))
        if found is None:
            raise SignInExpiredError
        return msgspec.json.decode(found, type=DeviceSignIn)

    async def try_start_poll(self, handle: str) -> bool:
        """Lock a device for a poll of TONE3000; return False before the end of the interval or during another poll."""
        return bool(await self._redis.set(_key("rest", handle), b"", nx=True, ex=POLL_LOCK_S))

    async def reschedule_device(self, handle: str, sign_in: DeviceSignIn) -> None:
        """Update the sign-in of a device and block polls for its interval."""
        await self._redis.set(_key("device", handle), msgspec.json.encode(sign_in), xx=True, keepttl=True)
        await self._block_polls(handle, sign_in.interval)

    async def delete_device(self, handle: str) -> None:
        """Delete the sign-in of a device."""
        await self._redis.delete(_key("device", handle))

    async def _block_polls(self, handle: str, seconds: int) -> None:
        await self._redis.set(_key("rest", handle), b"", ex=seconds)


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a secret. 128 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(kind: str, secret: str) -> str:
    return f"shootout:sign-in:{kind}:{hash_secret(secret)}"
