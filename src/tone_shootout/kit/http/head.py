"""HEAD for every operation with GET (RFC 9110, section 9.3.2)."""

from typing import Final

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.status_codes import HTTP_405_METHOD_NOT_ALLOWED as HTTP_405
from litestar.types import ASGIApp, HTTPScope, Message, Method, Receive, Scope, Send
from litestar.utils.path import normalize_path

GET_ONLY: Final = "get_only"
"""Option of a GET handler with side effects: HEAD gets 405."""
ORIGINAL_METHOD: Final = "original_method"
"""Key in `scope["state"]` of the method of a request that is handled as another one."""


class HeadMiddleware:
    """Handles HEAD like GET without the body, if an operation has no HEAD handler.

    The handler of GET runs and its headers are sent, including `Content-Length` if it is known. The body is discarded.
    An endless stream ends, because the client has disconnected.

    Args:
        app: the application, for its routes.
        next_app: the next ASGI application.
    """

    def __init__(self, app: Litestar, next_app: ASGIApp) -> None:
        self._app = app
        self._next_app = next_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != ScopeType.HTTP:
            await self._next_app(scope, receive, send)
            return
        path = scope["path"]
        if scope["method"] != "HEAD" or self._has_head(path) or self._is_get_only(path):
            await self._next_app(scope, receive, self._allowing_head(path, scope["method"], send))
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        # A copy, because the server reads the method in the original scope. HEAD does not support ranges.
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        scope["state"][ORIGINAL_METHOD] = "HEAD"
        as_get: HTTPScope = {**scope, "method": "GET", "headers": headers}
        await self._next_app(as_get, receive, send_head)

    def _allowing_head(self, path: str, method: str, send: Send) -> Send:
        """Return a `send` that adds HEAD to `Allow` if GET is allowed and handles HEAD."""

        async def send_allow(message: Message) -> None:
            if message["type"] == "http.response.start" and (message["status"] == HTTP_405 or method == "OPTIONS"):
                headers = []
                for name, value in message["headers"]:
                    methods = {each.strip() for each in value.decode("latin-1").split(",")}
                    if name.lower() == b"allow" and "GET" in methods and not self._is_get_only(path):
                        value = ", ".join(sorted(methods | {"HEAD"})).encode()
                    headers.append((name, value))
                message["headers"] = headers
            await send(message)

        return send_allow

    def _handler_of(self, path: str, method: Method) -> object:
        try:
            return self._app.asgi_router.handle_routing(path=normalize_path(path), method=method)[1]
        except (MethodNotAllowedException, NotFoundException):
            return None

    def _is_get_only(self, path: str) -> bool:
        handler = self._handler_of(path, "GET")
        return isinstance(handler, HTTPRouteHandler) and handler.opt.get(GET_ONLY) is True

    def _has_head(self, path: str) -> bool:
        handler = self._handler_of(path, "HEAD")
        # Litestar's handler for static files omits the content type.
        return isinstance(handler, HTTPRouteHandler) and handler.resolve_include_in_schema()
