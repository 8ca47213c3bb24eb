"""A store of earlier results in a folder: limited in size, with checksums, safe to share between processes.

Keys are hashes of everything that decides the content (`plan.keys`, `result_cache`), so entries never become stale, and
an entry is bit-identical to a new result.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

CACHE_BYTES: Final = 2_000_000_000
"""Default size limit: more than an hour of audio with all files made from it."""

_DIGEST_BYTES: Final = 32
_SUFFIX: Final = ".kept"
# A full folder is cleared by this share of its limit at once, so that not every `put` has to list it.
_EVICTED_SHARE: Final = 16
# Other files in the folder are never deleted, because users choose the folder.
_ENTRY: Final = re.compile(r"[0-9a-f]{64}\.(kept|[^.]+\.partial)")


def seal(key: str, content: bytes) -> bytes:
    """Return the SHA-256 of key and content, followed by the content."""
    return _digest(key, content) + content


def unseal(key: str, sealed: bytes) -> bytes | None:
    """Return the content, None if `sealed` was not written under `key` or is damaged."""
    digest, content = sealed[:_DIGEST_BYTES], sealed[_DIGEST_BYTES:]
    return content if _digest(key, content) == digest else None


class StoreFolder:
    """A store in a folder (`reporter.Store`).

    Files are written under another name and renamed. The modification time is the time of last use. When the folder
    exceeds its limit, the least recently used entries are deleted; each process may add a sixteenth of the limit before
    it checks what others have added. Unreadable entries count as missing and failed writes are ignored, so the store
    never stops a rendering.
    """

    def __init__(self, folder: Path, *, max_bytes: int = CACHE_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._free = 0

    def get(self, key: str) -> bytes | None:
        """Return the content under `key`, None if there is none. Damaged files are deleted."""
        path = self._path(key)
        try:
            content = unseal(key, path.read_bytes())
            if content is None:
                path.unlink(missing_ok=True)
            else:
                os.utime(path)
        except OSError:
            return None
        return content

    def put(self, key: str, content: bytes) -> None:
        """Store content under `key`, unless it is larger than the limit."""
        sealed = seal(key, content)
        if len(sealed) > self._max_bytes:
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f"{key}.", suffix=".partial", dir=self._folder)
            try:
                with open(handle, "wb") as file:  # noqa: PTH123 - a file descriptor, not a path
                    file.write(sealed)
                Path(name).replace(self._path(key))
            finally:
                Path(name).unlink(missing_ok=True)
            self._free -= len(sealed)
            if self._free < 0:
                self._evict()

    def _evict(self) -> None:
        """Delete the least recently used entries, and leftovers of killed processes, until the rest fits."""
        found = sorted(self._entries(), reverse=True)
        limit, step = self._max_bytes, self._max_bytes // _EVICTED_SHARE
        if sum(size for _, size, _ in found) > limit:
            limit -= step
        total = retained = 0
        for number, (_, size, path) in enumerate(found):
            total += size
            if number and total > limit:
                path.unlink(missing_ok=True)
            else:
                retained = total
        self._free = min(limit - retained, step)

    def _entries(self) -> Iterator[tuple[int, int, Path]]:
        for path in self._folder.iterdir():
            if _ENTRY.fullmatch(path.name):
                with suppress(FileNotFoundError):
                    found = path.stat()
                    yield found.st_mtime_ns, found.st_size, path

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"


def _digest(key: str, content: bytes) -> bytes:
    digest = hashlib.sha256(key.encode())
    digest.update(content)
    return digest.digest()
