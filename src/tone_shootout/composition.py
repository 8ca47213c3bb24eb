"""The composition root: the long-lived services of a process, each made once, when it is first used.

The web process (`app.create_app`), the worker and the commands take their services from here, and nowhere else is one
made. A service states what it needs in its constructor; this module passes it on.
"""

import os
import socket
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import cached_property
from typing import Final, Self, cast

import structlog
from advanced_alchemy.extensions.litestar import SQLAlchemyAsyncConfig
from litestar import Litestar
from litestar_saq import CronJob, QueueConfig, SAQConfig, SAQPlugin
from redis.asyncio import Redis
from saq.types import PartialTimersDict
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

import tone_shootout.jobs.tasks as job_tasks
from tone_shootout.accounts.connections import ConnectionService
from tone_shootout.accounts.guards import require_administrator, user_rate
from tone_shootout.accounts.known_users import KnownUsers
from tone_shootout.accounts.maintenance import AccountMaintenance
from tone_shootout.administration.services import Notices
from tone_shootout.jobs.account_deletion import UserJobCanceller
from tone_shootout.jobs.all_jobs import AllJobs
from tone_shootout.jobs.execution.availability import Availability, worker_readiness
from tone_shootout.jobs.execution.fetcher import Fetcher
from tone_shootout.jobs.execution.runner import Runner
from tone_shootout.jobs.execution.scratch import Scratch
from tone_shootout.jobs.execution.worker_server import WorkerServer
from tone_shootout.jobs.maintenance import JobMaintenance
from tone_shootout.jobs.metrics import InstallationState
from tone_shootout.jobs.repositories import results_bytes
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.jobs.scheduling.gated_queue import GatedQueue
from tone_shootout.jobs.scheduling.queue import RUN_JOB, build_queue, check_queue, poll_interval_s
from tone_shootout.jobs.scheduling.scheduler import JobScheduler
from tone_shootout.jobs.scheduling.task_log import TaskLog
from tone_shootout.jobs.scheduling.versions import own_version
from tone_shootout.jobs.streaming.event_hub import EventHub
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.jobs.webhooks.delivery import Deliverer
from tone_shootout.jobs.webhooks.maintenance import WebhookMaintenance
from tone_shootout.kit.db.session import Session, database_config
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.readiness import Readiness, check_broker, check_database, check_disks, check_migrations
from tone_shootout.kit.redis import connect_broker
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.kit.tasks import Context, Task, task_context
from tone_shootout.kit.throttle import Throttle
from tone_shootout.migrations import alembic_config, has_revision, head_revision
from tone_shootout.rendering.executor.fork_server import preload_rendering
from tone_shootout.rendering.media_info import Limits
from tone_shootout.schedules import MAINTENANCE, SCHEDULES
from tone_shootout.shootouts.library.maintenance import LibraryMaintenance
from tone_shootout.shootouts.library.quota import StorageQuota
from tone_shootout.shootouts.services import rendering_limits
from tone_shootout.shootouts.tones.importer import Importer
from tone_shootout.tone3000.http_client import HttpClient
from tone_shootout.tone3000.oauth import OAuthClient

TIMERS: Final[PartialTimersDict] = {"schedule": 1, "worker_info": 10, "sweep": 5, "abort": 1}
"""Seconds between two rounds of each of SAQ's periodic duties."""
_log = structlog.get_logger(__name__)


class Services:
    """The services of one process. Nothing connects before its first use.

    Args:
        settings: of the installation.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close what was opened, users of a connection before the connection itself."""
        made = self.__dict__
        async with AsyncExitStack() as stack:
            if "storage" in made:
                stack.push_async_callback(self.storage.aclose)
            if "engine" in made:
                stack.push_async_callback(self.engine.dispose)
            if "redis" in made:
                stack.push_async_callback(self.redis.aclose)
            if "queue" in made:
                stack.push_async_callback(self.queue.disconnect)
            if "http_client" in made:
                stack.push_async_callback(self.http_client.close)
            if "connections" in made:
                stack.push_async_callback(self.connections.aclose)

    # --- Connections ---------------------------------------------------------------------------------------------

    @cached_property
    def database(self) -> SQLAlchemyAsyncConfig:
        """The configuration of the database, with the migrations."""
        return database_config(self.settings, alembic_config())

    @cached_property
    def engine(self) -> AsyncEngine:
        """The database's connection pool."""
        return self.database.get_engine()

    @cached_property
    def session_maker(self) -> async_sessionmaker[AsyncSession]:
        """Opens sessions of the database."""
        return async_sessionmaker(self.engine, class_=Session, expire_on_commit=False)

    @cached_property
    def read_session_maker(self) -> async_sessionmaker[AsyncSession]:
        """Opens sessions in which each statement is a transaction of its own."""
        engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        return async_sessionmaker(engine, class_=Session, expire_on_commit=False)

    @cached_property
    def redis(self) -> Redis:
        """The broker."""
        return connect_broker(self.settings)

    @cached_property
    def queue(self) -> GatedQueue:
        """The queue that wakes workers."""
        return build_queue(self.settings)

    @cached_property
    def storage(self) -> Storage:
        """The object storage."""
        return Storage.from_settings(self.settings)

    @cached_property
    def http_client(self) -> HttpClient:
        """The HTTP client of TONE3000; without a broker, it does not share the installation's rate limit."""
        return HttpClient(self.settings.tone3000, self.redis if self.settings.redis.url else None)

    # --- Every process -------------------------------------------------------------------------------------------

    @cached_property
    def key_ring(self) -> KeyRing:
        """Encrypts and decrypts stored secrets."""
        return KeyRing(self.settings.security.encryption_keys)

    @cached_property
    def limits(self) -> Limits:
        """Limits of files and renders."""
        return rendering_limits(self.settings.limits)

    @cached_property
    def quota(self) -> StorageQuota:
        """Storage quota of users."""
        return StorageQuota(self.settings.limits, results_bytes)

    @cached_property
    def publisher(self) -> Publisher:
        """Publishes job events."""
        return Publisher(self.redis)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """Moves jobs from the table to the queue."""
        return Dispatcher(self.queue, self.session_maker, self.publisher, self.settings.worker)

    @cached_property
    def connections(self) -> ConnectionService:
        """Access tokens of TONE3000."""
        return ConnectionService(self.session_maker, self.key_ring, OAuthClient(self.http_client))

    @cached_property
    def all_jobs(self) -> AllJobs:
        """Jobs of all users."""
        return AllJobs(self.session_maker, self.dispatcher, self.settings.limits)

    @cached_property
    def notices(self) -> Notices:
        """Maintenance mode and announcements."""
        return Notices(self.read_session_maker)

    @cached_property
    def canceller(self) -> UserJobCanceller:
        """Cancels a user's jobs; without a broker, subscribers read the events in the database."""
        return UserJobCanceller(self.session_maker, self.publisher if self.settings.redis.url else None)

    # --- The web process -----------------------------------------------------------------------------------------

    @cached_property
    def throttle(self) -> Throttle:
        """Rate limits."""
        return Throttle(self.redis)

    @cached_property
    def known_users(self) -> KnownUsers:
        """Users of recent requests."""
        return KnownUsers(user_rate(self.settings))

    @cached_property
    def event_hub(self) -> EventHub:
        """Fans job events out to subscribers."""
        return EventHub(
            self.session_maker, backlog=self.settings.live.backlog, stream_limit=self.settings.limits.streams
        )

    @cached_property
    def installation_state(self) -> InstallationState:
        """The state of the installation in `/metrics`."""
        return InstallationState(self.read_session_maker, self.engine, self.queue, self.event_hub)

    @cached_property
    def readiness(self) -> Readiness:
        """Checks of `/health/ready`."""
        expected = head_revision()
        disks = [folder for folder in (self.settings.data, self.storage.folder) if folder is not None]
        return Readiness(
            {
                "database": lambda: check_database(self.engine),
                "broker": lambda: check_broker(self.redis),
                "storage": self.storage.check,
                "disk": lambda: check_disks(disks, self.settings.storage.free_bytes),
                "migrations": lambda: self._check_migrations(expected),
                "queue": lambda: check_queue(self.queue),
            }
        )

    async def _check_migrations(self, expected: str | None) -> None:
        await check_migrations(self.engine, expected, has_revision)

    # --- The worker ----------------------------------------------------------------------------------------------

    @cached_property
    def worker_name(self) -> str:
        """Name under which this process claims jobs."""
        return f"{socket.gethostname()}:{os.getpid()}"

    @cached_property
    def scratch(self) -> Scratch:
        """The folder in which jobs are rendered."""
        return Scratch(self.settings.data / "scratch", self.session_maker)

    @cached_property
    def availability(self) -> Availability:
        """Whether the worker's dependencies are available."""
        return Availability(
            worker_readiness(
                self.settings,
                name=self.worker_name,
                engine=self.engine,
                sessions=self.session_maker,
                queue=self.queue,
                broker=self.redis,
                storage=self.storage,
            )
        )

    @cached_property
    def worker_server(self) -> WorkerServer:
        """Metrics and probes of the worker."""
        worker = self.settings.worker
        return WorkerServer(worker.metrics_host, worker.metrics_port, self.availability)

    @cached_property
    def runner(self) -> Runner:
        """Runs jobs."""
        settings = self.settings
        importer = Importer(
            sessions=self.session_maker,
            storage=self.storage,
            quota=self.quota,
            connections=self.connections,
            http_client=self.http_client,
            limits=self.limits,
        )
        return Runner(
            scheduler=JobScheduler(
                name=self.worker_name,
                sessions=self.session_maker,
                publisher=self.publisher,
                limits=settings.limits,
                settings=settings.worker,
                is_paused=self.notices.are_workers_paused,
            ),
            sessions=self.session_maker,
            storage=self.storage,
            fetcher=Fetcher(self.session_maker, self.storage, importer),
            publisher=self.publisher,
            dispatcher=self.dispatcher,
            limits=settings.limits,
            settings=settings.worker,
            scratch=settings.data / "scratch",
            availability=self.availability,
        )

    @cached_property
    def deliverer(self) -> Deliverer:
        """Sends webhooks."""
        return Deliverer(self.session_maker, self.key_ring, self.settings.webhooks)

    @cached_property
    def task_log(self) -> TaskLog:
        """The last runs of scheduled tasks."""
        return TaskLog(self.redis)

    # --- Maintenance ---------------------------------------------------------------------------------------------

    @property
    def orphans_grace(self) -> timedelta:
        """Age up to which an object may still wait for its row: a running attempt may store it long before."""
        kept = timedelta(hours=self.settings.retention.orphans_hours)
        return max(kept, timedelta(seconds=2 * self.settings.worker.timeout_s))

    @cached_property
    def maintenance(self) -> tuple[object, ...]:
        """What the scheduled tasks call."""
        retention, grace = self.settings.retention, self.orphans_grace
        return (
            AccountMaintenance(self.session_maker, retention),
            LibraryMaintenance(self.session_maker, self.storage, grace),
            JobMaintenance(self.session_maker, self.storage, retention, grace),
            WebhookMaintenance(self.session_maker, retention),
        )


async def run_maintenance(
    services: Services, steps: Mapping[str, Sequence[Task]] = MAINTENANCE
) -> dict[str, int | None]:
    """Run scheduled tasks once, as `shootout housekeeping` does.

    Args:
        services: of the process.
        steps: tasks by the name under which they are reported.

    Returns:
        How many rows or objects each step deleted; None for one that failed, after which the others still run.
    """
    context = task_context(*services.maintenance)
    deleted: dict[str, int | None] = {}
    for name, tasks in steps.items():
        try:
            deleted[name] = sum([await task(context) for task in tasks])
        except Exception:  # noqa: BLE001 - the others are independent of it
            _log.exception("maintenance_failed", step=name)
            deleted[name] = None
    _log.info("maintenance_completed", **deleted)
    return deleted


def services_of(app: Litestar) -> Services:
    """Return the services of an application that `app.create_app` made."""
    services: Services = app.state["services"]
    return services


def queue_config(services: Services) -> SAQConfig:
    """Return the tasks and schedules of all modules as one queue, for `SAQPlugin` and for `shootout worker`."""
    settings = services.settings
    stack = AsyncExitStack()

    async def start(context: Context) -> None:
        cast("dict[str, object]", context).update(await stack.enter_async_context(_worker_lifespan(services)))

    async def stop(_context: Context) -> None:
        await stack.aclose()

    config = QueueConfig(
        name=services.queue.name,
        broker_instance=services.queue,  # one of the two is required; the instance below is what is used
        tasks=[(RUN_JOB, job_tasks.run_job)],
        scheduled_tasks=cast("Collection[CronJob]", SCHEDULES),  # SAQ's own class, which its worker takes
        concurrency=settings.worker.jobs + settings.worker.short_jobs,
        startup=[start],
        shutdown=[stop],
        after_process=[services.task_log.record],
        timers=TIMERS,
        poll_interval=poll_interval_s(settings),
        # During SAQ's grace period jobs continue and further ones start, and an idle worker just waits.
        shutdown_grace_period_s=0,
        cancellation_hard_deadline_s=settings.worker.grace_s,
    )
    return SAQConfig(
        queue_configs=[config],
        queue_instances={services.queue.name: services.queue},
        web_enabled=True,
        web_guards=[require_administrator],
    )


async def run_worker(services: Services) -> None:
    """Run a worker until SIGINT or SIGTERM, as `litestar workers run` does, without an application."""
    config = queue_config(services)
    worker = SAQPlugin(config).get_workers()[services.queue.name]
    try:
        await services.queue.connect()
        await worker.start()
    finally:
        await services.aclose()


@asynccontextmanager
async def _worker_lifespan(services: Services) -> AsyncGenerator[Context, None]:
    """Run what accompanies the queue in a worker; yield the context of its tasks."""
    services.queue.gate = services.availability.wait
    services.queue.about = own_version()._asdict()
    preload_rendering(plots=True)  # before an imported file is probed, which starts the same server process
    async with (
        services,
        services.availability.watched(services.dispatcher.requeue),
        services.dispatcher.sweeping(),
        services.deliverer.delivering(),
        services.scratch.cleaning(),
        services.worker_server.serving(),
    ):
        yield task_context(services.runner, *services.maintenance)
