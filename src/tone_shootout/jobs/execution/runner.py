"""Runs jobs: what a worker does with a job from its claim to its release.

The rendering is a blocking function in a thread, which distributes CPU work over other processes. The event loop stays
free for heartbeats, cancellation and the writing of events.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog
from obstore.exceptions import BaseError as StorageError
from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError

from tone_shootout.jobs.execution.attempt import Attempt
from tone_shootout.jobs.execution.availability import Availability
from tone_shootout.jobs.execution.fetcher import Fetcher, JobError, UpstreamUnavailableError
from tone_shootout.jobs.execution.inputs import Inputs
from tone_shootout.jobs.execution.lease import RETRY_DELAY_S, Lease
from tone_shootout.jobs.execution.render_cache import RenderCache
from tone_shootout.jobs.execution.results import Results
from tone_shootout.jobs.metrics import record_completed, record_released
from tone_shootout.jobs.models import Job, JobArtifact, JobEvent
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.jobs.scheduling.retry_policy import retry_after_outage, retry_or_fail
from tone_shootout.jobs.scheduling.scheduler import JobScheduler
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.jobs.summary import JobSummary
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.outages import outage_of
from tone_shootout.kit.readiness import reason_of
from tone_shootout.kit.settings import LimitSettings, WorkerSettings
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.errors import Cancelled, RenderError, WorkerDied
from tone_shootout.rendering.executor.stages import preview_file
from tone_shootout.rendering.output.manifest import decode_manifest
from tone_shootout.rendering.output.result_folder import MANIFEST_NAME
from tone_shootout.rendering.plan.planner import PlannedSegment, plan
from tone_shootout.rendering.spec.schema import InvalidSpec
from tone_shootout.shootouts.errors import CONFIG
from tone_shootout.shootouts.services import rendering_limits

QUEUE_HEARTBEAT_INTERVAL_S = 1.0
"""Seconds between two heartbeats to the queue."""
STORE_RETRY_S = 60.0
"""Seconds for which storing the results is retried while the storage is unavailable, before the job is requeued."""
STOP_TIMEOUT_S = 2.0
"""Seconds that the rendering gets to stop before its files are deleted."""

# Estimated cost of storing the results: seconds, and seconds per second of audio.
_COST_PUBLISH = 0.2
_COST_PUBLISH_AUDIO = 0.005

Heartbeat = Callable[[Job], Awaitable[None]]
"""Sends the queue a heartbeat of the entry that woke this worker, with the job that it runs."""

_log = structlog.get_logger(__name__)


class _LeaseLostError(Exception):
    """The job was cancelled or is another attempt's, so its results were discarded."""


class Runner:
    """Claims jobs and runs them.

    Args:
        scheduler: claims jobs.
        sessions: opens sessions of the database.
        storage: the object storage.
        fetcher: fetches input files.
        publisher: publishes events.
        dispatcher: wakes workers.
        limits: limits of plans and of the render cache.
        settings: time limits, retries and processes.
        scratch: folder for temporary files.
        availability: state of the worker's dependencies.
    """

    def __init__(
        self,
        *,
        scheduler: JobScheduler,
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
        self._scheduler = scheduler
        self._sessions = sessions
        self._storage = storage
        self._fetcher = fetcher
        self._publisher = publisher
        self._availability = availability
        self._results = Results(sessions, storage, publisher, availability)
        self._dispatcher = dispatcher
        self._limits = limits
        self._settings = settings
        scratch.mkdir(parents=True, exist_ok=True)  # the first job may come before the folder is cleaned
        self._scratch = scratch
        # Separate from the event loop's threads, which storage and name lookups need while these are busy.
        self._threads = ThreadPoolExecutor(settings.jobs + settings.short_jobs, thread_name_prefix="rendering")

    async def run_until_idle(self, heartbeat: Heartbeat) -> None:
        """Run jobs until none is left that this worker can claim, or a dependency is unavailable.

        Args:
            heartbeat: called regularly while a job runs.
        """
        try:
            while self._availability.is_open and (claimed := await self._scheduler.claim()) is not None:
                try:
                    await self._run(Attempt(claimed.job), heartbeat)
                finally:
                    self._scheduler.release(claimed)
            # Jobs that this worker can't claim now are for another worker.
            if not self._availability.is_open or await self._scheduler.has_claimable_jobs():
                await self._dispatcher.requeue()
        except Exception as error:
            if not self._availability.report(error):
                raise
            _log.warning("claim_failed", reason=reason_of(error))

    async def _run(self, attempt: Attempt, heartbeat: Heartbeat) -> None:
        """Run a claimed job to its end, or release it."""
        with attempt.trace.running():
            await self._attempt(attempt, heartbeat)

    async def _attempt(self, attempt: Attempt, heartbeat: Heartbeat) -> None:
        job = attempt.job
        lease = Lease(
            attempt,
            sessions=self._sessions,
            publisher=self._publisher,
            availability=self._availability,
            retry_s=self._settings.heartbeat_s,
        )
        log = _log.bind(job_id=str(job.id), attempt=job.attempt)
        work = asyncio.create_task(self._execute(attempt, lease))
        background = [
            asyncio.create_task(lease.send_heartbeats(work)),
            asyncio.create_task(_send_queue_heartbeats(job, heartbeat)),
            asyncio.create_task(lease.write_events()),
        ]
        attempt.deadline = deadline = asyncio.timeout(self._settings.timeout_s)
        try:
            async with deadline:
                await work
        except _LeaseLostError:
            await self._release(lease, JobStatus.CANCELLED)
        except JobError as error:
            log.info("job_failed", code=error.code)
            await self._release(
                lease,
                JobStatus.FAILED,
                error_code=error.code,
                error_detail=error.detail[:2000],
                error_segment=error.segment,
                error_pointer=error.pointer,
            )
        except (asyncio.CancelledError, Cancelled):
            if not attempt.cancel_requested:
                # The worker shuts down: the job continues on another at once, without counting an interruption.
                await asyncio.shield(self._release(lease, JobStatus.QUEUED, queued_at=func.now()))
                raise
            await self._release(lease, JobStatus.CANCELLED)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
        except UpstreamUnavailableError as error:
            log.info("job_deferred", code=error.code)
            status, values = retry_or_fail(job, self._settings, code=error.code, detail=error.detail)
            await self._release(lease, status, **values)
        except Exception as error:  # noqa: BLE001 - after any error the job must be released
            await self._release_after(attempt, lease, error, is_late=deadline.expired())
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)

    async def _release_after(self, attempt: Attempt, lease: Lease, error: Exception, *, is_late: bool) -> None:
        """Release the job after a timeout, an outage, an interruption or an unexpected error."""
        job, settings = attempt.job, self._settings
        log = _log.bind(job_id=str(job.id), attempt=job.attempt)
        if is_late:
            detail = (
                f"The job exceeded the time limit of {settings.timeout_s / 60:g} minutes. "
                "Split the shootout into smaller ones, or retry the job."
            )
            await self._release(lease, JobStatus.FAILED, error_code="timeout", error_detail=detail)
        elif (part := outage_of(error)) is not None:
            self._availability.report(error)
            log.warning("job_deferred", waiting_for=part, reason=reason_of(error))
            status, values = retry_after_outage(job, settings, waiting_for=part)
            await self._release(lease, status, **values)
        elif isinstance(error, SQLAlchemyError | WorkerDied | OSError):
            log.warning("job_interrupted", exc_info=error)
            detail = f"The job was interrupted {job.interruptions + 1} times. Retry it later."
            status, values = retry_or_fail(job, settings, code="interrupted", detail=detail)
            await self._release(lease, status, **values)
        else:
            log.error("job_crashed", exc_info=error)
            detail = "The job failed because of an internal error, which was logged. Retry it later."
            await self._release(lease, JobStatus.FAILED, error_code="internal_error", error_detail=detail)

    def _cache(self, attempt: Attempt) -> RenderCache | None:
        """Return the render cache of the job's owner, None if the settings disable it."""
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

    async def _execute(self, attempt: Attempt, lease: Lease) -> None:
        job = attempt.job
        inputs = msgspec.convert(job.inputs, Inputs)
        async with _temporary_folder(self._scratch, f"{job.id}-") as folder:
            inputs, sources = await self._fetcher.fetch(attempt, inputs, folder)
            pictures = await self._fetcher.fetch_pictures(attempt, inputs, folder)
            out = await self._render(attempt, inputs, sources, pictures, folder)
            attempt.phase("publish")
            await self._publish(attempt, lease, out, notices=len(inputs.notices()))

    async def _render(
        self, attempt: Attempt, inputs: Inputs, sources: dict[str, Path], pictures: dict[str, Path], folder: Path
    ) -> Path:
        """Render into a folder, publish segments meanwhile, and return the folder of the results."""
        cache = self._cache(attempt)
        facts = {name: asset.facts for name, asset in inputs.assets.items()}
        names = {name: asset.name for name, asset in inputs.assets.items()}
        try:
            # Made again on purpose: docs/decisions/0016-a-plan-is-not-stored.md.
            planned = plan(inputs.spec, facts, limits=rendering_limits(self._limits))
        except InvalidSpec as error:
            raise JobError(error.code, str(error), pointer=f"{CONFIG}{inputs.locate(error.pointer)}") from None
        attempt.reserve(_COST_PUBLISH + planned.seconds * _COST_PUBLISH_AUDIO)
        out, previews = folder / "out", folder / "partial"
        previews.mkdir()

        def render() -> None:
            from tone_shootout.rendering.produce import produce

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
                pictures=pictures,
            )

        publishing = asyncio.create_task(self._publish_segments(attempt, planned.segments, previews))
        thread = asyncio.get_running_loop().run_in_executor(self._threads, render)
        try:
            await asyncio.shield(thread)
        except asyncio.CancelledError:
            attempt.stop.set()
            thread.add_done_callback(_ignore_result)
            await asyncio.wait({thread}, timeout=STOP_TIMEOUT_S)
            raise
        except RenderError as error:
            # Segments that were rendered before the error are published too.
            await self._publish_ready(attempt, planned.segments, previews)
            if error.code == "storage":  # a fault of this machine, for instance a full disk
                raise OSError(str(error)) from None
            pointer = None if error.pointer is None else f"{CONFIG}{inputs.locate(error.pointer)}"
            raise JobError(error.code, str(error), segment=error.segment, pointer=pointer) from None
        finally:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)
        if cache is not None:
            await self._record_use(cache)
        return out

    async def _record_use(self, cache: RenderCache) -> None:
        try:
            await cache.record_use()
        except (SQLAlchemyError, OSError) as error:  # the entries only look older than they are
            self._availability.report(error)
            _log.warning("cache_use_not_recorded", reason=reason_of(error))

    async def _publish(self, attempt: Attempt, lease: Lease, out: Path, *, notices: int) -> None:
        """Store the results, then write their rows and complete the job in one transaction."""
        job = attempt.job
        artifacts = await self._store(attempt, out)
        manifest = decode_manifest(await asyncio.to_thread((out / MANIFEST_NAME).read_bytes))
        summary = JobSummary.of(manifest, attempt.phase_durations_s(), notices=notices)

        async def write() -> list[JobEvent] | None:
            await lease.flush()
            return await self._results.complete(job, artifacts, summary)

        events = await lease.retry_db_write(write)
        if events is None:
            raise _LeaseLostError
        record_completed(summary)
        attempt.trace.ended(JobStatus.COMPLETED)
        _log.info("job_completed", job_id=str(job.id), elapsed_s=summary.elapsed_s)
        await self._publisher.publish(events)
        await self._results.delete_partial(job)

    async def _store(self, attempt: Attempt, out: Path) -> list[JobArtifact]:
        """Store the results; retry for `STORE_RETRY_S` during an outage, because all the work is done by then."""
        began = time.monotonic()
        while True:
            try:
                return await self._results.store(attempt, out)
            except (StorageError, OSError) as error:
                if not self._availability.report(error) or time.monotonic() - began > STORE_RETRY_S:
                    raise
                _log.warning("results_not_stored", job_id=str(attempt.job.id), reason=reason_of(error))
            waiting = time.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._availability.wait(), STORE_RETRY_S)
            await asyncio.sleep(RETRY_DELAY_S)
            attempt.extend(time.monotonic() - waiting)

    async def _publish_segments(self, attempt: Attempt, segments: Sequence[PlannedSegment], previews: Path) -> None:
        """Publish every segment as soon as it is rendered, until cancelled."""
        while True:
            await attempt.segment_ready.wait()
            attempt.segment_ready.clear()
            await self._publish_ready(attempt, segments, previews)

    async def _publish_ready(self, attempt: Attempt, segments: Sequence[PlannedSegment], previews: Path) -> None:
        async with attempt.publishing:
            for position in attempt.take_ready_segments():
                segment = segments[position - 1]
                path = preview_file(previews, segment)
                if await asyncio.to_thread(path.exists):
                    await self._results.publish_segment(attempt.job, segment, path)

    async def _release(self, lease: Lease, status: JobStatus, **values: Any) -> None:
        """Release the job with a new status, and wake a worker if it is queued again."""
        job = await lease.release(status, **values)
        if job is not None:
            record_released(job)
        if job is None or job.status != JobStatus.QUEUED:
            return
        try:
            await self._dispatcher.enqueue(job)
        except Exception:  # noqa: BLE001 - after any failure of the queue, the next sweep enqueues the job
            _log.warning("enqueue_failed", job_id=str(job.id), exc_info=True)


@asynccontextmanager
async def _temporary_folder(parent: Path, prefix: str) -> AsyncGenerator[Path]:
    """Create a folder, and delete it after the block without blocking the event loop."""
    folder = tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True)
    try:
        yield Path(folder.name)
    finally:
        # If this is cancelled, the thread still deletes all files.
        await asyncio.to_thread(folder.cleanup)


async def _send_queue_heartbeats(job: Job, heartbeat: Heartbeat) -> None:
    """Send heartbeats to the queue, separately from those to the database: a slow queue must not delay these.

    Jobs that end at once send none.
    """
    while True:
        await asyncio.sleep(QUEUE_HEARTBEAT_INTERVAL_S)
        try:
            await heartbeat(job)
        except Exception as error:  # noqa: BLE001 - the queue's entry only wakes a worker
            if outage_of(error) is None:
                _log.warning("queue_heartbeat_failed", job_id=str(job.id), exc_info=True)


def _ignore_result(thread: asyncio.Future[None]) -> None:
    """Retrieve the exception of a stopped thread, so that asyncio does not log it."""
    thread.exception()
