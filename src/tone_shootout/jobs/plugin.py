"""How the jobs domain enters the application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.di import NamedDependency, Provide
from litestar.plugins import InitPlugin
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.jobs.account_deletion import UserJobCanceller
from tone_shootout.jobs.controllers import JobController, watch_job
from tone_shootout.jobs.limits import LimitsController
from tone_shootout.jobs.match_controllers import MatchController
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.jobs.services import JobService, ShootoutJobs
from tone_shootout.jobs.streaming.event_hub import EventHub
from tone_shootout.jobs.streaming.job_stream import StreamService
from tone_shootout.jobs.streaming.tickets import Tickets
from tone_shootout.jobs.webhooks.controllers import WebhookController
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.settings import Settings
from tone_shootout.shootouts.library.quota import StorageQuota
from tone_shootout.shootouts.services import ShootoutService


class JobsPlugin(InitPlugin):
    """Controllers, the live channel and the dispatcher."""

    def __init__(
        self,
        settings: Settings,
        *,
        session_maker: SessionMaker,
        redis: Redis,
        quota: StorageQuota,
        dispatcher: Dispatcher,
        event_hub: EventHub,
        canceller: UserJobCanceller,
    ) -> None:
        self._redis = redis
        self._quota = quota
        self._dispatcher = dispatcher
        self._event_hub = event_hub
        self._canceller = canceller
        self._streams = StreamService(event_hub, session_maker, heartbeat_s=settings.live.heartbeat_s)
        self._tickets = Tickets(redis)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add what the domain brings."""
        app_config.route_handlers.extend(
            [JobController, MatchController, LimitsController, WebhookController, watch_job]
        )
        app_config.dependencies.update(
            {
                "jobs": Provide(_provide_jobs, sync_to_thread=False),
                "jobs_port": Provide(_provide_shootout_jobs, sync_to_thread=False),
                "dispatcher": Provide(lambda: self._dispatcher, sync_to_thread=False),
                "quota": Provide(lambda: self._quota, sync_to_thread=False),
                "job_canceller": Provide(lambda: self._canceller, sync_to_thread=False),
                "tickets": Provide(lambda: self._tickets, sync_to_thread=False),
                "streams": Provide(lambda: self._streams, sync_to_thread=False),
            }
        )
        app_config.lifespan.append(self._lifespan)
        return app_config

    @asynccontextmanager
    async def _lifespan(self, _app: Litestar) -> AsyncGenerator[None, None]:
        async with self._dispatcher.sweeping(), self._event_hub.running(self._redis):
            yield


def _provide_jobs(
    db_session: NamedDependency[AsyncSession],
    shootout_service: NamedDependency[ShootoutService],
    settings: NamedDependency[Settings],
) -> JobService:
    return JobService(db_session, shootout_service, settings.limits)


def _provide_shootout_jobs(db_session: NamedDependency[AsyncSession]) -> ShootoutJobs:
    return ShootoutJobs(db_session)
