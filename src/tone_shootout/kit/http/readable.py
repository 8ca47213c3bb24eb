"""Reject requests in unsupported encodings, before authentication."""

from typing import Any
from urllib.parse import unquote_to_bytes

from litestar import Request
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from tone_shootout.kit.http.problems import MalformedError, ProblemError, UnsupportedError, problem_response


class RequestEncodingMiddleware(ASGIMiddleware):
    """Rejects a URL that is not UTF-8 (400), and a compressed body (415).

    The server would otherwise replace invalid bytes, and look up another resource than requested.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Reject the request, or call the next application."""
        try:
            _check(scope)  # type: ignore[arg-type]  # HTTP scopes only
        except ProblemError as error:
            # Sent instead of raised, so that the enclosing access log gets the status.
            request: Request[Any, Any, Any] = Request(scope, receive, send)
            response = problem_response(error.status, error.code, error.detail, headers=error.headers)
            await response.to_asgi_response(app=None, request=request)(scope, receive, send)
            return
        await next_app(scope, receive, send)


def _check(scope: HTTPScope) -> None:
    for part, name in ((scope["raw_path"], "path"), (scope["query_string"], "query")):
        if part.isascii() and b"%" not in part:
            continue
        try:
            unquote_to_bytes(part).decode()
        except UnicodeDecodeError:
            raise MalformedError(f"The {name} of the URL is not UTF-8. Percent-encode it as UTF-8.") from None
    headers = Headers.from_scope(scope)
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    codings = {coding.strip().lower() for coding in headers.get("content-encoding", "").split(",")} - {"", "identity"}
    if codings and has_body:
        raise UnsupportedError(
            f"The body is encoded as {', '.join(sorted(codings))[:80]!r}. Send it without Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )
