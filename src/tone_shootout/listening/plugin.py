"""How shares and listening tests enter the application."""

from litestar import Router
from litestar.config.app import AppConfig
from litestar.di import NamedDependency, Provide
from litestar.plugins import InitPlugin
from sqlalchemy.ext.asyncio import AsyncSession

from tone_shootout.jobs.services import JobService
from tone_shootout.kit.storage import Storage
from tone_shootout.listening.blind.controllers import (
    ListeningSessionController,
    ListeningTestController,
    ShareTestController,
)
from tone_shootout.listening.blind.excerpts import ExcerptCache
from tone_shootout.listening.blind.services import ListeningTestService
from tone_shootout.listening.blind.session_service import ListeningSessionService
from tone_shootout.listening.shares.controllers import JobShareController, ShareController
from tone_shootout.listening.shares.oembed import OEmbedController
from tone_shootout.listening.shares.services import ShareService


class ListeningPlugin(InitPlugin):
    """Adds the controllers of shares and listening tests, and their services."""

    def __init__(self) -> None:
        self._excerpts = ExcerptCache()

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add routes and dependencies."""
        app_config.route_handlers.append(
            Router(
                "/",
                route_handlers=[
                    JobShareController,
                    ShareController,
                    OEmbedController,
                    ShareTestController,
                    ListeningTestController,
                    ListeningSessionController,
                ],
            )
        )
        app_config.dependencies.update(
            {
                "shares": Provide(provide_shares, sync_to_thread=False),
                "listening_tests": Provide(provide_listening_tests, sync_to_thread=False),
                "listening_sessions": Provide(provide_listening_sessions, sync_to_thread=False),
                "excerpts": Provide(lambda: self._excerpts, sync_to_thread=False),
            }
        )
        return app_config


def provide_shares(
    db_session: NamedDependency[AsyncSession],
    jobs: NamedDependency[JobService],
    storage: NamedDependency[Storage],
) -> ShareService:
    """Return the service of shares for the request's unit of work."""
    return ShareService(db_session, jobs, storage)


def provide_listening_tests(
    db_session: NamedDependency[AsyncSession], shares: NamedDependency[ShareService]
) -> ListeningTestService:
    """Return the service of listening tests for the request's unit of work."""
    return ListeningTestService(db_session, shares)


def provide_listening_sessions(
    db_session: NamedDependency[AsyncSession], listening_tests: NamedDependency[ListeningTestService]
) -> ListeningSessionService:
    """Return the service of listeners' sessions for the request's unit of work."""
    return ListeningSessionService(db_session, listening_tests)
