"""Decoded results of a job."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from tone_shootout.jobs.errors import NoResultsError
from tone_shootout.jobs.models import JobArtifact
from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.rendering.output.manifest import Manifest, decode_manifest
from tone_shootout.rendering.output.result_folder import MANIFEST_NAME

T = TypeVar("T")


async def read_result(
    storage: Storage, artifacts: Iterable[JobArtifact], path: str, decode: Callable[[bytes], T]
) -> T | None:
    """Return the decoded content of a result, None if the job has none at this path.

    Args:
        storage: the object storage.
        artifacts: artifacts of the job.
        path: path of the result.
        decode: decodes its content, in a thread; raises `msgspec.DecodeError`.

    Raises:
        StorageFaultError: the object is missing or damaged.
        StorageError: the storage is unavailable.
    """
    key = next((each.storage_key for each in artifacts if each.path == path), None)
    if key is None:
        return None
    try:
        return await asyncio.to_thread(decode, await storage.read(key))
    except MissingObjectError:
        raise StorageFaultError(key, is_missing=True) from None
    except msgspec.DecodeError:
        raise StorageFaultError(key, is_missing=False) from None


async def load_manifest(storage: Storage, artifacts: Iterable[JobArtifact]) -> Manifest:
    """Return the manifest of a job; see `read_result`.

    Raises:
        NoResultsError: the job has none, because it was not completed.
    """
    manifest = await read_result(storage, artifacts, MANIFEST_NAME, decode_manifest)
    if manifest is None:
        raise NoResultsError
    return manifest
