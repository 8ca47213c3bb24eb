"""CORS: pages of allowed origins may use the API, with credentials.

Litestar's middleware for it replaces the `Vary` header of the application (RFC 9110, section 12.5.5), and is not made
to be derived from.
"""

from collections.abc import Collection, Iterable
from typing import Final

from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

MAX_AGE_S: Final = 600
"""Seconds for which a browser may remember the answer to a preflight request."""
METHODS: Final = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"

RawHeaders = list[tuple[bytes, bytes]]


class CorsMiddleware:
    """Answers preflight requests of allowed origins and adds the CORS headers to all responses to them.

    `Vary` has `Origin` on every response, because each depends on it: a cache must not serve the response for a request
    without `Origin` to a page of an allowed origin. A request of another origin is handled like one without `Origin`,
    and the browser keeps its response from the page.

    Args:
        app: the application.
        origins: the allowed origins.
        exposed: response headers that pages may read, beside those that CORS always permits.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str], exposed: Iterable[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._exposed = ", ".join(sorted(exposed))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight request, or call the next application and add headers to the response."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        headers = Headers.from_scope(scope)
        origin = headers.get("origin")
        added: RawHeaders = []
        if origin in self._origins:
            added = _encoded({"Access-Control-Allow-Origin": origin or "", "Access-Control-Allow-Credentials": "true"})
            if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                await self._answer_preflight(headers.get("access-control-request-headers", ""), added, send)
                return
            added += _encoded({"Access-Control-Expose-Headers": self._exposed})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = message.get("headers", [])
                if added:  # a public response allows any origin; with two values, browsers refuse both
                    found = [header for header in found if header[0].lower() != b"access-control-allow-origin"]
                message["headers"] = [*_with_origin_in_vary(found), *added]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    async def _answer_preflight(self, requested: str, added: RawHeaders, send: Send) -> None:
        headers = {"Access-Control-Max-Age": str(MAX_AGE_S), "Access-Control-Allow-Methods": METHODS, "Vary": "Origin"}
        if requested:
            headers["Access-Control-Allow-Headers"] = ", ".join(name.strip() for name in requested.split(","))
        await send({"type": "http.response.start", "status": 204, "headers": [*added, *_encoded(headers)]})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _encoded(headers: dict[str, str]) -> RawHeaders:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _with_origin_in_vary(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """Return headers with `Origin` in the one `Vary` header."""
    others: RawHeaders = []
    names: dict[bytes, bytes] = {}
    for name, value in headers:
        if name.lower() != b"vary":
            others.append((name, value))
            continue
        for part in value.split(b","):
            if part.strip():
                names.setdefault(part.strip().lower(), part.strip())
    names.setdefault(b"origin", b"Origin")
    return [*others, (b"vary", b", ".join(names.values()))]
