"""Sound that was rendered before, as bytes and in a folder: bounded, checked, safe to share between processes.

It is kept by content hash (`keys`) and before the level match, so neither names nor levels make it stale, and what
comes out of it is what rendering would have given, bit for bit.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

CACHE_BYTES: Final = 2_000_000_000
"""How much a folder keeps, unless told otherwise: about three hours of sound."""

_DIGEST_BYTES: Final = 32
_SAMPLES: Final = np.dtype("<f4")
_SUFFIX: Final = ".sound"
# Nothing else in the folder is ever touched, whichever folder somebody names.
_OURS: Final = re.compile(r"[0-9a-f]{64}\.(sound|[^.]+\.partial)")


def encode_sound(key: str, samples: NDArray[np.float32]) -> bytes:
    """Return samples, shape (T,), as bytes: the SHA-256 of key and samples, then the samples, 32-bit little-endian."""
    body = samples.astype(_SAMPLES, copy=False).tobytes()
    return _digest(key, body) + body


def decode_sound(key: str, content: bytes) -> NDArray[np.float32] | None:
    """Return the samples, shape (T,), None where `content` is not what was written under `key`, or not finite."""
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if len(body) % _SAMPLES.itemsize or _digest(key, body) != digest:
        return None
    samples = np.frombuffer(body, _SAMPLES).astype(np.float32)
    return samples if bool(np.isfinite(samples).all()) else None


class SoundFolder:
    """Rendered sound in a folder (`reporter.SoundStore`).

    A file comes into its place whole, by renaming. The time of its last use is its modification time; when the folder
    holds more than it may, what was used longest ago goes. What can't be read counts as not there, what can't be
    written is not kept: neither stops a rendering.
    """

    def __init__(self, folder: Path, *, max_bytes: int = CACHE_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def get(self, key: str) -> NDArray[np.float32] | None:
        """Return the samples that are kept under `key`, shape (T,), None where there are none. Damaged files go."""
        path = self._path(key)
        try:
            samples = decode_sound(key, path.read_bytes())
            if samples is None:
                path.unlink(missing_ok=True)
            else:
                os.utime(path)
        except OSError:
            return None
        return samples

    def put(self, key: str, samples: NDArray[np.float32]) -> None:
        """Keep samples, shape (T,)."""
        content = encode_sound(key, samples)
        if len(content) > self._max_bytes:
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f"{key}.", suffix=".partial", dir=self._folder)
            try:
                with open(handle, "wb") as file:  # noqa: PTH123 - a handle, not a path
                    file.write(content)
                Path(name).replace(self._path(key))
            finally:
                Path(name).unlink(missing_ok=True)
            self._evict()

    def _evict(self) -> None:
        """Delete what was used longest ago until the rest fits; leftovers of killed processes are among it."""
        found = sorted(self._survey(), reverse=True)
        total = 0
        for _, size, path in found:
            total += size
            if total > self._max_bytes:
                path.unlink(missing_ok=True)

    def _survey(self) -> Iterator[tuple[int, int, Path]]:
        for path in self._folder.iterdir():
            if _OURS.fullmatch(path.name):
                with suppress(FileNotFoundError):
                    found = path.stat()
                    yield found.st_mtime_ns, found.st_size, path

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"


def _digest(key: str, body: bytes) -> bytes:
    return hashlib.sha256(key.encode() + body).digest()
