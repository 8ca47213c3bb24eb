"""The application: plugins of all domains, wired to the services of the composition root."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from advanced_alchemy.extensions.litestar import SQLAlchemyInitPlugin
from litestar import Controller, Litestar, Request, Response, Router, get
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.enums import OpenAPIMediaType
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Contact, License, Server, Tag
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.static_files import create_static_files_router
from litestar_saq import SAQPlugin
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from tone_shootout.accounts.plugin import SECURITY_COMPONENTS, AccountsPlugin
from tone_shootout.administration.plugin import AdministrationPlugin
from tone_shootout.composition import SCHEDULES, Services, queue_config
from tone_shootout.jobs.dashboard import DashboardQueue, ScheduleQueue
from tone_shootout.jobs.dashboard_page import DashboardPlugin
from tone_shootout.jobs.metrics import InstallationState
from tone_shootout.jobs.openapi import FURTHER_TYPES, describe_jobs
from tone_shootout.jobs.plugin import JobsPlugin
from tone_shootout.jobs.submission import SubmissionController
from tone_shootout.kit.db.pagination import provide_paging
from tone_shootout.kit.db.session import unit_of_work
from tone_shootout.kit.http.access_log import AccessLog
from tone_shootout.kit.http.body_timeout import BodyTimeout
from tone_shootout.kit.http.cors import CorsMiddleware
from tone_shootout.kit.http.dependencies import resolve_in_turn
from tone_shootout.kit.http.deprecation import DeprecationPlugin
from tone_shootout.kit.http.head import HeadMiddleware
from tone_shootout.kit.http.health import HealthController
from tone_shootout.kit.http.metrics import MetricsMiddleware
from tone_shootout.kit.http.openapi import (
    BinarySchemaPlugin,
    DocumentationPage,
    StructSchemaPlugin,
    empty_responses,
)
from tone_shootout.kit.http.openapi_document import DocumentConfig
from tone_shootout.kit.http.period import provide_period
from tone_shootout.kit.http.preconditions import provide_if_match, provide_if_none_match
from tone_shootout.kit.http.problems import EXCEPTION_HANDLERS, problems
from tone_shootout.kit.http.query import check_request
from tone_shootout.kit.http.readable import RequestEncodingMiddleware
from tone_shootout.kit.http.request_id import RequestIdMiddleware
from tone_shootout.kit.http.websocket import WebSocketRejectionMiddleware, record_rejection
from tone_shootout.kit.logs import configure_logs
from tone_shootout.kit.settings import Settings, SettingsError, load_settings, origin_of, require_servers
from tone_shootout.kit.throttle import AddressRateLimitMiddleware, Rate, UnroutedLimit
from tone_shootout.kit.tracing import configure_tracing, flush_tracing, is_tracing
from tone_shootout.lean_imports import hidden
from tone_shootout.listening.openapi import describe_listening
from tone_shootout.listening.plugin import ListeningPlugin
from tone_shootout.openapi_enums import NAMED_ENUMS
from tone_shootout.openapi_examples import add_examples
from tone_shootout.pages.plugin import PagesPlugin
from tone_shootout.shootouts.openapi import UPLOAD_TYPES, describe_patch, describe_upload
from tone_shootout.shootouts.plugin import ShootoutsPlugin
from tone_shootout.tone3000.plugin import Tone3000Plugin

EXPOSED_HEADERS: Final = [
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "WWW-Authenticate",
    "X-Request-ID",
]
"""Response headers that pages of allowed origins may read, in addition to CORS-safelisted ones."""
SWAGGER_UI = Path(__file__).parent / "kit" / "swagger_ui"


class MetricsController(Controller):
    """Metrics for Prometheus."""

    path = "/metrics"
    include_in_schema = False
    opt = {"public": True, "unlimited": True}  # noqa: RUF012 - Litestar reads the class attribute

    @get()
    async def get(self, installation_state: NamedDependency[InstallationState]) -> Response[bytes]:
        """Return the metrics of this process and the state of the installation."""
        await installation_state.refresh()
        return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


@get("/openapi.json", opt={"public": True}, include_in_schema=False, media_type=OpenAPIMediaType.OPENAPI_JSON)
async def openapi_document(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return the OpenAPI document."""
    return request.app.openapi_schema.to_schema()


class KitPlugin(InitPlugin, ReceiveRoutePlugin):
    """Registers the parts without a domain: unit of work, storage, Redis, problems, health, documentation."""

    def __init__(self, services: Services, structs: StructSchemaPlugin) -> None:
        self._services = services
        self._structs = structs

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the dependencies, middleware and handlers that all domains share."""
        services, settings = self._services, self._services.settings
        app_config.dependencies.update(
            {
                "db_session": Provide(unit_of_work(services.session_maker, services.read_session_maker)),
                "session_maker": Provide(lambda: services.session_maker, sync_to_thread=False),
                "storage": Provide(lambda: services.storage, sync_to_thread=False),
                "redis": Provide(lambda: services.redis, sync_to_thread=False),
                "installation_state": Provide(lambda: services.installation_state, sync_to_thread=False),
                "readiness": Provide(lambda: services.readiness, sync_to_thread=False),
                "key_ring": Provide(lambda: services.key_ring, sync_to_thread=False),
                "settings": Provide(lambda: settings, sync_to_thread=False),
                "paging": Provide(provide_paging, sync_to_thread=False),
                "period": Provide(provide_period, sync_to_thread=False),
                "throttle": Provide(lambda: services.throttle, sync_to_thread=False),
                "if_match": Provide(provide_if_match, sync_to_thread=False),
                "if_none_match": Provide(provide_if_none_match, sync_to_thread=False),
            }
        )
        app_config.exception_handlers.update(EXCEPTION_HANDLERS)
        app_config.before_request = check_request
        app_config.after_exception.append(record_rejection)
        app_config.middleware[:0] = [AccessLog(), WebSocketRejectionMiddleware()]
        limits = settings.limits
        app_config.middleware.append(
            AddressRateLimitMiddleware(
                services.throttle,
                Rate("address", limits.address_requests_per_minute),
                services.known_users.counter_of,
            )
        )
        app_config.middleware.append(RequestEncodingMiddleware())
        app_config.middleware.append(BodyTimeout(grace_s=limits.body_grace_s, bytes_per_s=limits.body_bytes_per_s))
        app_config.route_handlers.extend([HealthController, MetricsController])
        if settings.server.docs:
            app_config.openapi_config = openapi_config(settings, self._structs)
            app_config.route_handlers.append(openapi_document)
            app_config.route_handlers.append(
                create_static_files_router(
                    path="docs/assets", directories=[SWAGGER_UI], opt={"public": True}, include_in_schema=False
                )
            )
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Add the problems of malformed, throttled, slow and large requests to the documentation of each operation."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                common = problems(400) if handler.opt.get("unlimited") else problems(400, 429)
                if handler.parsed_data_field is not None:
                    common |= problems(408, 413, 415)
                self._structs.handlers.append(handler)
                handler.responses = {**common, **empty_responses(handler), **(handler.responses or {})}


def create_app(settings: Settings | None = None) -> Litestar:
    """Create the application.

    With `LITESTAR_APP=tone_shootout.app:create_app`, the commands of Litestar use it: `litestar run`,
    `litestar database`, `litestar workers run`, `litestar schema`, `litestar routes`.

    Args:
        settings: settings of the installation; None to load them from the environment and configure logging.

    Raises:
        SettingsError: a required setting is missing or invalid.
        SystemExit: the same if `settings` is None, with one line on stderr.
    """
    if settings is not None:
        return _build_app(Services(settings))
    try:
        settings = load_settings()
        configure_logs(settings.log)
        return _build_app(Services(settings))
    except SettingsError as error:
        raise SystemExit(f"Error: {error}") from None


def _build_app(services: Services) -> Litestar:
    settings = services.settings
    require_servers(settings)
    if not settings.security.secret:
        raise SettingsError("SHOOTOUT_SECURITY_SECRET: not set (`shootout serve` generates one)")
    _ = services.storage  # created now instead of on first use, so that startup fails if it is unusable
    configure_tracing()
    saq = SAQPlugin(queue_config(services))
    structs = StructSchemaPlugin()

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncGenerator[None, None]:
        async with services:
            yield
        await flush_tracing()

    # Litestar imports it wherever it is installed.
    with nullcontext() if is_tracing() else hidden("opentelemetry"):
        app = Litestar(
            route_handlers=[],
            middleware=[MetricsMiddleware()],
            plugins=[
                # Before the schema plugins of Litestar, which also match these types.
                *(structs, BinarySchemaPlugin()),
                SQLAlchemyInitPlugin(config=services.database),
                KitPlugin(services, structs),
                DeprecationPlugin(),
                Tone3000Plugin(services.http_client),
                AccountsPlugin(
                    settings,
                    engine=services.engine,
                    redis=services.redis,
                    throttle=services.throttle,
                    known_users=services.known_users,
                    connections=services.connections,
                ),
                ShootoutsPlugin(settings, services.session_maker, [SubmissionController]),
                JobsPlugin(
                    settings,
                    session_maker=services.session_maker,
                    redis=services.redis,
                    quota=services.quota,
                    dispatcher=services.dispatcher,
                    event_hub=services.event_hub,
                    canceller=services.canceller,
                ),
                ListeningPlugin(),
                AdministrationPlugin(services.notices, services.all_jobs),
                saq,
                DashboardPlugin(
                    saq,
                    DashboardQueue(services.queue, services.session_maker, services.all_jobs),
                    ScheduleQueue(services.queue, SCHEDULES, services.task_log),
                ),
                PagesPlugin(settings, services.notices),
                *_traces(),
            ],
            openapi_config=None,
            logging_config=None,
            request_max_body_size=settings.limits.body_bytes,
            debug=False,
            state=State({"services": services}),
            lifespan=[lifespan],
        )
    rate = Rate("address", settings.limits.address_requests_per_minute)
    app.asgi_handler = UnroutedLimit(app.asgi_handler, services.throttle, rate)
    resolve_in_turn(app)
    app.asgi_handler = HeadMiddleware(app, app.asgi_handler)
    if origins := [origin_of(url) for url in settings.server.allowed_origins]:
        # Before authentication, because browsers send preflight requests without credentials.
        app.asgi_handler = CorsMiddleware(app.asgi_handler, origins, EXPOSED_HEADERS)
    app.asgi_handler = RequestIdMiddleware(app.asgi_handler)
    return app


def _traces() -> list[InitPlugin]:
    """Return the plugins that trace requests, if traces are on."""
    if not is_tracing():
        return []
    from tone_shootout.kit.http.traces import trace_plugins

    return trace_plugins()


def openapi_config(settings: Settings, structs: StructSchemaPlugin) -> OpenAPIConfig:
    """Return the configuration of `/openapi.json` and of `/docs`, which loads no third-party resources."""
    page = DocumentationPage(
        js_url="docs/assets/swagger-ui-bundle.js",
        css_url="docs/assets/swagger-ui.css",
        standalone_preset_js_url="docs/assets/swagger-ui-standalone-preset.js",
        path="/",
        favicon="",
    )
    return DocumentConfig(
        title="Tone Shootout",
        version=version("tone-shootout"),
        description=(
            "Compare guitar tones honestly: same performance, one loudness, no limiter, every hash published.\n\n"
            "Send an API token (`shootout user token NAME`) as `Authorization: Bearer …`, "
            "or sign in with TONE3000 (`/api/v1/auth/login`). "
            "Errors are `application/problem+json` with a stable `code`. Resources of other users return 404."
        ),
        license=License(name="MIT", identifier="MIT"),
        contact=Contact(name="The Tone Shootout maintainers"),
        # A URL relative to the document works with every host name and path prefix.
        servers=[Server(url=settings.public_url if settings.server.public_url else ".")],
        openapi_router=Router("/docs", route_handlers=[], opt={"public": True}, include_in_schema=False),
        render_plugins=[page],
        source=structs,
        further={**FURTHER_TYPES, **UPLOAD_TYPES, **NAMED_ENUMS},
        complete=(describe_upload, describe_patch, describe_listening, describe_jobs, add_examples),
        use_handler_docstrings=True,
        components=SECURITY_COMPONENTS,
        security=[{"bearer": []}, {"cookie": []}],
        tags=[
            Tag(name="accounts", description="Users: sign-in, sessions, API tokens, export and deletion."),
            Tag(name="library", description="DI tracks, captures and cab IRs."),
            Tag(name="tones", description="Tones of TONE3000, through the user's own connection."),
            Tag(name="shootouts", description="Shootouts and their plans."),
            Tag(name="jobs", description="Rendering jobs, their events and results."),
            Tag(name="shares", description="Results that users show to others; reading needs no account."),
            Tag(name="listening tests", description="Blind tests on shares; taking them needs no account."),
            Tag(name="webhooks", description="Notifications about jobs, delivered to your programs."),
            Tag(
                name="administration",
                description="Users, jobs of all users, maintenance, announcements, audit log; for administrators.",
            ),
            Tag(name="operating", description="Health checks."),
        ],
    )
