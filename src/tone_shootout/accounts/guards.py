"""Authorization of requests and WebSockets.

Every route requires a signed-in user, except those with `opt={"public": True}`. Unsafe methods require write scope.
Browsers send cookies by themselves, so a cookie is accepted for unsafe methods and WebSockets only from pages of the
service's own origins.
"""

import socket
from functools import lru_cache
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection, WebSocket
from litestar.exceptions import WebSocketException
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope as ASGIScope

from tone_shootout.accounts.errors import (
    AdministratorOnlyError,
    CrossOriginError,
    ReadOnlyTokenError,
    UnknownHostError,
)
from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.http.problems import TooManyRequestsError, UnauthorizedError
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.throttle import TOO_MANY, Rate, Throttle, further_count

Connection = ASGIConnection[Any, Any, Any, Any]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
NOT_SIGNED_IN: Final = 4401
ORIGIN_REFUSED: Final = 4403
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LOCAL_DOMAINS: Final = (".localhost", ".local", ".home.arpa", ".internal")
"""Domains reserved by RFC 6761, 6762 and 8375 and by ICANN, absent from the public DNS."""
_LONGEST_CACHED: Final = 300
"""Longest URL whose parts are remembered: clients choose what they send as `Host` and `Origin`."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


def is_public(handler: BaseRouteHandler) -> bool:
    """Return whether a route accepts requests without a credential."""
    return handler.opt.get("public") is True


def has_optional_authentication(handler: BaseRouteHandler) -> bool:
    """Return whether a public route authenticates requests that have a credential."""
    return handler.opt.get("optional_authentication") is True


def provide_principal(scope: ASGIScope) -> Principal:
    """Provide the authenticated user of a request.

    Raises:
        UnauthorizedError: the request has no credential.
        InvalidCredentialsError: the credential is invalid.
    """
    principal = scope["user"]
    if not isinstance(principal, Principal):
        raise scope["auth"] or UnauthorizedError()
    return principal


def require_administrator(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Require an administrator.

    Raises:
        AdministratorOnlyError: the user is not an administrator.
    """
    if provide_principal(connection.scope).role != "administrator":
        raise AdministratorOnlyError


def get_linking_principal(connection: Connection, settings: Settings) -> Principal:
    """Return the user whose account a request connects with TONE3000.

    Raises:
        UnauthorizedError: the request has no credential.
        ReadOnlyTokenError: the credential has read scope.
        CrossOriginError: a page of another origin has sent the browser here.
    """
    principal = provide_principal(connection.scope)
    if principal.scope != "write":
        raise ReadOnlyTokenError
    if principal.via == "cookie" and _has_origin_header(connection) and not origin_allowed(connection, settings):
        raise CrossOriginError
    return principal


def user_rate(settings: Settings) -> Rate:
    """Return the rate limit of each user."""
    return Rate("user", settings.limits.requests_per_minute)


class SignedInGuard:
    """Guard of all routes: authorization and the rate limit of each user."""

    def __init__(self, settings: Settings, throttle: Throttle) -> None:
        self._settings = settings
        self._throttle = throttle
        self._per_user = user_rate(settings)

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Authorize a connection.

        Raises:
            ProblemError: the request is rejected.
            WebSocketException: the WebSocket is rejected.
        """
        if not self._is_known_host(connection):
            if isinstance(connection, WebSocket):
                await reject_websocket(connection, ORIGIN_REFUSED, "This host name is unknown.")
            raise UnknownHostError(self._settings.public_url)
        if isinstance(connection, WebSocket):
            if not is_public(handler):
                await self._limit_rate(connection, await authenticate_websocket(connection, self._settings))
        elif is_public(handler):
            if _is_unsafe(connection) and (_has_origin_header(connection) or _has_cookies_only(connection)):
                self._require_own_origin(connection)
        else:
            principal = provide_principal(connection.scope)
            await self._limit_rate(connection, principal)
            if _is_unsafe(connection):
                if principal.via == "cookie":
                    self._require_own_origin(connection)
                if principal.scope != "write":
                    raise ReadOnlyTokenError

    async def _limit_rate(self, connection: Connection, principal: Principal) -> None:
        counter = (self._per_user, str(principal.user_id))
        counted, error = further_count(connection.scope) or (None, None)
        try:
            if counted != counter:
                await self._throttle.take_all(counter)
            elif error is not None:
                raise error
        except TooManyRequestsError as error:
            if isinstance(connection, WebSocket):
                await reject_websocket(connection, TOO_MANY, error.detail)
            raise

    def _is_known_host(self, connection: Connection) -> bool:
        """Return whether a name in `Host` is one of the service's own, if only this machine can reach the service.

        Other names belong to somebody who points them here to read the service through a browser (DNS rebinding).
        """
        server, host = self._settings.server, connection.headers.get("host")
        if host is None or server.trusted_proxies or server.host not in (*_LOOPBACK, "localhost"):
            return True
        own = _own_origin(connection)
        known = {_origin(url) for url in (self._settings.public_url, *server.allowed_origins)}
        return own is not None and (_is_local_name(own[1]) or own[1] in {each[1] for each in known if each})

    def _require_own_origin(self, connection: Connection) -> None:
        if not origin_allowed(connection, self._settings):
            raise CrossOriginError


async def authenticate_websocket(socket: WebSocket[Any, Any, Any], settings: Settings) -> Principal:
    """Return the authenticated user of a WebSocket, or reject it.

    Raises:
        WebSocketException: 4401 without a valid credential, 4403 for a cookie sent by a page of another origin.
    """
    principal: Principal | None = socket.scope["user"]
    if principal is None:
        await reject_websocket(socket, NOT_SIGNED_IN, "Sign in first.")
    if principal.via == "cookie" and not origin_allowed(socket, settings):
        await reject_websocket(socket, ORIGIN_REFUSED, "This origin may not connect.")
    return principal


async def reject_websocket(socket: WebSocket[Any, Any, Any], code: int, reason: str) -> NoReturn:
    """Reject a WebSocket with a close code.

    Raises:
        WebSocketException: always.
    """
    await socket.accept()  # scripts in a browser can read a close code, but no rejected handshake
    raise WebSocketException(detail=reason, code=code)


def origin_allowed(connection: Connection, settings: Settings) -> bool:
    """Return whether a browser sent the request from a page of the service's own origins.

    Own origins are the public URL, the allowed origins of the settings, and the origin in `Host` if its host is an IP
    address, `localhost` or a name of the local network. Any other name could belong to an attacker who points it here
    (DNS rebinding).

    Without `Origin`, and with `Origin: null`, the header `Sec-Fetch-Site` decides. Browsers send `null` with the forms
    of own pages if a proxy or the user sets the referrer policy `no-referrer`, and from sandboxed pages, which are
    never of the same origin. A request with neither header is not allowed.
    """
    sent, site = connection.headers.get("origin"), connection.headers.get("sec-fetch-site")
    if sent is None:
        return site in ("same-origin", "none")
    if sent == "null":
        return site == "same-origin"
    origin = _origin(sent)
    if origin is None:
        return False
    known = {_origin(url) for url in (settings.public_url, *settings.server.allowed_origins)}
    return origin in known or (origin == _own_origin(connection) and _is_local_name(origin[1]))


def local_origin(connection: Connection) -> str | None:
    """Return the origin of the request's `Host` if it is the address that the server listens on, else None."""
    own = _own_origin(connection)
    if own is None or not _is_server_host(connection):
        return None
    scheme, host, port = own
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _is_unsafe(connection: Connection) -> bool:
    return connection.scope.get("method") not in SAFE_METHODS


def _has_origin_header(connection: Connection) -> bool:
    return "origin" in connection.headers or "sec-fetch-site" in connection.headers


def _has_cookies_only(connection: Connection) -> bool:
    return "cookie" in connection.headers and "authorization" not in connection.headers


def _origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of a URL; None unless its scheme is `http` or `https`."""
    return _split(url) if len(url) <= _LONGEST_CACHED else _split.__wrapped__(url)


@lru_cache(maxsize=1024)
def _split(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None


def _own_origin(connection: Connection) -> tuple[str, str, int] | None:
    scheme = "https" if connection.scope["scheme"] in ("https", "wss") else "http"
    return _origin(f"{scheme}://{connection.headers.get('host', '')}")


def _is_local_name(host: str) -> bool:
    """Return whether a host can't be in the public DNS, so that no page of another party is served under it."""
    if ":" in host or host.replace(".", "").isdigit():
        return True  # an IP address; browsers normalize every spelling of IPv4 to four decimal numbers
    return "." not in host or host.endswith(_LOCAL_DOMAINS) or host == socket.gethostname().lower()


def _is_server_host(connection: Connection) -> bool:
    own, server = _own_origin(connection), connection.scope["server"]
    if own is None or server is None:
        return False
    _, host, port = own
    return port == server[1] and (host == server[0] or (host == "localhost" and server[0] in _LOOPBACK))
