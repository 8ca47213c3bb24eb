"""Carrying a job out: what a worker does from taking it to letting go.

The rendering itself is a plain blocking function in a thread that hands its CPU work to other processes; the event loop
stays free to say that the job is alive, to hear that it was cancelled, and to write the log.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import structlog
from obstore.exceptions import BaseError as StorageError
from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError

from tone_shootout.jobs.execution.attempt import PROGRESS_S, Attempt
from tone_shootout.jobs.execution.availability import Availability
from tone_shootout.jobs.execution.fetcher import Fetcher, JobError, NotNowError
from tone_shootout.jobs.execution.inputs import Inputs
from tone_shootout.jobs.execution.render_cache import RenderCache
from tone_shootout.jobs.execution.results import Results
from tone_shootout.jobs.models import Job, JobArtifact, JobEvent
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.jobs.scheduling.retry_policy import outage, setback
from tone_shootout.jobs.scheduling.scheduler import JobScheduler
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.outages import outage_of
from tone_shootout.kit.readiness import reason_of
from tone_shootout.kit.settings import LimitSettings, WorkerSettings
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.errors import Cancelled, RenderError, WorkerDied
from tone_shootout.rendering.executor.stages import preview_file
from tone_shootout.rendering.plan.planner import InvalidSpec, PlannedSegment, plan
from tone_shootout.rendering.produce import produce
from tone_shootout.shootouts.services import rendering_limits

BEAT_S = 0.5
"""Seconds between two signs of life; so long a running job may not notice that it was cancelled."""
ALIVE_S = 1.0
"""Seconds between two signs of life to the queue."""
AGAIN_S = 0.5
"""Seconds after which what could not be written is tried again."""
STORE_S = 60.0
"""Seconds for which storing the results is tried again while the storage is away, before the job is given back."""
RELEASE_S = 2.0
"""Seconds that the rendering gets to stop before its files are taken away."""

# Estimates of storing the results: seconds, and seconds for each second of audio.
_COST_PUBLISH = 0.2
_COST_PUBLISH_AUDIO = 0.005

Alive = Callable[[Job], Awaitable[None]]
"""Tells the queue that whoever was woken lives, and which job is carried out."""

_log = structlog.get_logger(__name__)
T = TypeVar("T")


class _LetGo(Exception):  # noqa: N818 - not an error: the job has ended meanwhile, or is another's
    """Stop working on the job."""


class Runner:
    """Takes jobs and carries them out."""

    def __init__(
        self,
        *,
        choice: JobScheduler,
        sessions: SessionMaker,
        storage: Storage,
        fetcher: Fetcher,
        publisher: Publisher,
        dispatcher: Dispatcher,
        limits: LimitSettings,
        settings: WorkerSettings,
        scratch: Path,
        availability: Availability,
    ) -> None:
        self._choice = choice
        self._sessions = sessions
        self._storage = storage
        self._fetcher = fetcher
        self._publisher = publisher
        self._availability = availability
        self._results = Results(sessions, storage, publisher, availability)
        self._dispatcher = dispatcher
        self._limits = limits
        self._settings = settings
        self._scratch = scratch
        # Not the event loop's own: these are few, and storing and looking up addresses wait for one of them.
        self._threads = ThreadPoolExecutor(settings.jobs + settings.short_jobs, thread_name_prefix="rendering")

    async def run_until_idle(self, alive: Alive) -> None:
        """Carry out one job after the other, until nothing waits that this worker may take, or something is away.

        Args:
            alive: called with signs of life while a job is carried out.
        """
        try:
            while self._availability.is_open and (taken := await self._choice.take()) is not None:
                try:
                    await self._run(taken.job, alive)
                finally:
                    self._choice.release(taken)
            # While this worker takes none, another may.
            if not self._availability.is_open or await self._choice.has_claimable_jobs():
                await self._dispatcher.requeue()
        except Exception as error:
            if not self._availability.report(error):
                raise
            _log.warning("no_job_taken", reason=reason_of(error))

    async def _run(self, job: Job, alive: Alive) -> None:
        """Bring a job that was taken to an end, or let go of it."""
        attempt = Attempt(job)
        log = _log.bind(job=str(job.id), attempt=job.attempt)
        work = asyncio.create_task(self._carry_out(attempt))
        watches = [
            asyncio.create_task(self._beat(attempt, work)),
            asyncio.create_task(self._send_heartbeat(job, alive)),
            asyncio.create_task(self._write(attempt)),
        ]
        attempt.deadline = deadline = asyncio.timeout(self._settings.timeout_s)
        try:
            async with deadline:
                await work
        except _LetGo:
            await self._end(attempt, JobStatus.CANCELLED)
        except JobError as error:
            log.info("failed", code=error.code)
            await self._end(
                attempt,
                JobStatus.FAILED,
                error_code=error.code,
                error_detail=error.detail[:2000],
                error_segment=error.segment,
                error_pointer=error.pointer,
            )
        except (asyncio.CancelledError, Cancelled):
            if not attempt.cancel_requested:
                # This worker is to stop, which is not the job's fault: it goes on elsewhere, at once.
                await asyncio.shield(self._end(attempt, JobStatus.QUEUED, queued_at=func.now()))
                raise
            await self._end(attempt, JobStatus.CANCELLED)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
        except NotNowError as error:
            log.info("put off", code=error.code)
            status, values = setback(job, self._settings, code=error.code, detail=error.detail)
            await self._end(attempt, status, **values)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must not stay held
            await self._end_after(attempt, error, is_late=deadline.expired())
        finally:
            for task in watches:
                task.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

    async def _end_after(self, attempt: Attempt, error: Exception, *, is_late: bool) -> None:
        """Let go of the job after an error that is not the job's own, or of which nobody knows."""
        job, settings = attempt.job, self._settings
        log = _log.bind(job=str(job.id), attempt=job.attempt)
        if is_late:
            detail = f"It was given up after {settings.timeout_s / 60:g} minutes, the longest that a job may take."
            await self._end(attempt, JobStatus.FAILED, error_code="timeout", error_detail=detail)
        elif (part := outage_of(error)) is not None:
            self._availability.report(error)
            log.warning("job_deferred", waiting_for=part, reason=reason_of(error))
            status, values = outage(job, settings, waiting_for=part)
            await self._end(attempt, status, **values)
        elif isinstance(error, SQLAlchemyError | WorkerDied | OSError):
            log.warning("interrupted", exc_info=error)
            detail = f"It was interrupted {job.interruptions + 1} times, so it was given up."
            status, values = setback(job, settings, code="interrupted", detail=detail)
            await self._end(attempt, status, **values)
        else:
            log.error("broken", exc_info=error)
            detail = "Something went wrong on our side; it has been logged."
            await self._end(attempt, JobStatus.FAILED, error_code="internal_error", error_detail=detail)

    def _cache(self, attempt: Attempt) -> RenderCache | None:
        """Return the sound that the job's owner has rendered before, its own earlier attempts' too."""
        max_bytes = self._limits.cache_bytes
        if not max_bytes:
            return None
        return RenderCache(
            self._sessions,
            self._storage,
            attempt.job.owner_id,
            max_bytes=max_bytes,
            loop=asyncio.get_running_loop(),
            check=attempt.check,
            availability=self._availability,
        )

    async def _carry_out(self, attempt: Attempt) -> None:
        job = attempt.job
        inputs = msgspec.convert(job.inputs, Inputs)
        with tempfile.TemporaryDirectory(prefix=f"{job.id}-", dir=self._scratch, ignore_cleanup_errors=True) as folder:
            inputs, sources = await self._fetcher.fetch(attempt, inputs, Path(folder))
            out = await self._render(attempt, inputs, sources, Path(folder))
            attempt.phase("publish")
            await self._publish(attempt, out)

    async def _render(self, attempt: Attempt, inputs: Inputs, sources: dict[str, Path], folder: Path) -> Path:
        """Make the results in a folder, and let segments be heard meanwhile; return the folder."""
        cache = self._cache(attempt)
        facts = {name: asset.facts for name, asset in inputs.assets.items()}
        names = {name: asset.name for name, asset in inputs.assets.items()}
        try:
            planned = plan(inputs.spec, facts, limits=rendering_limits(self._limits))
        except InvalidSpec as error:
            raise JobError(error.errors[0].code, str(error), pointer=error.errors[0].pointer) from None
        attempt.reserve(_COST_PUBLISH + planned.seconds * _COST_PUBLISH_AUDIO)
        out, previews = folder / "out", folder / "partial"
        previews.mkdir()

        def work() -> None:
            processes = self._settings.processes or os.cpu_count() or 1
            produce(
                planned,
                sources,
                out,
                processes=processes,
                reporter=attempt,
                store=cache,
                names=names,
                credited=inputs.credits,
                previews=previews,
            )

        publishing = asyncio.create_task(self._show(attempt, planned.segments, previews))
        thread = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            await asyncio.shield(thread)
        except asyncio.CancelledError:
            attempt.stop.set()
            thread.add_done_callback(_disregard)
            await asyncio.wait({thread}, timeout=RELEASE_S)
            raise
        except RenderError as error:
            # What was rendered before the fault is worth hearing.
            await self._show_ready(attempt, planned.segments, previews)
            if error.code == "storage":  # of this machine: a full disk, for instance
                raise OSError(str(error)) from None
            raise JobError(error.code, str(error), segment=error.segment, pointer=error.pointer) from None
        finally:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)
        return out

    async def _publish(self, attempt: Attempt, out: Path) -> None:
        """Store what was made, then say so and complete the job in one step."""
        job = attempt.job
        artifacts = await self._store(attempt, out)

        async def write() -> list[JobEvent] | None:
            await self._flush(attempt)
            return await self._results.complete(job, artifacts)

        events = await self._retry_db_write(attempt, write)
        if events is None:
            raise _LetGo
        await self._publisher.publish(events)
        await self._results.forget_partial(job)

    async def _store(self, attempt: Attempt, out: Path) -> list[JobArtifact]:
        """Store what was made, and try again for a while when the storage is away: all the work is done by then."""
        began = time.monotonic()
        while True:
            try:
                return await self._results.store(attempt, out)
            except (StorageError, OSError) as error:
                if not self._availability.report(error) or time.monotonic() - began > STORE_S:
                    raise
                _log.warning("results_not_stored", job=str(attempt.job.id), reason=reason_of(error))
            waiting = time.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._availability.wait(), STORE_S)
            await asyncio.sleep(AGAIN_S)
            attempt.extend(time.monotonic() - waiting)

    async def _show(self, attempt: Attempt, segments: Sequence[PlannedSegment], previews: Path) -> None:
        """Let every segment be heard as soon as it has been rendered, for ever."""
        while True:
            await attempt.heard.wait()
            attempt.heard.clear()
            await self._show_ready(attempt, segments, previews)

    async def _show_ready(self, attempt: Attempt, segments: Sequence[PlannedSegment], previews: Path) -> None:
        async with attempt.publishing:
            for position in attempt.ready():
                segment = segments[position - 1]
                path = preview_file(previews, segment)
                if await asyncio.to_thread(path.exists):
                    await self._results.show(attempt.job, segment, path)

    async def _end(self, attempt: Attempt, status: JobStatus, **values: Any) -> None:
        """Let go of the job: bring it to `status`, or to `cancelled` when that was asked for meanwhile."""
        if attempt.lost_lease:
            return
        job = attempt.job

        async def write() -> tuple[Job, list[JobEvent]] | None:
            await self._flush(attempt)
            async with self._sessions() as session:
                jobs = JobRepository(session)
                moved = await jobs.transition(job.id, status, held_by=job.attempt, **values) or (
                    await jobs.transition(job.id, JobStatus.CANCELLED, held_by=job.attempt)
                )
                await session.commit()
            return moved

        try:
            moved = await self._retry_db_write(attempt, write)
        except (SQLAlchemyError, OSError):
            _log.warning("not let go of", job=str(job.id), exc_info=True)
            return
        if moved is None:
            return
        await self._publisher.publish(moved[1])
        if moved[0].status == JobStatus.QUEUED:
            await self._requeue(moved[0])

    async def _requeue(self, job: Job) -> None:
        try:
            await self._dispatcher.enqueue(job)
        except Exception:  # noqa: BLE001 - whatever the queue raises, the sweeper mends it
            _log.warning("not queued yet", job=str(job.id), exc_info=True)

    async def _retry_db_write(self, attempt: Attempt, write: Callable[[], Awaitable[T]]) -> T:
        """Write, and try again while the database is away, until it is back or the job is another's."""
        until = time.monotonic() + self._settings.heartbeat_s
        while True:
            began = time.monotonic()
            try:
                return await write()
            except (SQLAlchemyError, OSError) as error:
                is_outage = self._availability.report(error)
                if attempt.lost_lease or (not is_outage and began > until):
                    raise
            await asyncio.sleep(AGAIN_S)
            attempt.extend(time.monotonic() - began)

    async def _beat(self, attempt: Attempt, work: asyncio.Task[None]) -> None:
        """Tell the database that the job is alive, and end the work when it is not wanted any more."""
        job = attempt.job
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                async with self._sessions() as session:
                    status = await JobRepository(session).renew_lease(job.id, job.attempt)
                    await session.commit()
            except Exception as error:  # noqa: BLE001 - the next sign may get through, and silence costs the job
                if not self._availability.report(error):
                    _log.warning("heartbeat_failed", job=str(job.id), exc_info=True)
                continue
            attempt.lost_lease = status is None
            if status is not JobStatus.RUNNING:
                attempt.cancel_requested = True
                attempt.stop.set()
                work.cancel()
                return

    async def _send_heartbeat(self, job: Job, alive: Alive) -> None:
        """Tell the queue that its entry is alive. Apart from the database's, which must not wait for the broker."""
        while True:
            try:
                await alive(job)
            except Exception as error:  # noqa: BLE001 - the entry is only a wake-up
                if outage_of(error) is None:
                    _log.warning("queue_heartbeat_failed", job=str(job.id), exc_info=True)
            await asyncio.sleep(ALIVE_S)

    async def _write(self, attempt: Attempt) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(attempt.pending_events.wait(), PROGRESS_S)
            attempt.pending_events.clear()
            try:
                await self._flush(attempt)
            except (SQLAlchemyError, OSError) as error:
                if not self._availability.report(error):
                    _log.warning("events_not_written", job=str(attempt.job.id), exc_info=True)
                await asyncio.sleep(PROGRESS_S)

    async def _flush(self, attempt: Attempt) -> None:
        """Write what was told. One flush after the other: who comes back from it has everything behind it."""
        job = attempt.job
        async with attempt.writing:
            lines = attempt.take()
            if not lines:
                return
            try:
                async with self._sessions() as session:
                    jobs = JobRepository(session)
                    events = [
                        await jobs.record(job.id, job.attempt, kind, data, **values) for kind, data, values in lines
                    ]
                    await session.commit()
            except BaseException:
                attempt.release(lines)
                raise
            await self._publisher.publish([event for event in events if event is not None])


def _disregard(thread: asyncio.Future[None]) -> None:
    """Hear what a thread says of having been stopped, which is no news."""
    thread.exception()
