"""Metrics of jobs for Prometheus: what a worker has done, and the state of the installation.

A worker counts what it does. The state is in the database and the same for all processes; a web process reads it when
it is asked, at most once in `FRESH_S`.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

import structlog
from prometheus_client import Counter, Gauge, Histogram
from saq import Queue
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from tone_shootout.jobs.models import Job
from tone_shootout.jobs.repositories import JobArtifactRepository, JobRepository
from tone_shootout.jobs.repositories.render_cache import RenderCacheRepository
from tone_shootout.jobs.scheduling.versions import WorkerVersion, differing, own_version, worker_versions
from tone_shootout.jobs.status import FINISHED, JobStatus
from tone_shootout.jobs.streaming.event_hub import EventHub
from tone_shootout.jobs.summary import JobSummary
from tone_shootout.jobs.webhooks.repositories import DeliveryRepository
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.readiness import reason_of
from tone_shootout.shootouts.library.services import library_bytes

FRESH_S: Final = 5.0
"""Seconds for which a state that was read is repeated."""
STORAGE_S: Final = 600.0
"""Seconds for which the used storage is repeated: its statements read up to a thousand pages of each table."""
TIMEOUT_S: Final = 4.0
"""Longest time that a response waits for the state."""

_log = structlog.get_logger(__name__)

_finished = Counter("shootout_jobs_finished", "Attempts at jobs that ended, by the status after it", ["status"])
_failures = Counter("shootout_job_failures", "Failed jobs, by error code", ["code"])
_phases = Histogram(
    "shootout_job_phase_seconds",
    "Duration of the phases of completed jobs, in seconds",
    ["phase"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800),
)
_audio = Counter("shootout_audio_rendered_seconds", "Length of the segments of completed jobs, in seconds")
_segments = Counter("shootout_segments", "Segments of completed jobs, by where they came from", ["source"])

_jobs = Gauge("shootout_jobs", "Unfinished jobs", ["status"])
_oldest = Gauge("shootout_oldest_waiting_job_seconds", "Time for which the oldest waiting job has waited, in seconds")
_workers = Gauge("shootout_workers", "Workers that have reported to the queue within the last seconds")
_versions = Gauge("shootout_worker_versions", "Workers by version", ["app", "engine"])
_differing = Gauge("shootout_workers_differing", "Workers with another version or engine than this web process")
_deliveries = Gauge("shootout_webhook_deliveries_pending", "Deliveries of webhooks that have not succeeded yet")
_overdue = Gauge("shootout_webhook_delivery_overdue_seconds", "Time since the oldest delivery was due, in seconds")
_storage = Gauge("shootout_storage_used_bytes", "Size of stored files, in bytes; of large tables an estimate", ["kind"])
_state = Gauge("shootout_state_read", "1 if the state of the installation could be read, else 0")
_streams = Gauge("shootout_streams", "Open event streams of this process")
_pool = Gauge("shootout_database_connections", "Database connections of this process", ["state"])


def record_completed(summary: JobSummary) -> None:
    """Count a job that this worker has completed."""
    _finished.labels(JobStatus.COMPLETED).inc()
    for phase, seconds in summary.phases_s.items():
        _phases.labels(phase).observe(seconds)
    _audio.inc(summary.audio_s)
    _segments.labels("cache").inc(summary.cache_hits)
    _segments.labels("rendered").inc(summary.segments - summary.cache_hits)


def record_released(job: Job) -> None:
    """Count a job that this worker has released without completing it: failed, cancelled or queued again."""
    _finished.labels(job.status).inc()
    if job.status == JobStatus.FAILED and job.error_code:
        _failures.labels(job.error_code).inc()


class InstallationState:
    """Reads the state of the installation into the metrics of this process.

    Args:
        sessions: opens sessions of the database for reading.
        engine: the pool whose connections are counted.
        queue: the queue, for its workers.
        event_hub: the open streams.
    """

    def __init__(self, sessions: SessionMaker, engine: AsyncEngine, queue: Queue, event_hub: EventHub) -> None:
        self._sessions = sessions
        self._engine = engine
        self._queue = queue
        self._event_hub = event_hub
        self._lock = asyncio.Lock()
        self._read_at = self._storage_read_at = -STORAGE_S
        self._others: list[WorkerVersion] = []

    async def refresh(self) -> None:
        """Read what is older than `FRESH_S`. If that fails, the last values stay, and `shootout_state_read` is 0."""
        _streams.set(self._event_hub.open_streams)
        if isinstance(self._engine.pool, QueuePool):
            _pool.labels("in_use").set(self._engine.pool.checkedout())
            _pool.labels("idle").set(self._engine.pool.checkedin())
        async with self._lock:  # concurrent requests share one reading
            now = time.monotonic()
            if now - self._read_at < FRESH_S:
                return
            self._read_at = now
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await self._read(now)
            except Exception as error:  # noqa: BLE001 - the other metrics are answered
                _state.set(0)
                _log.warning("state_not_read", reason=reason_of(error))
            else:
                _state.set(1)

    async def _read(self, now: float) -> None:
        async with self._sessions() as session:
            jobs = await JobRepository(session).count_unfinished_by_status()
            pending = await DeliveryRepository(session).pending()
            if now - self._storage_read_at >= STORAGE_S:
                _storage.labels("library").set(await library_bytes(session))
                _storage.labels("results").set(await JobArtifactRepository(session).all_bytes())
                _storage.labels("cache").set(await RenderCacheRepository(session).all_bytes())
                self._storage_read_at = now
        for status in JobStatus:
            if status not in FINISHED:
                _jobs.labels(status).set(jobs.get(status, (0, 0.0))[0])
        _oldest.set(jobs.get(JobStatus.QUEUED, (0, 0.0))[1])
        _deliveries.set(pending.count)
        _overdue.set(pending.overdue_s)
        await self._queue.connect()
        workers = (await self._queue.info())["workers"]
        _workers.set(len(workers))
        self._set_versions(worker_versions(workers))

    def _set_versions(self, found: Mapping[WorkerVersion, int]) -> None:
        _versions.clear()
        for each, number in found.items():
            _versions.labels(*each).set(number)
        others = differing(found)
        _differing.set(sum(found[each] for each in others))
        if others != self._others:  # once for each change
            self._others = others
            if others:
                _log.warning("worker_versions_differ", own=str(own_version()), workers=[str(each) for each in others])
            else:
                _log.info("worker_versions_agree", own=str(own_version()))
