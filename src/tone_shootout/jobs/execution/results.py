"""What a job has made, on its way from the worker's folder to where its owner finds it."""

import asyncio
import hashlib
import mimetypes
from pathlib import Path
from typing import Any

import structlog
from obstore.exceptions import BaseError as StorageError
from sqlalchemy.exc import SQLAlchemyError

from tone_shootout.jobs.execution.attempt import Attempt
from tone_shootout.jobs.execution.availability import Availability
from tone_shootout.jobs.models import Job, JobArtifact, JobEvent
from tone_shootout.jobs.repositories import JobArtifactRepository, JobRepository
from tone_shootout.jobs.services import results_prefix
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.readiness import reason_of
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.plan.planner import PlannedSegment

PARTIAL = "partial"
"""Folder of what can be heard while the job goes on: each segment at a level of its own."""

_MEDIA_TYPES = {".flac": "audio/flac", ".json": "application/json", ".md": "text/markdown"}
_log = structlog.get_logger(__name__)


class Results:
    """Stores files, and writes down where they are."""

    def __init__(
        self, sessions: SessionMaker, storage: Storage, publisher: Publisher, availability: Availability
    ) -> None:
        self._sessions = sessions
        self._storage = storage
        self._publisher = publisher
        self._availability = availability

    async def store(self, attempt: Attempt, out: Path) -> list[JobArtifact]:
        """Store everything that is in a folder; nobody hears of it yet.

        Raises:
            StorageError: it could not be stored.
        """
        job = attempt.job
        artifacts = []
        paths = await asyncio.to_thread(_files, out)
        for number, path in enumerate(paths, 1):
            name = path.relative_to(out).as_posix()
            artifacts.append(await self._put(job, name, path, place=f"{job.attempt}/{name}"))
            attempt.advance(number / len(paths))
        return artifacts

    async def complete(self, job: Job, artifacts: list[JobArtifact]) -> list[JobEvent] | None:
        """Put the results in place of everything that was there, and complete the job, in one step.

        Returns:
            What was added to the log, None when the job is not this attempt's to complete any more.
        """
        events: list[JobEvent | None] = []
        async with self._sessions() as session:
            jobs, rows = JobRepository(session), JobArtifactRepository(session)
            await rows.delete_of_job(job.id)
            for artifact in artifacts:
                await rows.put(artifact)
                events.append(await jobs.record(job.id, job.attempt, "artifact", _shown(artifact)))
            ended = await jobs.transition(
                job.id, JobStatus.COMPLETED, held_by=job.attempt, progress_done=Job.progress_total
            )
            if ended is None:
                return None
            await session.commit()
        return [event for event in (*events, *ended[1]) if event is not None]

    async def show(self, job: Job, segment: PlannedSegment, path: Path) -> None:
        """Let a segment be heard before the job has ended. Failing to is no reason to stop the job."""
        if self._availability.is_away("storage"):
            return
        file = Path(segment.file).name
        try:
            artifact = await self._put(job, f"{PARTIAL}/{file}", path, place=f"{PARTIAL}/{job.attempt}/{file}")
            async with self._sessions() as session:
                event = await JobRepository(session).record(job.id, job.attempt, "artifact", _shown(artifact))
                if event is None:
                    return
                await JobArtifactRepository(session).put(artifact)
                await session.commit()
        except (SQLAlchemyError, StorageError, OSError) as error:
            self._availability.report(error)
            reason = reason_of(error)
            _log.warning("segment_not_published", job=str(job.id), segment=segment.position, reason=reason)
            return
        await self._publisher.publish([event])

    async def forget_partial(self, job: Job) -> None:
        """Delete what was shown, once the results have taken its place."""
        try:
            await self._storage.delete_prefix(f"{results_prefix(job)}/{PARTIAL}")
        except (StorageError, OSError):
            _log.warning("partial results not deleted", job=str(job.id), exc_info=True)

    async def _put(self, job: Job, name: str, path: Path, *, place: str) -> JobArtifact:
        key = f"{results_prefix(job)}/{place}"
        size, sha256 = await asyncio.to_thread(_measure, path)
        await self._storage.put(key, path)
        return JobArtifact(
            job_id=job.id, path=name, size=size, sha256=sha256, media_type=_media_type(path), storage_key=key
        )


def _shown(artifact: JobArtifact) -> dict[str, Any]:
    return {name: getattr(artifact, name) for name in ("path", "size", "sha256", "media_type")}


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _media_type(path: Path) -> str:
    return _MEDIA_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
