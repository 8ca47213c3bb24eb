"""Object storage of uploads and results: a folder, or a bucket (S3, Google Cloud Storage, Azure)."""

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
"""Options of the HTTP client; all others configure the store."""
_RETRIES: Final[Any] = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
}
"""Failed requests are retried for ten seconds, the longest wait before an outage is reported."""
THREADS_S: Final = 0.05
"""Time that threads of the store get to release results, seconds: many times what they take."""
PROBE_BYTES: Final = 1 << 16
_PROBE_PREFIX: Final = "health"


class MissingObjectError(LookupError):
    """There is no object under the key."""


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object opened for reading.

    Attributes:
        size: size of the whole object in bytes.
        chunks: the requested bytes.
    """

    size: int
    chunks: AsyncIterator[bytes]


class Storage:
    """Objects by key. Keys consist of ids and hashes, never of client input."""

    def __init__(self, store: ObjectStore, *, folder: Path | None = None) -> None:
        self._store = store
        self.folder = folder
        """Local folder of the objects, None for a bucket."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Open the configured store.

        Raises:
            SettingsError: its URL or options are invalid.
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
            if type(error).__name__ != "PanicException":  # raised by obstore 0.12 for an unknown option
                raise
            raise SettingsError(f"SHOOTOUT_STORAGE_OPTIONS: {_first_line(error)}") from None

    async def put(self, key: str, content: bytes | Path) -> None:
        """Store `content` under `key`, atomically."""
        await obstore.put_async(self._store, key, content)

    async def read(self, key: str) -> bytes:
        """Return a whole object.

        Raises:
            MissingObjectError: there is no object under the key.
        """
        try:
            result = await obstore.get_async(self._store, key)
        except FileNotFoundError:
            raise MissingObjectError(key) from None
        return bytes(await result.bytes_async())

    def read_blocking(self, key: str) -> bytes:
        """Return a whole object, without an event loop: for threads, and stores that respond at once.

        Raises:
            MissingObjectError: there is no object under the key.
        """
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except FileNotFoundError:
            raise MissingObjectError(key) from None

    async def open(self, key: str, *, start: int = 0, end: int | None = None) -> OpenObject:
        """Open the bytes from `start` up to, not including, `end`; return once the store has found the object.

        Raises:
            MissingObjectError: there is no object under the key.
        """
        options: Any = None  # no range for the whole object: no range of an empty object is satisfiable
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
            MissingObjectError: there is no object under the key.
        """
        async for chunk in (await self.open(key, start=start, end=end)).chunks:
            yield chunk

    async def fetch(self, key: str, path: Path) -> str:
        """Copy an object into a file and return its SHA-256.

        Raises:
            MissingObjectError: there is no object under the key.
        """
        digest = hashlib.sha256()
        with path.open("wb") as file:
            async for chunk in self.stream(key):
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    async def exists(self, key: str) -> bool:
        """Return whether there is an object under `key`."""
        return await self.size_of(key) is not None

    async def size_of(self, key: str) -> int | None:
        """Return the size of an object in bytes, None if it does not exist."""
        try:
            return int((await obstore.head_async(self._store, key))["size"])
        except FileNotFoundError:
            return None

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; missing ones are ignored."""
        for key in keys:
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                continue

    async def delete_prefix(self, prefix: str) -> None:
        """Delete all objects under `prefix`."""
        async for batch in obstore.list(self._store, prefix=prefix):
            await self.delete(item["path"] for item in batch)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys of all objects under `prefix`."""
        async for key, _, _ in self.entries(prefix):
            yield key

    async def entries(self, prefix: str) -> AsyncIterator[tuple[str, int, datetime]]:
        """Yield key, size in bytes and time of the last writing of all objects under `prefix`."""
        async for batch in obstore.list(self._store, prefix=prefix):
            for item in batch:
                yield item["path"], item["size"], item["last_modified"]

    async def older_than(self, prefix: str, before: datetime) -> AsyncIterator[list[str]]:
        """Yield, in batches, the keys under `prefix` that were last written before `before`."""
        async for batch in obstore.list(self._store, prefix=prefix):
            yield [item["path"] for item in batch if item["last_modified"] < before]

    async def size(self, prefix: str) -> tuple[int, int]:
        """Return the number of objects under `prefix`, and their total size in bytes."""
        sizes = [size async for _, size, _ in self.entries(prefix)]
        return len(sizes), sum(sizes)

    async def aclose(self) -> None:
        """Wait until the threads of the store have released the last results.

        They drop their references to Python objects just after the caller has the result; if the interpreter ends
        meanwhile, it aborts.
        """
        await asyncio.sleep(THREADS_S)

    async def check(self) -> None:
        """Check that the store is reachable, and that its bucket or folder exists.

        Raises:
            StorageError: the store does not respond, or denies access.
            OSError: the folder is missing or not writable.
        """
        if self.folder is not None:
            if not await asyncio.to_thread(self.folder.is_dir):
                raise FileNotFoundError(errno.ENOENT, "the storage folder does not exist", str(self.folder))
            if not await asyncio.to_thread(os.access, self.folder, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "the storage folder can't be written to", str(self.folder))
        # A listing: a missing object looks the same in a missing bucket.
        await obstore.list_with_delimiter_async(self._store, prefix=_PROBE_PREFIX)

    async def probe(self, name: str) -> None:
        """Write an object, read it back and delete it.

        Args:
            name: unique name of the caller, so that concurrent probes use different keys.

        Raises:
            StorageError: the store does not respond, or denies access.
            OSError: the folder is missing or not writable.
            StorageFaultError: the content read differs from what was written.
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
    """Return the first line of an error of the store, without its debug output."""
    return str(error).partition("\n")[0] or type(error).__name__
