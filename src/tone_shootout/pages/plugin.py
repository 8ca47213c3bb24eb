"""The plugin of the pages."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from litestar import Response, Router
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.plugins import InitPlugin
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Template
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig

from tone_shootout.accounts.controllers import provide_accounts
from tone_shootout.accounts.errors import CrossOriginError
from tone_shootout.administration.services import Notices
from tone_shootout.kit.http.problems import ProblemError
from tone_shootout.kit.settings import Settings
from tone_shootout.pages.administration import AllJobsPageController
from tone_shootout.pages.builder import BuilderController
from tone_shootout.pages.home import HomeController
from tone_shootout.pages.job_page import JobPageController
from tone_shootout.pages.library import LibraryPageController
from tone_shootout.pages.library_picture import LibraryPicturePageController
from tone_shootout.pages.listening_tests import ListeningTestPageController, ShareTestsPageController
from tone_shootout.pages.responses import add_filters, problem_page
from tone_shootout.pages.settings import SettingsPageController
from tone_shootout.pages.share_page import EmbedController, ExploreController, SharePageController, embed_problem
from tone_shootout.pages.shares import JobSharePageController, SharesPageController
from tone_shootout.pages.sign_in import SessionPageController, SignInPageController, cross_origin_response
from tone_shootout.pages.tones import TonesPageController
from tone_shootout.rendering.listening_page.document import STATIC

_HERE: Final = Path(__file__).parent


class PagesPlugin(InitPlugin):
    """Adds pages, templates and static files."""

    def __init__(self, settings: Settings, notices: Notices) -> None:
        self._settings = settings
        self._notices = notices

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add routes and the template engine."""
        app_config.template_config = TemplateConfig(
            directory=_HERE / "templates", engine=JinjaTemplateEngine, engine_callback=add_filters
        )
        app_config.route_handlers.extend(
            [
                Router(
                    "/",
                    route_handlers=[SignInPageController, SessionPageController],
                    exception_handlers={CrossOriginError: partial(cross_origin_response, self._settings)},
                    after_request=_notices_adder(self._notices),
                ),
                Router(
                    "/",
                    route_handlers=[
                        HomeController,
                        AllJobsPageController,
                        LibraryPageController,
                        LibraryPicturePageController,
                        BuilderController,
                        JobPageController,
                        SettingsPageController,
                        TonesPageController,
                        SharePageController,
                        SharesPageController,
                        JobSharePageController,
                        ExploreController,
                        ListeningTestPageController,
                        ShareTestsPageController,
                    ],
                    dependencies={"accounts": Provide(provide_accounts, sync_to_thread=False)},
                    exception_handlers={ProblemError: problem_page},
                    after_request=_notices_adder(self._notices),
                ),
                Router("/", route_handlers=[EmbedController], exception_handlers={ProblemError: embed_problem}),
                create_static_files_router(
                    path="/static",
                    directories=[_HERE / "static", STATIC],
                    opt={"public": True},
                    include_in_schema=False,
                ),
            ]
        )
        return app_config


def _notices_adder(notices: Notices) -> Callable[[Response[Any]], Awaitable[Response[Any]]]:
    async def add_notices(response: Response[Any]) -> Response[Any]:
        """Add maintenance mode and announcements to what a page shows."""
        if isinstance(response, Template):
            response.context["maintenance"] = await notices.maintenance()
            response.context["announcements"] = await notices.announcements()
        return response

    return add_notices
