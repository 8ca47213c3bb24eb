"""Where uploads and results are kept: a folder by default, S3 and its like by address."""

import hashlib
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from tone_shootout.kit.settings import Settings, SettingsError

CHUNK_BYTES = 1 << 18
_CLIENT_OPTIONS = frozenset({"allow_http", "connect_timeout", "timeout", "proxy_url", "user_agent"})
"""Options that concern the connection; all others are the store's own."""


class MissingObjectError(LookupError):
    """Nothing is stored under the key."""


class Storage:
    """Objects by key. Keys are made of ids and hashes by our own code, never of what a client sent."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Open the store that the settings name.

        Raises:
            SettingsError: its address can't be used.
        """
        url, options = settings.storage_url, settings.storage.options
        client: Any = {name: value for name, value in options.items() if name in _CLIENT_OPTIONS}
        config: Any = {name: value for name, value in options.items() if name not in _CLIENT_OPTIONS}
        try:
            if urlsplit(url).scheme == "file":
                return cls(LocalStore.from_url(url, automatic_cleanup=True, mkdir=True))
            return cls(from_url(url, config=config or None, client_options=client or None))
        except (obstore.exceptions.BaseError, ValueError) as error:
            raise SettingsError(f"SHOOTOUT_STORAGE_URL: {error}") from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # what obstore 0.12 raises over an option it does not know
                raise
            raise SettingsError(f"SHOOTOUT_STORAGE_OPTIONS: {error}") from None

    async def put(self, key: str, content: bytes | Path) -> None:
        """Store `content` under `key`, whole or not at all."""
        await obstore.put_async(self._store, key, content)

    async def read(self, key: str) -> bytes:
        """Return a whole object.

        Raises:
            MissingObjectError: there is none.
        """
        try:
            result = await obstore.get_async(self._store, key)
        except FileNotFoundError:
            raise MissingObjectError(key) from None
        return bytes(await result.bytes_async())

    async def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to, not including, `end`.

        Raises:
            MissingObjectError: there is no such object.
        """
        options: Any = {"range": (start, end)} if end is not None else {"range": {"offset": start}}
        try:
            result = await obstore.get_async(self._store, key, options=options)
        except FileNotFoundError:
            raise MissingObjectError(key) from None
        async for chunk in result.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)

    async def fetch(self, key: str, path: Path) -> str:
        """Copy an object into a file and return its SHA-256.

        Raises:
            MissingObjectError: there is no such object.
        """
        digest = hashlib.sha256()
        with path.open("wb") as file:
            async for chunk in self.stream(key):
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    async def exists(self, key: str) -> bool:
        """Tell whether something is stored under `key`."""
        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        return True

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete what is there of `keys`."""
        for key in keys:
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                continue

    async def delete_prefix(self, prefix: str) -> None:
        """Delete everything under `prefix`."""
        async for batch in obstore.list(self._store, prefix=prefix):
            await self.delete(item["path"] for item in batch)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys of everything under `prefix`."""
        async for batch in obstore.list(self._store, prefix=prefix):
            for item in batch:
                yield item["path"]

    async def older_than(self, prefix: str, before: datetime) -> AsyncIterator[list[str]]:
        """Yield, some at a time, the keys of what is under `prefix` and was last written before `before`."""
        async for batch in obstore.list(self._store, prefix=prefix):
            yield [item["path"] for item in batch if item["last_modified"] < before]

    async def size(self, prefix: str) -> tuple[int, int]:
        """Return how many objects are under `prefix`, and how many bytes they have."""
        sizes = [item["size"] async for batch in obstore.list(self._store, prefix=prefix) for item in batch]
        return len(sizes), sum(sizes)

    async def check(self) -> None:
        """Raise what goes wrong when the store is asked for something."""
        await self.exists("health")
