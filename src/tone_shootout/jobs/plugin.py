"""How the jobs domain enters the application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.plugins import InitPlugin
from litestar_saq import SAQConfig, SAQPlugin
from redis.asyncio import Redis
from saq import Queue
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.accounts.guards import administrator
from tone_shootout.jobs.account_deletion import UserJobCanceller
from tone_shootout.jobs.controllers import JobController, ShootoutJobsController, watch_job
from tone_shootout.jobs.dashboard import DashboardQueue
from tone_shootout.jobs.dashboard_page import DashboardPlugin
from tone_shootout.jobs.repositories import results_bytes
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.jobs.scheduling.queue import build_queue, check_queue
from tone_shootout.jobs.services import JobService, JobsPortAdapter
from tone_shootout.jobs.streaming.event_hub import EventHub
from tone_shootout.jobs.streaming.job_stream import StreamService
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.jobs.streaming.tickets import Tickets
from tone_shootout.jobs.webhooks.controllers import WebhookController
from tone_shootout.kit.settings import Settings
from tone_shootout.shootouts.library.quota import StorageQuota
from tone_shootout.shootouts.services import ShootoutService


class JobsPlugin(InitPlugin):
    """Controllers, the live channel, the dispatcher and the queue's dashboard."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self._settings = settings
        self._redis = redis
        self._quota = StorageQuota(settings.limits, results_bytes)
        self._queue = build_queue(settings)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add what the domain brings."""
        app_config.plugins.append(self._dashboard(app_config.state))
        app_config.route_handlers.extend([ShootoutJobsController, JobController, WebhookController, watch_job])
        app_config.dependencies.update(
            {
                "jobs": Provide(_provide_jobs, sync_to_thread=False),
                "jobs_port": Provide(_provide_desk, sync_to_thread=False),
                "dispatcher": Provide(self._provide_dispatcher, sync_to_thread=False),
                "quota": Provide(lambda: self._quota, sync_to_thread=False),
                "leaving": Provide(self._provide_leaving, sync_to_thread=False),
                "tickets": Provide(lambda: Tickets(self._redis), sync_to_thread=False),
                "streams": Provide(self._provide_streams, sync_to_thread=False),
            }
        )
        app_config.state["readiness"].add("queue", lambda: check_queue(self._queue))
        app_config.lifespan.append(self._lifespan)
        return app_config

    def _dashboard(self, state: State) -> SAQPlugin:
        """Return SAQ's pages for administrators, with our jobs on them."""
        board = DashboardQueue(self._queue, state["sessions"], self._provide_dispatcher(state), self._settings.limits)
        return DashboardPlugin(
            SAQConfig(
                queue_configs=[],
                queue_instances={board.name: cast("Queue", board)},
                web_enabled=True,
                web_guards=[administrator],
            )
        )

    def _provide_dispatcher(self, state: State) -> Dispatcher:
        sessions = state["sessions"]
        return Dispatcher(self._queue, sessions, Publisher(self._redis), self._settings.worker)

    def _provide_leaving(self, state: State) -> UserJobCanceller:
        return UserJobCanceller(state["sessions"], Publisher(self._redis))

    def _provide_streams(self, state: State) -> StreamService:
        return StreamService(state["event_hub"], state["sessions"], heartbeat_s=self._settings.live.heartbeat_s)

    @asynccontextmanager
    async def _lifespan(self, app: Litestar) -> AsyncGenerator[None, None]:
        event_hub = EventHub(
            app.state["sessions"], backlog=self._settings.live.backlog, stream_limit=self._settings.limits.streams
        )
        app.state["event_hub"] = event_hub
        app.state["when_stopping"].append(event_hub.stop)
        try:
            async with self._provide_dispatcher(app.state).sweeping(), event_hub.running(self._redis):
                yield
        finally:
            await self._queue.disconnect()


def _provide_jobs(
    db_session: NamedDependency[AsyncSession],
    shootout_service: NamedDependency[ShootoutService],
    settings: NamedDependency[Settings],
) -> JobService:
    return JobService(db_session, shootout_service, settings.limits)


def _provide_desk(
    db_session: NamedDependency[AsyncSession],
    jobs: NamedDependency[JobService],
    dispatcher: NamedDependency[Dispatcher],
) -> JobsPortAdapter:
    return JobsPortAdapter(db_session, jobs, dispatcher)
