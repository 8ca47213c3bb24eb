"""The results of a job as one ZIP archive."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

from tone_shootout.jobs.models import Job, JobArtifact
from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.kit.zip_stream import ZipBuffer, open_archive, write_member, zip_member
from tone_shootout.rendering.plan.planner import slug

CHECKS = 8
"""Objects that are looked for at the same time."""


def archive_name(job: Job) -> str:
    """Return the file name of a job's archive."""
    return f"{slug(job.title, fallback='shootout')}.zip"


async def stream_results(storage: Storage, job: Job, artifacts: Sequence[JobArtifact]) -> AsyncIterator[bytes]:
    """Yield a ZIP archive of a job's results, with the paths of the artifacts. Entries are stored, not compressed.

    Before the first chunk every object is looked for and the first one is opened, so that missing results are an error
    before the response starts. An object that disappears later truncates the archive, which the client notices.

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
    at = job.finished_at or datetime.now(UTC)
    buffer = ZipBuffer()
    with open_archive(buffer) as archive:
        for artifact in artifacts:
            member = zip_member(artifact.path, at=at)
            try:
                content = storage.stream(artifact.storage_key)
                async with aclosing(write_member(archive, buffer, member, content)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except MissingObjectError:
                raise StorageFaultError(artifact.storage_key, is_missing=True) from None
    yield buffer.drain()
