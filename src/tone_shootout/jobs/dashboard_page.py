"""The dashboard's page: SAQ's script, with one of ours in front of it.

SAQ's script (`saq/web/static/app.js`) draws a queue and its entries every two seconds. `static/dashboard.js` stands
between it and the service: it renews the session or leads to the sign-in page, shows what a button was answered, shows
only buttons that can succeed, and names columns after their content (`jobs.dashboard`).
"""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final, cast

from litestar import Controller, MediaType, Request, Response, get
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.plugins import InitPlugin
from litestar.response import Redirect
from litestar.static_files import create_static_files_router
from litestar_saq import SAQPlugin, TaskQueues
from saq import Queue

from tone_shootout.accounts.errors import AdministratorOnlyError
from tone_shootout.accounts.redirects import redirect_to_sign_in
from tone_shootout.jobs.dashboard import DashboardQueue, ScheduleQueue
from tone_shootout.kit.http.prefix import prefix_of
from tone_shootout.kit.http.problems import UnauthorizedError

_STATIC: Final = Path(__file__).parent / "static"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    # `data:` is for the images that SAQ's style sheet holds.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en" data-prefix="{prefix}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Jobs · Tone Shootout</title>
<link rel="stylesheet" href="{prefix}/saq/static/pico.min.css.gz">
<link rel="stylesheet" href="{prefix}/saq/assets/dashboard.css">
</head>
<body>
<div id="app"></div>
<p id="answer" role="status" hidden></p>
<noscript><p>The dashboard needs JavaScript. <code>shootout jobs list</code> shows your own jobs.</p></noscript>
<script src="{prefix}/saq/static/snabbdom.js.gz"></script>
<script src="{prefix}/saq/assets/dashboard.js" type="module"></script>
<script src="{prefix}/saq/static/app.js" defer></script>
</body>
</html>
"""


class DashboardPlugin(InitPlugin):
    """Gives SAQ's dashboard our page and our queues. It comes after SAQ's plugin.

    Args:
        saq: SAQ's plugin. `litestar workers` looks for exactly its class, so this one does not extend it.
        queues: what the dashboard shows as queues.
    """

    def __init__(self, saq: SAQPlugin, *queues: DashboardQueue | ScheduleQueue) -> None:
        self._saq = saq
        self._queues = TaskQueues({queue.name: cast("Queue", queue) for queue in queues})

    async def provide_queues(self) -> AsyncGenerator[TaskQueues, None]:
        """Provide what the dashboard shows, connected."""
        for queue in self._queues.queues.values():
            await queue.connect()
        yield self._queues

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Replace what SAQ's plugin has added."""
        app_config.dependencies[self._saq.config.queues_dependency_key] = Provide(self.provide_queues)
        # The web process runs no tasks; in it, a worker of litestar-saq would start a thread of its own.
        for worker in self._saq.get_workers().values():
            app_config.on_startup.remove(worker.on_app_startup)
            app_config.on_shutdown.remove(worker.on_app_shutdown)
        saq_controller = cast(type[Controller], app_config.route_handlers.pop())
        app_config.route_handlers.extend(
            [
                _with_our_page(saq_controller),
                create_static_files_router(
                    path="/saq/assets", directories=[_STATIC], opt={"public": True}, include_in_schema=False
                ),
            ]
        )
        return app_config


def _with_our_page(saq_controller: type[Controller]) -> type[Controller]:
    class DashboardController(saq_controller):  # type: ignore[valid-type, misc]  # made by a function of litestar-saq
        """The queue as SAQ's script reads it, and the page."""

        @get(
            ["/saq", "/saq/", "/saq/queues/{queue_id:str}", "/saq/queues/{queue_id:str}/jobs/{job_id:str}"],
            name="worker:index",
            media_type=MediaType.HTML,
            include_in_schema=False,
            exception_handlers={UnauthorizedError: redirect_to_sign_in, AdministratorOnlyError: redirect_to_sign_in},
        )
        async def index(self, request: Request[Any, Any, Any]) -> Response[str] | Redirect:
            """Return the page. Its script selects the view by path; `/saq` redirects to `/saq/`."""
            if request.scope["raw_path"] == b"/saq":
                return Redirect("/saq/")
            page = _PAGE.replace("{prefix}", prefix_of(request.scope))
            return Response(page, media_type=MediaType.HTML, headers=_HEADERS)

    return DashboardController
