"""Litestar plugin of the accounts domain."""

from typing import Final

from litestar.config.app import AppConfig
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from tone_shootout.accounts.audit.controllers import AuditLogController
from tone_shootout.accounts.authentication import Authentication
from tone_shootout.accounts.connections import ConnectionService
from tone_shootout.accounts.controllers import (
    MeController,
    MySessionsController,
    SessionController,
    SignInController,
    Tone3000Controller,
)
from tone_shootout.accounts.cookies import ACCESS_COOKIE
from tone_shootout.accounts.credentials import AccessTokens
from tone_shootout.accounts.guards import SignedInGuard, is_public, provide_principal
from tone_shootout.accounts.idempotency import provide_idempotent, provide_idempotent_transfer
from tone_shootout.accounts.known_users import KnownUsers
from tone_shootout.accounts.pending_sign_ins import PendingSignIns
from tone_shootout.accounts.sign_in import SignInService
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.throttle import Throttle
from tone_shootout.tone3000.client import Tone3000
from tone_shootout.tone3000.oauth import OAuthClient

SECURITY_COMPONENTS: Final = Components(
    security_schemes={
        "bearer": SecurityScheme(
            type="http",
            scheme="bearer",
            description="API token (`tst_…`) or access token of a session.",
        ),
        "cookie": SecurityScheme(
            type="apiKey",
            security_scheme_in="cookie",
            name=ACCESS_COOKIE,
            description="Access token of a session in a browser. Unsafe methods are accepted only from the service's "
            "own pages. A service without a public URL sets it with its port appended, `shootout_access_8000`.",
        ),
    }
)


class AccountsPlugin(InitPlugin, ReceiveRoutePlugin):
    """Adds authentication, the guard of all routes, dependencies and controllers.

    Raises:
        SettingsError: the signing secret is too short.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        engine: AsyncEngine,
        redis: Redis,
        throttle: Throttle,
        known_users: KnownUsers,
        connections: ConnectionService,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._throttle = throttle
        self._known_users = known_users
        self._connections = connections
        self._access_tokens = AccessTokens(settings.security)
        self._pending = PendingSignIns(redis)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add middleware, guard, dependencies and controllers."""
        authentication = Authentication(self._access_tokens, self._engine, self._known_users, self._settings)
        app_config.middleware.append(authentication)
        app_config.guards.append(SignedInGuard(self._settings, self._throttle))
        app_config.dependencies.update(
            {
                "principal": Provide(provide_principal, sync_to_thread=False),
                "idempotent": Provide(provide_idempotent),
                "idempotent_transfer": Provide(provide_idempotent_transfer, sync_to_thread=False),
                "connections": Provide(lambda: self._connections, sync_to_thread=False),
                "sign_in": Provide(self._provide_sign_in, sync_to_thread=False),
            }
        )
        app_config.route_handlers.extend(
            [
                SessionController,
                SignInController,
                MeController,
                MySessionsController,
                Tone3000Controller,
                AuditLogController,
            ]
        )
        return app_config

    def _provide_sign_in(
        self,
        db_session: NamedDependency[AsyncSession],
        key_ring: NamedDependency[KeyRing],
        tone3000: NamedDependency[Tone3000],
        tone3000_oauth: NamedDependency[OAuthClient],
    ) -> SignInService:
        return SignInService(db_session, self._settings, key_ring, self._pending, tone3000_oauth, tone3000)

    def receive_route(self, route: BaseRoute) -> None:
        """Declare in the OpenAPI document that public routes need no credential."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if is_public(handler):
                    handler.security = [{}]
