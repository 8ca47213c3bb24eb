"""How administration enters the application."""

from collections.abc import Awaitable, Callable
from typing import Final

from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from tone_shootout.accounts.guards import Connection
from tone_shootout.administration.controllers import (
    AnnouncementController,
    MaintenanceController,
    PublicAnnouncementController,
)
from tone_shootout.administration.errors import MaintenanceError
from tone_shootout.administration.job_controllers import AllJobsController
from tone_shootout.administration.services import Notices
from tone_shootout.administration.user_controllers import UserController
from tone_shootout.jobs.all_jobs import AllJobs
from tone_shootout.kit.http.maintenance import MAKES_WORK
from tone_shootout.kit.http.problems import problems

_CONTROLLERS: Final = (
    AllJobsController,
    UserController,
    MaintenanceController,
    AnnouncementController,
    PublicAnnouncementController,
)


class AdministrationPlugin(InitPlugin, ReceiveRoutePlugin):
    """Adds the controllers, and refuses what makes work in maintenance mode. It comes after the accounts' plugin.

    Args:
        notices: what this process knows of maintenance mode and announcements.
        all_jobs: jobs of all users.
    """

    def __init__(self, notices: Notices, all_jobs: AllJobs) -> None:
        self._notices = notices
        self._all_jobs = all_jobs

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add routes, dependencies and the guard."""
        app_config.route_handlers.extend(_CONTROLLERS)
        app_config.guards.append(_maintenance_guard(self._notices))
        app_config.dependencies.update(
            {
                "notices": Provide(lambda: self._notices, sync_to_thread=False),
                "all_jobs": Provide(lambda: self._all_jobs, sync_to_thread=False),
            }
        )
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Add the refusal to the documentation of the operations that make work."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.opt.get(MAKES_WORK):
                    handler.responses = {**problems(503), **(handler.responses or {})}


def _maintenance_guard(notices: Notices) -> Callable[[Connection, BaseRouteHandler], Awaitable[None]]:
    async def refuse_work(_connection: Connection, handler: BaseRouteHandler) -> None:
        """Refuse what makes work while maintenance mode is on.

        Raises:
            MaintenanceError: it is on.
        """
        if handler.opt.get(MAKES_WORK) and (mode := await notices.maintenance()) is not None:
            raise MaintenanceError(mode.message, mode.retry_after_s)

    return refuse_work
