"""Publishes a job's results: from the worker's folder to the storage and the database."""

import asyncio
import hashlib
import mimetypes
from pathlib import Path

import msgspec
import structlog
from obstore.exceptions import BaseError as StorageError
from sqlalchemy.exc import SQLAlchemyError

from tone_shootout.jobs.execution.attempt import Attempt
from tone_shootout.jobs.execution.availability import Availability
from tone_shootout.jobs.models import Job, JobArtifact, JobEvent
from tone_shootout.jobs.repositories import EventContent, JobArtifactRepository, JobRepository
from tone_shootout.jobs.services import results_prefix
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.jobs.summary import JobSummary
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.readiness import reason_of
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.plan.planner import PlannedSegment

PARTIAL = "partial"
"""Folder of the segments that are published while the job runs, before they are level-matched."""

_MEDIA_TYPES = {".flac": "audio/flac", ".json": "application/json", ".md": "text/markdown"}
_log = structlog.get_logger(__name__)


class Results:
    """Stores files and writes their rows.

    Args:
        sessions: opens sessions of the database.
        storage: the object storage.
        publisher: publishes events.
        availability: state of the worker's dependencies.
    """

    def __init__(
        self, sessions: SessionMaker, storage: Storage, publisher: Publisher, availability: Availability
    ) -> None:
        self._sessions = sessions
        self._storage = storage
        self._publisher = publisher
        self._availability = availability

    async def store(self, attempt: Attempt, out: Path) -> list[JobArtifact]:
        """Store all files of a folder, and return their rows, which are not written yet.

        Raises:
            StorageError: a file could not be stored.
        """
        job = attempt.job
        artifacts = []
        paths = await asyncio.to_thread(_files, out)
        for number, path in enumerate(paths, 1):
            name = path.relative_to(out).as_posix()
            artifacts.append(await self._put(job, name, path, storage_path=f"{job.attempt}/{name}"))
            attempt.advance(number / len(paths))
        return artifacts

    async def complete(self, job: Job, artifacts: list[JobArtifact], summary: JobSummary) -> list[JobEvent] | None:
        """Replace all artifacts of the job by its results and complete the job, in one transaction.

        Returns:
            The events appended, None when the attempt does not hold the job any more.
        """
        async with self._sessions() as session:
            jobs = JobRepository(session)
            await JobArtifactRepository(session).replace_of_job(job.id, artifacts)
            contents = [_event_content(artifact) for artifact in artifacts]
            events = await jobs.record_all(job.id, job.attempt, contents) if contents else []
            ended = await jobs.transition(
                job.id,
                JobStatus.COMPLETED,
                held_by=job.attempt,
                progress_done=Job.progress_total,
                summary=msgspec.to_builtins(summary),
            )
            if events is None or ended is None:
                return None
            await session.commit()
        return [*events, *ended[1]]

    async def publish_segment(self, job: Job, segment: PlannedSegment, path: Path) -> None:
        """Publish a segment before the job has ended. The job goes on if this fails."""
        if self._availability.is_away("storage"):
            return
        file = Path(segment.file).name
        try:
            artifact = await self._put(job, f"{PARTIAL}/{file}", path, storage_path=f"{PARTIAL}/{job.attempt}/{file}")
            async with self._sessions() as session:
                event = await JobRepository(session).record(job.id, job.attempt, *_event_content(artifact))
                if event is None:
                    return
                await JobArtifactRepository(session).put(artifact)
                await session.commit()
        except (SQLAlchemyError, StorageError, OSError) as error:
            self._availability.report(error)
            reason = reason_of(error)
            _log.warning("segment_not_published", job_id=str(job.id), segment=segment.position, reason=reason)
            return
        await self._publisher.publish([event])

    async def delete_partial(self, job: Job) -> None:
        """Delete the published segments from the storage, after the results have replaced them."""
        try:
            await self._storage.delete_prefix(f"{results_prefix(job)}/{PARTIAL}")
        except (StorageError, OSError):
            _log.warning("partial_results_not_deleted", job_id=str(job.id), exc_info=True)

    async def _put(self, job: Job, name: str, path: Path, *, storage_path: str) -> JobArtifact:
        key = f"{results_prefix(job)}/{storage_path}"
        size, sha256 = await asyncio.to_thread(_measure, path)
        await self._storage.put(key, path)
        return JobArtifact(
            job_id=job.id, path=name, size=size, sha256=sha256, media_type=_media_type(path), storage_key=key
        )


def _event_content(artifact: JobArtifact) -> EventContent:
    return "artifact", {
        "path": artifact.path,
        "size_bytes": artifact.size,
        "sha256": artifact.sha256,
        "media_type": artifact.media_type,
    }


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _media_type(path: Path) -> str:
    return _MEDIA_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
