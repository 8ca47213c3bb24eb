"""The results of a job as one ZIP archive, as they are or with all that belongs to them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from tone_shootout.jobs.execution.inputs import Inputs
from tone_shootout.jobs.models import Job, JobArtifact
from tone_shootout.jobs.stored_results import load_manifest
from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.kit.zip_stream import Member
from tone_shootout.rendering.bundle.contents import derived_files, input_path
from tone_shootout.rendering.output.manifest import Input, Manifest
from tone_shootout.rendering.plan.planner import slug

CHECKS = 8
"""Objects that are looked for at the same time."""
_HEAD_BYTES = 16


def archive_name(job: Job, *, suffix: str = "") -> str:
    """Return the file name of a job's archive."""
    return f"{slug(job.title, fallback='shootout')}{suffix}.zip"


def archive_time(job: Job) -> datetime:
    """Return the time of the files in a job's archive, which stays the same."""
    return job.finished_at or job.created_at


async def result_members(storage: Storage, artifacts: Sequence[JobArtifact]) -> list[Member]:
    """Return the files of a job's results, after every object was looked for.

    An object that disappears later truncates the archive, which the client notices.

    Raises:
        StorageError: the storage is unavailable.
        StorageFaultError: an object is missing, or its size differs.
    """
    slots = asyncio.Semaphore(CHECKS)

    async def check(artifact: JobArtifact) -> None:
        async with slots:
            size = await storage.size_of(artifact.storage_key)
        if size != artifact.size:
            raise StorageFaultError(artifact.storage_key, is_missing=size is None)

    await asyncio.gather(*(check(artifact) for artifact in artifacts))
    return [_stored(storage, each.path, each.size, each.sha256, each.storage_key) for each in artifacts]


async def bundle_members(storage: Storage, job: Job, artifacts: Sequence[JobArtifact]) -> list[Member]:
    """Return the files of a job's bundle: its results, its inputs, and what is made of its manifest.

    Inputs that come from TONE3000 are left out, because its terms do not allow passing them on; so are inputs that are
    deleted. The text in the bundle lists them.

    Raises:
        NoResultsError: the job has no manifest, because it was not completed.
        StorageError: the storage is unavailable.
        StorageFaultError: an object is missing, or its size differs.
    """
    manifest = await load_manifest(storage, artifacts)
    members = await result_members(storage, artifacts)
    inputs = await _input_members(storage, manifest, msgspec.convert(job.inputs, Inputs))
    derived = await asyncio.to_thread(derived_files, manifest, list(inputs))
    return [*members, *inputs.values(), *(_made(path, content) for path, content in derived.items())]


async def _input_members(storage: Storage, manifest: Manifest, inputs: Inputs) -> dict[Input, Member]:
    assets = {asset.sha256: asset for asset in inputs.assets.values() if asset.credit is None}
    slots = asyncio.Semaphore(CHECKS)

    async def find(item: Input) -> Member | None:
        asset = assets.get(item.sha256)
        if asset is None:
            return None
        async with slots:
            if await storage.size_of(asset.storage_key) != item.size_bytes:
                return None
            head = b"".join([chunk async for chunk in storage.stream(asset.storage_key, end=_HEAD_BYTES)])
        return _stored(storage, input_path(manifest, item, head), item.size_bytes, item.sha256, asset.storage_key)

    found = await asyncio.gather(*map(find, manifest.inputs))
    return {item: member for item, member in zip(manifest.inputs, found, strict=True) if member is not None}


def _stored(storage: Storage, path: str, size: int, sha256: str, key: str) -> Member:
    async def content() -> AsyncIterator[bytes]:
        try:
            async for chunk in storage.stream(key):
                yield chunk
        except MissingObjectError:
            raise StorageFaultError(key, is_missing=True) from None

    return Member(path, size, sha256, content)


def _made(path: str, content: bytes) -> Member:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return Member(path, len(content), hashlib.sha256(content).hexdigest(), chunks)
