"""HEAD wherever there is GET (RFC 9110, section 9.3.2)."""

from typing import Final

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from litestar.utils.path import normalize_path

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
        if scope["type"] != ScopeType.HTTP or scope["method"] != "HEAD" or self._has_head(scope["path"]):
            await self._next_app(scope, receive, send)
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

    def _has_head(self, path: str) -> bool:
        try:
            _, handler, *_ = self._app.asgi_router.handle_routing(path=normalize_path(path), method="HEAD")
        except (MethodNotAllowedException, NotFoundException):
            return False
        # Litestar's own one for static files leaves the content type out.
        return isinstance(handler, HTTPRouteHandler) and handler.resolve_include_in_schema()
