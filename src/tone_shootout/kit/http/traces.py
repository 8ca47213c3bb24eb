"""Spans of requests, by Litestar's own plugin. Imported only while traces are on."""

from typing import Any

from litestar.config.app import AppConfig
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.plugins import InitPlugin
from litestar.plugins.opentelemetry import OpenTelemetryConfig, OpenTelemetryPlugin
from litestar.types import ASGIApp, Receive, Scope, Send
from opentelemetry.trace import Span, get_current_span

from tone_shootout.kit.http.request_id import current_request_id

_URLS = ("http.url", "http.target", "url.full", "url.query")
"""Attributes that can hold a query, in which there are codes of sign-ins."""


def trace_plugins() -> list[InitPlugin]:
    """Return the plugins that make a span for each HTTP request, named after its route.

    A span has no query, headers or body. Streams of events last as long as their clients watch, so WebSockets have
    none.
    """
    config = OpenTelemetryConfig(
        server_request_hook_handler=_without_query,
        exclude=["^/health/", "^/metrics$"],
        exclude_spans=["receive", "send"],
        scopes={ScopeType.HTTP},
    )
    # Litestar looks for the first by its class's name.
    return [OpenTelemetryPlugin(config), NamedSpansPlugin()]


class NamedSpansPlugin(InitPlugin):
    """Adds the middleware that names spans."""

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add it behind all others."""
        app_config.middleware.append(NamedSpans())
        return app_config


class NamedSpans(ASGIMiddleware):
    """Names the span of a request after its route, and notes the request's id in it."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Name the span, and call the next application."""
        span = get_current_span()
        template = scope["path_template"]
        span.update_name(f"{scope['method']} {template}")  # type: ignore[typeddict-item]  # HTTP scopes only
        span.set_attributes({"http.route": template, "request_id": current_request_id()})
        await next_app(scope, receive, send)


def _without_query(span: Span, _scope: dict[str, Any]) -> None:
    attributes = getattr(span, "attributes", None) or {}
    for name in _URLS:
        if name in attributes:
            span.set_attribute(name, "" if name == "url.query" else str(attributes[name]).partition("?")[0])
