"""What was made before, sealed and in a folder: bounded, checked, safe to share between processes.

It is kept by the hash of what it was made of (`keys`, `products`), so nothing makes it stale, and what comes out of it
is what making it again would have given, bit for bit.
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
"""How much a folder keeps, unless told otherwise: more than an hour of sound, with all that is made of it."""

_DIGEST_BYTES: Final = 32
_SUFFIX: Final = ".kept"
# The share of a folder that is cleared at once when it is full, so that not every file that comes means a look at all.
_CLEARED: Final = 16
# Nothing else in the folder is ever touched, whichever folder somebody names.
_OURS: Final = re.compile(r"[0-9a-f]{64}\.(kept|[^.]+\.partial)")


def seal(key: str, content: bytes) -> bytes:
    """Return the SHA-256 of key and content, then the content."""
    return _digest(key, content) + content


def unseal(key: str, sealed: bytes) -> bytes | None:
    """Return the content, None where `sealed` is not what was written under `key`."""
    digest, content = sealed[:_DIGEST_BYTES], sealed[_DIGEST_BYTES:]
    return content if _digest(key, content) == digest else None


class StoreFolder:
    """A store in a folder (`reporter.Store`).

    A file comes into its place whole, by renaming. The time of its last use is its modification time; when the folder
    would hold more than it may, what was used longest ago goes; of several processes each may put a sixteenth in before
    it looks what the others have put. What can't be read counts as not there, what can't be written is not kept:
    neither stops a rendering.
    """

    def __init__(self, folder: Path, *, max_bytes: int = CACHE_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._room = 0

    def get(self, key: str) -> bytes | None:
        """Return what is kept under `key`, None where there is nothing. Damaged files go."""
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
        """Keep something."""
        sealed = seal(key, content)
        if len(sealed) > self._max_bytes:
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f"{key}.", suffix=".partial", dir=self._folder)
            try:
                with open(handle, "wb") as file:  # noqa: PTH123 - a handle, not a path
                    file.write(sealed)
                Path(name).replace(self._path(key))
            finally:
                Path(name).unlink(missing_ok=True)
            self._room -= len(sealed)
            if self._room < 0:
                self._evict()

    def _evict(self) -> None:
        """Delete what was used longest ago until the rest fits; leftovers of killed processes are among it."""
        found = sorted(self._survey(), reverse=True)
        most, step = self._max_bytes, self._max_bytes // _CLEARED
        if sum(size for _, size, _ in found) > most:
            most -= step
        total = kept = 0
        for number, (_, size, path) in enumerate(found):
            total += size
            if number and total > most:
                path.unlink(missing_ok=True)
            else:
                kept = total
        self._room = min(most - kept, step)

    def _survey(self) -> Iterator[tuple[int, int, Path]]:
        for path in self._folder.iterdir():
            if _OURS.fullmatch(path.name):
                with suppress(FileNotFoundError):
                    found = path.stat()
                    yield found.st_mtime_ns, found.st_size, path

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"


def _digest(key: str, content: bytes) -> bytes:
    digest = hashlib.sha256(key.encode())
    digest.update(content)
    return digest.digest()
