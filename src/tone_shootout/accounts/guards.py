"""What a request may do, decided before its handler runs.

Every route needs a signed-in user unless it says `opt={"public": True}`. What changes something needs write scope.
A credential that a browser sends by itself, the cookie, counts only for pages of our own.
"""

import socket
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection, WebSocket
from litestar.exceptions import WebSocketException
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope as ASGIScope

from tone_shootout.accounts.errors import AdministratorOnlyError, CrossOriginError, ReadOnlyTokenError
from tone_shootout.accounts.principal import Principal
from tone_shootout.kit.http.problems import TooManyRequestsError, UnauthorizedError
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.throttle import TOO_MANY, Rate, Throttle

Connection = ASGIConnection[Any, Any, Any, Any]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
NOT_SIGNED_IN: Final = 4401
ORIGIN_REFUSED: Final = 4403
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LOCAL_DOMAINS: Final = (".localhost", ".local", ".home.arpa", ".internal")
"""Reserved by RFC 6761, 6762 and 8375 and by ICANN: not in the public name system."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


def is_public(handler: BaseRouteHandler) -> bool:
    """Tell whether a route is open to everybody."""
    return handler.opt.get("public") is True


def recognises(handler: BaseRouteHandler) -> bool:
    """Tell whether a public route wants to know who asks, if it can be known."""
    return handler.opt.get("recognises") is True


def provide_principal(scope: ASGIScope) -> Principal:
    """Return who asks.

    Raises:
        UnauthorizedError: there is no credential.
        InvalidCredentialsError: there is one that doesn't count.
    """
    principal = scope["user"]
    if not isinstance(principal, Principal):
        raise scope["auth"] or UnauthorizedError()
    return principal


def administrator(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Let administrators pass."""
    if provide_principal(connection.scope).role != "administrator":
        raise AdministratorOnlyError


def who_connects(connection: Connection, settings: Settings) -> Principal:
    """Return who wants their account to be connected with another one.

    Raises:
        UnauthorizedError: nobody who is known.
        ReadOnlyTokenError: with a credential that may change nothing.
        CrossOriginError: a page of somebody else's has sent the browser here.
    """
    principal = provide_principal(connection.scope)
    if principal.scope != "write":
        raise ReadOnlyTokenError
    if principal.via == "cookie" and _names_its_page(connection) and not origin_allowed(connection, settings):
        raise CrossOriginError
    return principal


class SignedInGuard:
    """The guard of every route."""

    def __init__(self, settings: Settings, throttle: Throttle) -> None:
        self._settings = settings
        self._throttle = throttle
        self._per_user = Rate("user", settings.limits.requests_per_minute)

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Let pass whom the route is for."""
        if isinstance(connection, WebSocket):
            if not is_public(handler):
                await self._count(connection, await signed_in(connection, self._settings))
        elif is_public(handler):
            if _changes_something(connection) and _names_its_page(connection):
                self._need_own_origin(connection)
        else:
            principal = provide_principal(connection.scope)
            await self._count(connection, principal)
            if _changes_something(connection):
                if principal.via == "cookie":
                    self._need_own_origin(connection)
                if principal.scope != "write":
                    raise ReadOnlyTokenError

    async def _count(self, connection: Connection, principal: Principal) -> None:
        """Count a request of a user."""
        try:
            await self._throttle.take(self._per_user, str(principal.user_id))
        except TooManyRequestsError as error:
            if isinstance(connection, WebSocket):
                await refuse(connection, TOO_MANY, error.detail)
            raise

    def _need_own_origin(self, connection: Connection) -> None:
        if not origin_allowed(connection, self._settings):
            raise CrossOriginError


async def signed_in(socket: WebSocket[Any, Any, Any], settings: Settings) -> Principal:
    """Return who opens a WebSocket, or refuse it.

    Raises:
        WebSocketException: 4401 for nobody who is known, 4403 for a cookie that a foreign page makes use of.
    """
    principal: Principal | None = socket.scope["user"]
    if principal is None:
        await refuse(socket, NOT_SIGNED_IN, "Sign in first.")
    if principal.via == "cookie" and not origin_allowed(socket, settings):
        await refuse(socket, ORIGIN_REFUSED, "This origin may not connect.")
    return principal


async def refuse(socket: WebSocket[Any, Any, Any], code: int, reason: str) -> NoReturn:
    """Close a WebSocket that was not accepted yet with a code that a page can read.

    Raises:
        WebSocketException: always.
    """
    await socket.accept()  # a browser shows its page no other refusal than the code of a close
    raise WebSocketException(detail=reason, code=code)


def origin_allowed(connection: Connection, settings: Settings) -> bool:
    """Tell whether a browser sent the request for a page of our own.

    Our own are the public address, the origins that the settings allow, and what the request's `Host` names where
    nobody else can make it point here: an IP address, `localhost`, or a name of the local network (any other name could
    be one that was made to point here). A request without `Origin` is judged by `Sec-Fetch-Site`; one with neither
    names no page, and is not allowed. So is one whose `Origin` is `null`: a browser sends that with our own forms, too,
    where a proxy or a person has set the referrer policy to `no-referrer`; sandboxed pages send it as well, but are
    never of the same origin.
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


def own_address(connection: Connection) -> str | None:
    """Return scheme, host and port that a browser on this machine has used, None for any from elsewhere."""
    own = _own_origin(connection)
    if own is None or not _host_is_ours(connection):
        return None
    scheme, host, port = own
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _changes_something(connection: Connection) -> bool:
    return connection.scope.get("method") not in SAFE_METHODS


def _names_its_page(connection: Connection) -> bool:
    return "origin" in connection.headers or "sec-fetch-site" in connection.headers


def _origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an address, None unless it is one of the web."""
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
    """Tell whether no public name server answers for a host, so that no foreign page can be served under it."""
    if ":" in host or host.replace(".", "").isdigit():
        return True  # an address; browsers write every spelling of an IPv4 one as four decimal numbers
    return "." not in host or host.endswith(_LOCAL_DOMAINS) or host == socket.gethostname().lower()


def _host_is_ours(connection: Connection) -> bool:
    own, server = _own_origin(connection), connection.scope["server"]
    if own is None or server is None:
        return False
    _, host, port = own
    return port == server[1] and (host == server[0] or (host == "localhost" and server[0] in _LOOPBACK))
