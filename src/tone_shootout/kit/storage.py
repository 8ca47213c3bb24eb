"""Where uploads and results are kept: a folder by default, S3 and its like by address."""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.settings import Settings, SettingsError, store_options, store_url

CHUNK_BYTES = 1 << 18
_CLIENT_OPTIONS = frozenset({"allow_http", "connect_timeout", "timeout", "proxy_url", "user_agent"})
"""Options that concern the connection; all others are the store's own."""
_RETRIES: Final[Any] = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
}
"""A request that fails is sent again for ten seconds: callers wait no longer to learn that the store is away."""
PROBE_BYTES: Final = 1 << 16
_PROBE_PREFIX: Final = "health"


class MissingObjectError(LookupError):
    """Nothing is stored under the key."""


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object that is there, and has begun to come.

    Attributes:
        size: bytes of the whole object.
        chunks: what was asked for, of it.
    """

    size: int
    chunks: AsyncIterator[bytes]


class Storage:
    """Objects by key. Keys are made of ids and hashes by our own code, never of what a client sent."""

    def __init__(self, store: ObjectStore, *, folder: Path | None = None) -> None:
        self._store = store
        self.folder = folder
        """Where the objects are, if that is a folder of this machine."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Open the store that the settings name.

        Raises:
            SettingsError: its address can't be used.
        """
        url = store_url(settings.storage_url)
        options = store_options(url, settings.storage.options)
        client: Any = {name: value for name, value in options.items() if name in _CLIENT_OPTIONS}
        config: Any = {name: value for name, value in options.items() if name not in _CLIENT_OPTIONS}
        variable = "SHOOTOUT_STORAGE_OPTIONS" if options else "SHOOTOUT_STORAGE_URL"
        try:
            if urlsplit(url).scheme == "file":
                variable = "SHOOTOUT_STORAGE_URL" if settings.storage.url else "SHOOTOUT_DATA"
                folder = Path(url2pathname(urlsplit(url).path))
                return cls(LocalStore.from_url(url, automatic_cleanup=True, mkdir=True), folder=folder)
            retries = None if urlsplit(url).scheme == "memory" else _RETRIES
            return cls(from_url(url, config=config or None, client_options=client or None, retry_config=retries))
        except (obstore.exceptions.BaseError, ValueError, OSError) as error:
            raise SettingsError(f"{variable}: {_first_line(error)}") from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # what obstore 0.12 raises over an option it does not know
                raise
            raise SettingsError(f"SHOOTOUT_STORAGE_OPTIONS: {_first_line(error)}") from None

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

    async def open(self, key: str, *, start: int = 0, end: int | None = None) -> OpenObject:
        """Ask for the bytes from `start` up to, not including, `end`, and return when the store has found them.

        Raises:
            MissingObjectError: there is no such object.
        """
        options: Any = None  # no range where the whole is meant: an empty object has none that could be satisfied
        if end is not None:
            options = {"range": (start, end)}
        elif start:
            options = {"range": {"offset": start}}
        try:
            result = await obstore.get_async(self._store, key, options=options)
        except FileNotFoundError:
            raise MissingObjectError(key) from None
        stream = result.stream(min_chunk_size=CHUNK_BYTES)

        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in stream:
                yield bytes(chunk)

        return OpenObject(size=result.meta["size"], chunks=chunks())

    async def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to, not including, `end`.

        Raises:
            MissingObjectError: there is no such object.
        """
        async for chunk in (await self.open(key, start=start, end=end)).chunks:
            yield chunk

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
        return await self.size_of(key) is not None

    async def size_of(self, key: str) -> int | None:
        """Return how many bytes are stored under `key`, None where there is nothing."""
        try:
            return int((await obstore.head_async(self._store, key))["size"])
        except FileNotFoundError:
            return None

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
        """Raise what goes wrong when the store is asked for something: a bucket or folder that is missing, too.

        Raises:
            StorageError: the store does not answer, or refuses.
            OSError: its folder is not there, or can't be written to.
        """
        if self.folder is not None:
            if not await asyncio.to_thread(self.folder.is_dir):
                raise FileNotFoundError(errno.ENOENT, "the storage folder does not exist", str(self.folder))
            if not await asyncio.to_thread(os.access, self.folder, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "the storage folder can't be written to", str(self.folder))
        # A listing, because an object that is asked for is not found in a bucket that does not exist, either.
        await obstore.list_with_delimiter_async(self._store, prefix=_PROBE_PREFIX)

    async def probe(self, name: str) -> None:
        """Store something, read it again and delete it: raise what goes wrong with that.

        Args:
            name: of whoever asks, so that two who do so at once don't meet.

        Raises:
            StorageError: the store does not answer, or refuses.
            OSError: its folder can't be used.
            StorageFaultError: what comes back is not what was stored.
        """
        await self.check()
        key, content = f"{_PROBE_PREFIX}/{name}", os.urandom(PROBE_BYTES)
        await self.put(key, content)
        try:
            if await self.read(key) != content:
                raise StorageFaultError(key, is_missing=False)
        except MissingObjectError:
            raise StorageFaultError(key, is_missing=True) from None
        finally:
            await self.delete([key])


def _first_line(error: BaseException) -> str:
    """Return what the store says of an error, without the source of it that it prints below."""
    return str(error).partition("\n")[0] or type(error).__name__
