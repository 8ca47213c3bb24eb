"""Operations that are to end: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594), and `deprecated` in the document.

`opt={DEPRECATED: Deprecation(since=…, sunset=…)}` marks an operation, or all operations of a controller or router.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Final

from litestar.config.app import AppConfig
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send

DEPRECATED: Final = "deprecated"
"""Option of a handler, controller or router: its `Deprecation`."""


@dataclass(frozen=True, slots=True)
class Deprecation:
    """The end of an operation.

    Attributes:
        since: date since which it is deprecated.
        sunset: date from which on it may not respond any more; None: not decided.
    """

    since: date
    sunset: date | None = None

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the header fields of its responses."""
        found = [(b"deprecation", f"@{int(_midnight(self.since).timestamp())}".encode())]
        if self.sunset is not None:
            found.append((b"sunset", format_datetime(_midnight(self.sunset), usegmt=True).encode()))
        return found


class DeprecationPlugin(InitPlugin, ReceiveRoutePlugin):
    """Adds the headers to the responses of deprecated operations, errors included, and marks them in the document."""

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the middleware, before those that may reject a request."""
        app_config.middleware.insert(0, _DeprecationMiddleware())
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Mark deprecated operations in the OpenAPI document."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                handler.deprecated = handler.deprecated or DEPRECATED in handler.opt


class _DeprecationMiddleware(ASGIMiddleware):
    scopes = (ScopeType.HTTP,)
    should_bypass_for_scope = staticmethod(lambda scope: DEPRECATED not in scope["route_handler"].opt)  # pyrefly: ignore[bad-override]

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Call the next application and add the headers."""
        deprecation: Deprecation = scope["route_handler"].opt[DEPRECATED]

        async def send_with_dates(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *deprecation.headers()]
            await send(message)

        await next_app(scope, receive, send_with_dates)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
