"""Completed jobs with results, which no worker has made."""

import hashlib
import mimetypes
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.integration.conftest import Person
from tests.support.factories import JobArtifactFactory, JobEventFactory, JobFactory
from tests.support.sessions import Sessions
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.storage import Storage


async def add_finished_job(
    storage: Storage,
    session_maker: Sessions,
    user: Person,
    shootout_id: UUID,
    files: Mapping[str, bytes],
    **fields: Any,
) -> Job:
    """Add a completed job of five events, with these files as its results."""
    values = {"status": JobStatus.COMPLETED, "finished_at": datetime(2026, 11, 28, 12, tzinfo=UTC), "event_seq": 5}
    job = JobFactory.build(owner_id=user.id, shootout_id=shootout_id, **{**values, **fields})
    for path, content in files.items():
        await storage.put(result_key(job, path), content)
    async with session_maker.begin() as session:
        session.add(job)
        await session.flush()
        session.add_all(JobEventFactory.build(job_id=job.id, seq=seq) for seq in range(1, 6))
        session.add_all(
            JobArtifactFactory.build(
                job_id=job.id,
                path=path,
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                media_type=mimetypes.guess_type(path)[0] or "application/octet-stream",
                storage_key=result_key(job, path),
            )
            for path, content in files.items()
        )
    return job


def result_key(job: Job, path: str) -> str:
    """Return the storage key of a job's result."""
    return f"users/{job.owner_id}/jobs/{job.id}/1/{path}"


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the content of all files of a folder by their relative paths."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
