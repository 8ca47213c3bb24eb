"""How the accounts domain enters the application."""

from typing import Final

from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from tone_shootout.accounts.authentication import Authentication
from tone_shootout.accounts.controllers import MeController, MySessionsController, SessionController
from tone_shootout.accounts.cookies import ACCESS_COOKIE
from tone_shootout.accounts.credentials import AccessTokens
from tone_shootout.accounts.guards import SignedInGuard, is_public, provide_principal
from tone_shootout.kit.settings import Settings

SECURITY_COMPONENTS: Final = Components(
    security_schemes={
        "bearer": SecurityScheme(
            type="http",
            scheme="bearer",
            description="An API token (`tst_…`), or the access token of a session.",
        ),
        "cookie": SecurityScheme(
            type="apiKey",
            security_scheme_in="cookie",
            name=ACCESS_COOKIE,
            description="The access token of a session, in a browser. Changes are taken from our own pages only.",
        ),
    }
)


class AccountsPlugin(InitPlugin, ReceiveRoutePlugin):
    """Authentication, the guard of every route, `principal`, and the account's own routes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add what the domain brings.

        Raises:
            SettingsError: the secret that signs sessions is too short.
        """
        app_config.middleware.append(Authentication(AccessTokens(self._settings.security)))
        app_config.guards.append(SignedInGuard(self._settings))
        app_config.dependencies["principal"] = Provide(provide_principal, sync_to_thread=False)
        app_config.route_handlers.extend([SessionController, MeController, MySessionsController])
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Let the documentation say of public routes that they need no credential."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if is_public(handler):
                    handler.security = [{}]
