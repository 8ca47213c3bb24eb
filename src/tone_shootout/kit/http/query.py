"""Query parameters that do not exist are refused, as unknown fields of bodies are."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.routes import HTTPRoute, WebSocketRoute

from tone_shootout.kit.http.problems import Fault, MalformedError, check_body
from tone_shootout.validation import printable_line

ANY_QUERY: Final = "any_query"
"""Option of a handler that another service calls with parameters of its own, which OAuth lets it extend (RFC 6749,
section 4.1.2: a client must ignore unknown parameters of a response)."""

ADDED: Final = frozenset({"sign_in", "tone_id"})
"""Names that a sign-in adds to the path that it redirects to, which can be any."""

_API: Final = "/api/"
_KNOWN: Final = "known_query_parameters"
_LONGEST: Final = 40
_MOST: Final = 100


class UnknownParameterError(MalformedError):
    """The query has parameters that the operation does not have."""

    code = "unknown_parameter"


async def check_request(request: Request[Any, Any, Any]) -> None:
    """Validate the names in the query, then the body, before Litestar converts them.

    Raises:
        MalformedError: the query or the body is invalid.
        UnsupportedError: the body is declared as something else than JSON.
    """
    if request.scope["query_string"]:
        check_query(request)
    await check_body(request)


def check_query(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse query parameters that the operation does not have. Pages accept any.

    The handler of a WebSocket calls this itself, after authentication.

    Raises:
        UnknownParameterError: names all of them, and those that are known.
    """
    known = _known_parameters(connection.app).get(str(connection.route_handler))
    if known is None:
        return
    unknown = [name for name in dict.fromkeys(connection.query_params) if name not in known and name not in ADDED]
    if unknown:
        faults = [
            Fault(code="unknown_parameter", parameter=_short(n), detail=_detail(n, known)) for n in unknown[:_MOST]
        ]
        raise UnknownParameterError("; ".join(fault.detail for fault in faults), errors=faults)


def _detail(name: str, known: frozenset[str]) -> str:
    if not known:
        return f"The parameter `{_short(name)}` does not exist: this operation has no query parameters."
    close = get_close_matches(name, known, n=1)
    meant = f" Did you mean `{close[0]}`?" if close else ""
    return f"The parameter `{_short(name)}` does not exist.{meant} Known are {', '.join(sorted(known))}."


def _short(name: str) -> str:
    return printable_line(name)[:_LONGEST]


def _known_parameters(app: Litestar) -> Mapping[str, frozenset[str]]:
    """Return the names of the query parameters of each operation of the API."""
    found: dict[str, frozenset[str]] | None = app.state.get(_KNOWN)
    if found is None:
        found = {}
        for route in app.routes:
            if not route.path.startswith(_API):
                continue
            if isinstance(route, HTTPRoute):
                for handler, kwargs in route.route_handler_map.values():
                    if not handler.opt.get(ANY_QUERY):
                        found[str(handler)] = frozenset(each.field_alias for each in kwargs.expected_query_params)
            elif isinstance(route, WebSocketRoute) and route.handler_parameter_model is not None:
                parameters = route.handler_parameter_model.expected_query_params
                found[str(route.route_handler)] = frozenset(each.field_alias for each in parameters)
        app.state[_KNOWN] = found
    return found
