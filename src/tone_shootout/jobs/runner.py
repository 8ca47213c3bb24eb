"""Carrying a job out: what a worker does from taking it to letting go.

The rendering itself is a plain blocking function in a thread that hands its CPU work to other processes; the event loop
stays free to say that the job is alive, to hear that it was cancelled, and to write the log.
"""

import asyncio
import hashlib
import mimetypes
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import structlog
from obstore.exceptions import BaseError as StorageError
from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError

from tone_shootout.jobs.cache import RenderCache
from tone_shootout.jobs.channel import Publisher, SessionMaker
from tone_shootout.jobs.models import Job, JobArtifact, JobEvent
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.services import Inputs, results_prefix
from tone_shootout.jobs.status import EventType, JobStatus, Phase
from tone_shootout.kit.settings import LimitSettings, WorkerSettings
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.rendering.errors import Cancelled, RenderError, WorkerDied
from tone_shootout.rendering.plan import InvalidSpec, plan
from tone_shootout.rendering.produce import SegmentStatus, produce
from tone_shootout.rendering.work import Measured
from tone_shootout.shootouts.services import rendering_limits

BEAT_S = 1.0
"""Seconds between two signs of life; so long a running job may not notice that it was cancelled."""
WRITE_S = 0.5
"""Seconds between two writings of progress."""
RELEASE_S = 5.0
"""Seconds that the rendering gets to stop before its files are taken away."""

_Line = tuple[EventType, dict[str, Any], dict[str, Any]]
"""What is added to the log: type, data, and the job's columns that change with it."""

_MEDIA_TYPES = {".flac": "audio/flac", ".json": "application/json", ".md": "text/markdown"}
_log = structlog.get_logger(__name__)


class _JobError(Exception):
    """The job can't be done, and trying again would not help."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class _LetGo(Exception):  # noqa: N818 - not an error: the work ends here, for the reason that `_Attempt` knows
    """Stop working on the job."""


@dataclass
class _Attempt:
    """One worker's hold on a job, written to from the thread that renders."""

    job: Job
    stop: threading.Event = field(default_factory=threading.Event)
    lost: bool = False
    lines: list[_Line] = field(default_factory=list)
    done: float = 0.0
    total: float = 0.0
    written: float = -1.0
    started: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def phase(self, name: Phase) -> None:
        with self.lock:
            self.lines.append(("phase", {"phase": name}, {"phase": name}))

    def progress(self, done: float, total: float) -> None:
        with self.lock:
            self.total = max(self.total, total)
            self.done = min(max(self.done, done), self.total)

    def segment(self, position: int, status: SegmentStatus, measured: Measured | None) -> None:
        data: dict[str, Any] = {"position": position, "status": status}
        if measured is not None:
            data["measured"] = msgspec.to_builtins(measured)
        with self.lock:
            self.lines.append(("segment", data, {}))

    def file(self, name: str) -> None:
        """A file is reported when it has been stored, as an artifact."""

    def check(self) -> None:
        if self.stop.is_set():
            raise Cancelled

    def put_back(self, lines: list[_Line]) -> None:
        """Keep what could not be written, in front of what has come since."""
        with self.lock:
            self.lines[:0] = lines

    def take(self) -> list[_Line]:
        """Return what is to be written, progress included when it has moved."""
        with self.lock:
            lines, self.lines = self.lines, []
            if self.total and self.done != self.written:
                elapsed = time.monotonic() - self.started
                eta_s = round(elapsed * (self.total - self.done) / self.done, 1) if self.done else None
                percent = round(100.0 * self.done / self.total, 2)
                lines.append(
                    (
                        "progress",
                        {"percent": percent, "done": self.done, "total": self.total, "eta_s": eta_s},
                        {"progress_done": self.done, "progress_total": self.total, "eta_s": eta_s},
                    )
                )
                self.written = self.done
            return lines


class Runner:
    """Takes jobs and carries them out."""

    def __init__(
        self,
        *,
        name: str,
        sessions: SessionMaker,
        storage: Storage,
        publisher: Publisher,
        limits: LimitSettings,
        settings: WorkerSettings,
        scratch: Path,
    ) -> None:
        self._name = name
        self._sessions = sessions
        self._storage = storage
        self._publisher = publisher
        self._limits = limits
        self._settings = settings
        self._scratch = scratch

    async def run(self, job_id: UUID, *, alive: Callable[[], Any]) -> None:
        """Take a job, if it is there to be taken, and bring it to an end.

        Args:
            job_id: which job.
            alive: called with every sign of life, for the queue's own watch.
        """
        job = await self._claim(job_id)
        if job is None:
            return
        attempt = _Attempt(job=job)
        log = _log.bind(job=str(job_id), attempt=job.attempt)
        beating = asyncio.create_task(self._beat(attempt, alive))
        writing = asyncio.create_task(self._write(attempt))
        try:
            await asyncio.wait_for(self._carry_out(attempt), self._settings.timeout_s)
        except (Cancelled, _LetGo):
            if not attempt.lost:
                await self._end(attempt, JobStatus.CANCELLED)
        except _JobError as error:
            log.info("failed", code=error.code)
            await self._end(attempt, JobStatus.FAILED, error_code=error.code, error_detail=error.detail[:2000])
        except TimeoutError:
            minutes = self._settings.timeout_s / 60
            detail = f"It was given up after {minutes:g} minutes, the longest that a job may take."
            await self._end(attempt, JobStatus.FAILED, error_code="timeout", error_detail=detail)
        except asyncio.CancelledError:
            attempt.stop.set()
            await asyncio.shield(self._give_back(attempt))
            raise
        except (SQLAlchemyError, StorageError, WorkerDied, OSError):
            log.warning("interrupted", exc_info=True)
            if job.attempt < self._settings.attempts:
                await self._give_back(attempt)
            else:
                detail = f"It was interrupted {job.attempt} times, so it was given up."
                await self._end(attempt, JobStatus.FAILED, error_code="interrupted", error_detail=detail)
        except Exception:
            log.exception("broken")
            detail = "Something went wrong on our side; it has been logged."
            await self._end(attempt, JobStatus.FAILED, error_code="internal_error", error_detail=detail)
        finally:
            attempt.stop.set()
            for task in (beating, writing):
                task.cancel()
            await asyncio.gather(beating, writing, return_exceptions=True)

    def _cache(self, job: Job) -> RenderCache | None:
        """Return the sound that the job's owner has rendered before, its own earlier attempts' too."""
        max_bytes = self._limits.cache_bytes
        if not max_bytes:
            return None
        loop = asyncio.get_running_loop()
        return RenderCache(self._sessions, self._storage, job.owner_id, max_bytes=max_bytes, loop=loop)

    async def _claim(self, job_id: UUID) -> Job | None:
        """Take the job, unless somebody who lives has it."""
        async with self._sessions() as session:
            jobs = JobRepository(session)
            silent = float(self._settings.heartbeat_s)
            moves = [
                await jobs.transition(job_id, JobStatus.CANCELLED, only_from={JobStatus.CANCELLING}, stale_s=silent),
                await jobs.transition(job_id, JobStatus.QUEUED, only_from={JobStatus.RUNNING}, stale_s=silent),
                await jobs.transition(job_id, JobStatus.QUEUED, only_from={JobStatus.PENDING}, queued_at=func.now()),
            ]
            taken = await jobs.transition(
                job_id,
                JobStatus.RUNNING,
                attempt=Job.attempt + 1,
                worker=self._name,
                started_at=func.now(),
                heartbeat_at=func.now(),
                phase=None,
                eta_s=None,
                progress_done=0.0,
                progress_total=0.0,
            )
            await session.commit()
        await self._publisher.publish([event for moved in (*moves, taken) if moved for event in moved[1]])
        return taken[0] if taken else None

    async def _carry_out(self, attempt: _Attempt) -> None:
        job = attempt.job
        inputs = msgspec.convert(job.inputs, Inputs)
        with tempfile.TemporaryDirectory(prefix=f"{job.id}-", dir=self._scratch) as folder:
            sources = await self._fetch(attempt, inputs, Path(folder))
            out = Path(folder) / "out"
            await self._render(attempt, inputs, sources, out)
            attempt.phase("publish")
            await self._publish(attempt, out)

    async def _fetch(self, attempt: _Attempt, inputs: Inputs, folder: Path) -> dict[str, Path]:
        attempt.phase("fetch")
        sources: dict[str, Path] = {}
        for number, (name, asset) in enumerate(inputs.assets.items()):
            path = folder / f"input-{number}"
            try:
                digest = await self._storage.fetch(asset.storage_key, path)
            except MissingObjectError:
                raise _JobError("missing_asset", "A file of this shootout was deleted from the library.") from None
            if digest != asset.sha256:
                raise _JobError("damaged_asset", "A file of this shootout is not what was uploaded.")
            sources[name] = path
        return sources

    async def _render(self, attempt: _Attempt, inputs: Inputs, sources: dict[str, Path], out: Path) -> None:
        cache = self._cache(attempt.job)

        def work() -> None:
            facts = {name: asset.facts for name, asset in inputs.assets.items()}
            names = {name: asset.name for name, asset in inputs.assets.items()}
            planned = plan(inputs.spec, facts, limits=rendering_limits(self._limits))
            processes = self._settings.processes or os.cpu_count() or 1
            produce(planned, sources, out, processes=processes, reporter=attempt, store=cache, names=names)

        thread = asyncio.create_task(asyncio.to_thread(work))
        try:
            await asyncio.shield(thread)
        except asyncio.CancelledError:
            attempt.stop.set()
            await asyncio.wait({thread}, timeout=RELEASE_S)
            raise
        except InvalidSpec as error:
            raise _JobError(error.errors[0].code, str(error)) from None
        except RenderError as error:
            raise _JobError(error.code, str(error)) from None

    async def _publish(self, attempt: _Attempt, out: Path) -> None:
        """Store what was made, then say so and complete the job in one step."""
        job = attempt.job
        prefix = f"{results_prefix(job)}/{job.attempt}"
        artifacts = []
        for path, name, size, sha256 in await asyncio.to_thread(_survey, out):
            attempt.check()
            key = f"{prefix}/{name}"
            await self._storage.put(key, path)
            artifacts.append(
                JobArtifact(
                    job_id=job.id,
                    path=name,
                    size=size,
                    sha256=sha256,
                    media_type=_media_type(path),
                    storage_key=key,
                )
            )
        await self._flush(attempt)
        events: list[JobEvent | None] = []
        async with self._sessions() as session:
            jobs = JobRepository(session)
            await jobs.forget_artifacts(job.id)
            for artifact in artifacts:
                await jobs.put_artifact(artifact)
                data = {name: getattr(artifact, name) for name in ("path", "size", "sha256", "media_type")}
                events.append(await jobs.record(job.id, job.attempt, "artifact", data))
            ended = await jobs.transition(
                job.id, JobStatus.COMPLETED, held_by=job.attempt, progress_done=Job.progress_total, phase=None
            )
            if ended is None:
                raise _LetGo
            await session.commit()
        await self._publisher.publish([event for event in (*events, *ended[1]) if event is not None])

    async def _end(self, attempt: _Attempt, status: JobStatus, **values: Any) -> None:
        """Bring the job to its end, or to `cancelled` when that was asked for meanwhile."""
        await self._flush(attempt)
        async with self._sessions() as session:
            jobs = JobRepository(session)
            moved = await jobs.transition(
                attempt.job.id, status, held_by=attempt.job.attempt, phase=None, **values
            ) or await jobs.transition(attempt.job.id, JobStatus.CANCELLED, held_by=attempt.job.attempt, phase=None)
            await session.commit()
        await self._publisher.publish(moved[1] if moved else [])

    async def _give_back(self, attempt: _Attempt) -> None:
        """Put the job back into the queue, for the next worker."""
        try:
            async with self._sessions() as session:
                moved = await JobRepository(session).transition(
                    attempt.job.id, JobStatus.QUEUED, held_by=attempt.job.attempt, phase=None, queued_at=func.now()
                )
                await session.commit()
            await self._publisher.publish(moved[1] if moved else [])
        except SQLAlchemyError:
            _log.warning("not given back", job=str(attempt.job.id), exc_info=True)

    async def _beat(self, attempt: _Attempt, alive: Callable[[], Any]) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                async with self._sessions() as session:
                    status = await JobRepository(session).beat(attempt.job.id, attempt.job.attempt)
                    await session.commit()
                await alive()
            except Exception:  # noqa: BLE001 - database or queue, the next sign may get through, and silence costs the job
                _log.warning("no sign of life given", job=str(attempt.job.id), exc_info=True)
                continue
            attempt.lost = status is None
            if status is not JobStatus.RUNNING:
                attempt.stop.set()

    async def _write(self, attempt: _Attempt) -> None:
        while True:
            await asyncio.sleep(WRITE_S)
            try:
                await self._flush(attempt)
            except (SQLAlchemyError, OSError):
                _log.warning("not written yet", job=str(attempt.job.id), exc_info=True)

    async def _flush(self, attempt: _Attempt) -> None:
        lines = attempt.take()
        if not lines:
            return
        job = attempt.job
        try:
            async with self._sessions() as session:
                jobs = JobRepository(session)
                events = [await jobs.record(job.id, job.attempt, kind, data, **values) for kind, data, values in lines]
                await session.commit()
        except BaseException:
            attempt.put_back(lines)
            raise
        await self._publisher.publish([event for event in events if event is not None])


def _survey(folder: Path) -> list[tuple[Path, str, int, str]]:
    """Return path, name, size and SHA-256 of every file in `folder`."""
    found = []
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        found.append((path, path.relative_to(folder).as_posix(), path.stat().st_size, digest))
    return found


def _media_type(path: Path) -> str:
    return _MEDIA_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
