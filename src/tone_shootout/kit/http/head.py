"""HEAD wherever there is GET (RFC 9110, section 9.3.2)."""

from typing import Final

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.status_codes import HTTP_405_METHOD_NOT_ALLOWED as HTTP_405
from litestar.types import ASGIApp, HTTPScope, Message, Method, Receive, Scope, Send
from litestar.utils.path import normalize_path

GET_ONLY: Final = "get_only"
"""Option of a GET handler that changes something: HEAD is not answered by it, but with 405."""
ASKED_METHOD: Final = "asked_method"
"""Where `scope["state"]` keeps the method of a request that is answered as another one."""


class HeadAsGet:
    """Answers HEAD as GET without the body, where an operation has no HEAD of its own.

    The handler of GET runs and its headers are sent, `Content-Length` included where it is known. What it sends
    after them is dropped. A stream without an end is told that its client has gone, which is true.

    Args:
        app: the application, for its routes.
        next_app: what answers.
    """

    def __init__(self, app: Litestar, next_app: ASGIApp) -> None:
        self._app = app
        self._next_app = next_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
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

        # A copy: the server looks at its own to know that no body follows. HEAD knows no ranges.
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        scope["state"][ASKED_METHOD] = "HEAD"
        as_get: HTTPScope = {**scope, "method": "GET", "headers": headers}
        await self._next_app(as_get, receive, send_head)

    def _allowing_head(self, path: str, method: str, send: Send) -> Send:
        """Return a `send` that names HEAD in `Allow` where GET is named and answers it."""

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
        # Litestar's own one for static files leaves the content type out.
        return isinstance(handler, HTTPRouteHandler) and handler.resolve_include_in_schema()
