"""The worker's tasks, and the worker itself."""

import os
import socket
from contextlib import aclosing
from typing import Any

from redis.asyncio import Redis
from saq import CronJob, Worker
from saq import Job as SaqJob
from saq.types import PartialTimersDict

from tone_shootout.accounts.connections import ConnectionService
from tone_shootout.jobs.execution.availability import Availability, worker_readiness
from tone_shootout.jobs.execution.fetcher import Fetcher
from tone_shootout.jobs.execution.runner import Runner
from tone_shootout.jobs.maintenance import MaintenanceService, Scratch
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.repositories import results_bytes
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.jobs.scheduling.queue import RUN_JOB, build_queue, poll_interval_s
from tone_shootout.jobs.scheduling.scheduler import JobScheduler
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.jobs.webhooks.delivery import Deliverer
from tone_shootout.kit.db.session import database_config
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.redis import connect_broker
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.shootouts.library.quota import StorageQuota
from tone_shootout.shootouts.services import rendering_limits
from tone_shootout.shootouts.tones.importer import Importer
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.oauth import SignIn

TIMERS: PartialTimersDict = {"schedule": 1, "worker_info": 10, "sweep": 5, "abort": 1}


async def run_job(context: dict[str, Any], *, job_id: str | None = None) -> None:  # noqa: ARG001 - for the dashboard
    """Work until nothing is left to take. `job_id` says who rang; the fairest comes first, which may be another.

    Safe to run twice, and at the same time: of two who take the same job only one gets it.
    """
    entry: SaqJob = context["job"]
    runner: Runner = context["runner"]

    async def alive(job: Job) -> None:
        await entry.update(meta={**entry.meta, "job_id": str(job.id)})

    await runner.run_until_idle(alive)


async def run_maintenance(context: dict[str, Any]) -> None:
    """Clear away what is kept long enough, once an hour, one worker for all. Safe to run twice, or to be broken off."""
    maintenance: MaintenanceService = context["maintenance"]
    await maintenance.run()


class PausingWorker(Worker[Any]):
    """SAQ's worker, which takes nothing from the queue while something that jobs need does not answer."""

    def __init__(self, *args: Any, availability: Availability, **options: Any) -> None:
        super().__init__(*args, **options)
        self._availability = availability

    async def process(self) -> bool:
        """Take an entry from the queue and do what it says."""
        await self._availability.wait()
        return await super().process()


MAINTENANCE: CronJob[Any] = CronJob(run_maintenance, cron="23 * * * *", timeout=3600, retries=1, ttl=60)


async def work(settings: Settings) -> None:
    """Be a worker until told to stop by SIGINT or SIGTERM."""
    config = database_config(settings)
    sessions = config.create_session_maker()
    redis: Redis = connect_broker(settings)
    publisher = Publisher(redis)
    queue = build_queue(settings)
    storage = Storage.from_settings(settings)
    keys = KeyRing(settings.security.encryption_keys)
    folder = settings.data / "scratch"
    scratch = Scratch(folder, sessions)
    dispatcher = Dispatcher(queue, sessions, publisher, settings.worker)
    name = f"{socket.gethostname()}:{os.getpid()}"
    readiness = worker_readiness(
        settings,
        name=name,
        engine=config.get_engine(),
        sessions=sessions,
        queue=queue,
        broker=redis,
        storage=storage,
    )
    availability = Availability(readiness)
    choice = JobScheduler(
        name=name,
        sessions=sessions,
        publisher=publisher,
        limits=settings.limits,
        settings=settings.worker,
    )
    calls = HttpClient(settings.tone3000, redis)
    connections = ConnectionService(sessions, keys, SignIn(calls))
    importer = Importer(
        sessions=sessions,
        storage=storage,
        quota=StorageQuota(settings.limits, results_bytes),
        connections=connections,
        calls=calls,
        limits=rendering_limits(settings.limits),
    )
    runner = Runner(
        choice=choice,
        sessions=sessions,
        storage=storage,
        fetcher=Fetcher(sessions, storage, importer),
        publisher=publisher,
        dispatcher=dispatcher,
        limits=settings.limits,
        settings=settings.worker,
        scratch=folder,
        availability=availability,
    )

    async def provide(context: dict[str, Any]) -> None:
        context["runner"] = runner
        context["maintenance"] = MaintenanceService(sessions, storage, settings)

    await queue.connect()
    deliverer = Deliverer(sessions, keys, settings.webhooks)
    worker = PausingWorker(
        queue,
        [(RUN_JOB, run_job)],
        availability=availability,
        concurrency=settings.worker.jobs + settings.worker.short_jobs,
        startup=provide,
        cron_jobs=[MAINTENANCE],
        timers=TIMERS,
        poll_interval=poll_interval_s(settings),
        # SAQ's own grace is one in which jobs go on, others are begun, and a worker with nothing to do just waits.
        shutdown_grace_period_s=0,
        cancellation_hard_deadline_s=settings.worker.grace_s,
    )
    try:
        async with (
            calls,
            aclosing(connections),
            availability.watched(dispatcher.requeue),
            dispatcher.sweeping(),
            deliverer.delivering(),
            scratch.cleaning(),
        ):
            await worker.start()
    finally:
        await queue.disconnect()
        await redis.aclose()
        await config.get_engine().dispose()
