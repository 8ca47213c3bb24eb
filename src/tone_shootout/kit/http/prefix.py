"""Path prefix of a reverse proxy.

The application has no notion of the prefix. It is removed from request paths, unless the proxy did so, and added to
`Location` and cookie paths in responses.
"""

from typing import Any, Final

from litestar import Litestar
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.utils.path import normalize_path
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tone_shootout.kit.settings import ROOT_PATH, ServerSettings

PREFIX: Final = "path_prefix"
"""Where `scope["state"]` keeps the prefix, for the links of pages."""


def prefix_of(scope: Scope) -> str:
    """Return the path prefix of a request, for links in what is sent; empty: none."""
    prefix: str = scope["state"].get(PREFIX, "")
    return prefix


class BehindProxy:
    """Applies the client address and path prefix that a trusted proxy reports.

    Args:
        next_app: the application.
        settings: trusted proxies, and the prefix that overrides theirs.
    """

    def __init__(self, next_app: ASGIApp, settings: ServerSettings) -> None:
        self._next_app = next_app
        self._root_path = settings.root_path
        self._proxies: ProxyHeadersMiddleware | None = None
        if settings.trusted_proxies:
            self._proxies = ProxyHeadersMiddleware(next_app, settings.trusted_proxies)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application."""
        if scope["type"] not in ("http", "websocket"):
            await self._next_app(scope, receive, send)
            return
        prefix = self._root_path or self._forwarded(scope)
        if prefix:
            scope["state"][PREFIX] = prefix
            send = _prefixing(send, prefix.encode())
        if prefix and self._has_prefix(scope, prefix):
            scope["path"] = _without(scope["path"], prefix)
            scope["raw_path"] = _without(scope["raw_path"].decode("latin-1"), prefix).encode("latin-1")
        await (self._proxies or self._next_app)(scope, receive, send)  # type: ignore[arg-type]

    def _has_prefix(self, scope: Scope, prefix: str) -> bool:
        """Tell whether a path still begins with the prefix, and not with a part of our own that is called alike.

        A proxy that names the prefix in a header has usually removed it: a path of ours stays as it is. With the
        setting, the proxy has usually not: the prefix is removed where a path of ours is left.
        """
        app, path = self._next_app, scope["path"]
        rest = _without(path, prefix)
        if not isinstance(app, Litestar) or rest == path:
            return False
        return _is_route(app, scope, rest) if self._root_path else not _is_route(app, scope, path)

    def _forwarded(self, scope: Scope) -> str:
        """Return the prefix reported by a trusted proxy, the first one if there are several."""
        client = scope["client"]
        if self._proxies is None or client is None or client[0] not in self._proxies.trusted_hosts:
            return ""
        named = next((value for name, value in scope["headers"] if name == b"x-forwarded-prefix"), b"")
        prefix = named.decode("latin-1").split(",")[0].strip().rstrip("/")
        return prefix if ROOT_PATH.fullmatch(prefix) else ""


def _is_route(app: Litestar, scope: Scope, path: str) -> bool:
    method: Any = scope.get("method")
    try:
        app.asgi_router.handle_routing(path=normalize_path(path), method=method)
    except NotFoundException:
        return False
    except MethodNotAllowedException:
        return True
    return True


def _without(path: str, prefix: str) -> str:
    return path[len(prefix) :] or "/" if path == prefix or path.startswith(f"{prefix}/") else path


def _prefixing(send: Send, prefix: bytes) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [(name, _prefixed(name.lower(), value, prefix)) for name, value in message["headers"]]
        await send(message)

    return sending


def _prefixed(name: bytes, value: bytes, prefix: bytes) -> bytes:
    if name == b"location" and value.startswith(b"/") and not value.startswith(b"//"):
        return prefix + value
    if name == b"set-cookie":
        parts = value.split(b"; ")
        paths = [
            b"Path=" + (prefix + part[5:]).rstrip(b"/") if part.lower().startswith(b"path=/") else part
            for part in parts
        ]
        return b"; ".join(paths)
    return value
