"""Segments that an earlier attempt at a job has rendered, so that the next one does not start from nothing."""

import asyncio
import hashlib
import io

import numpy as np
import structlog
from numpy.typing import NDArray
from obstore.exceptions import BaseError as StorageError

from tone_shootout.kit.storage import MissingObjectError, Storage

_DIGEST_BYTES = 32
_log = structlog.get_logger(__name__)


class KeptSegments:
    """A job's rendered segments in the object store (`rendering.produce.SegmentStore`).

    Called from the thread that renders. What can't be read, or is not what was written, counts as not there; what can't
    be written is rendered again by the next attempt: neither is a reason to fail.
    """

    def __init__(self, storage: Storage, prefix: str, loop: asyncio.AbstractEventLoop) -> None:
        self._storage = storage
        self._prefix = prefix
        self._loop = loop

    def get(self, key: str) -> NDArray[np.float32] | None:
        """Return a segment's samples, shape (T,), None where there are none."""
        reading = asyncio.run_coroutine_threadsafe(self._storage.read(self._key(key)), self._loop)
        try:
            content = reading.result()
        except MissingObjectError:
            return None
        except (StorageError, OSError):
            _log.warning("kept segment not read", key=key, exc_info=True)
            return None
        digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            _log.warning("kept segment damaged", key=key)
            return None
        samples: NDArray[np.float32] = np.load(io.BytesIO(body), allow_pickle=False)
        return samples

    def put(self, key: str, samples: NDArray[np.float32]) -> None:
        """Keep a segment's samples, shape (T,)."""
        file = io.BytesIO()
        np.save(file, samples, allow_pickle=False)
        body = file.getvalue()
        content = hashlib.sha256(body).digest() + body
        writing = asyncio.run_coroutine_threadsafe(self._storage.put(self._key(key), content), self._loop)
        try:
            writing.result()
        except (StorageError, OSError):
            _log.warning("segment not kept", key=key, exc_info=True)

    async def forget(self) -> None:
        """Delete everything that was kept."""
        try:
            await self._storage.delete_prefix(self._prefix)
        except (StorageError, OSError):
            _log.warning("kept segments not deleted", prefix=self._prefix, exc_info=True)

    def _key(self, key: str) -> str:
        return f"{self._prefix}/{key}"
