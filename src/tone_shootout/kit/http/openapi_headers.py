"""Response headers in the OpenAPI document: what each is, and which responses have it."""

from collections.abc import Iterator
from typing import Any, Final

Json = dict[str, Any]


def _text(description: str, example: str) -> Json:
    return {"description": description, "schema": {"type": "string", "examples": [example]}}


def _number(description: str, example: int) -> Json:
    return {"description": description, "schema": {"type": "integer", "minimum": 0, "examples": [example]}}


HEADERS: Final[dict[str, Json]] = {
    "X-Request-ID": _text(
        "Id of the request: the one that the client sent as `X-Request-ID` (1 to 64 letters, digits, dots, "
        "underscores and hyphens), or a new one. It is in the logs of the service and in `request_id` of problems.",
        "4f1d3c0a9be2477d8a55c6e0f1b2d3c4",
    ),
    "Location": _text("URL of what was made, or of the redirect.", "/api/v1/jobs/0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"),
    "Retry-After": _number("Seconds to wait before the next request.", 3),
    "RateLimit": _text("What is left of each limit: requests now, and seconds until another.", '"user";r=598;t=12'),
    "RateLimit-Policy": _text("The limits that apply: requests in a number of seconds.", '"user";q=600;w=60'),
    "Deprecation": _text("Time since when the operation is deprecated (RFC 9745).", "@1798761600"),
    "Sunset": _text("Time from which on it may not respond any more (RFC 8594).", "Thu, 31 Dec 2027 00:00:00 GMT"),
    "WWW-Authenticate": _text("How to authenticate.", 'Bearer realm="shootout"'),
    "Idempotency-Replayed": _text("`true`: the stored response of an earlier request with this key.", "true"),
    "ETag": _text(
        "Of a file: SHA-256 of the content, for `If-None-Match` and `If-Range`. Otherwise: hash of the state, for "
        "`If-None-Match` and `If-Match`.",
        '"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
    ),
    "Accept-Ranges": _text("`bytes`: a part of the content can be requested with `Range`.", "bytes"),
    "Content-Range": _text("The part of the content, or its size (`bytes */SIZE`).", "bytes 0-1023/48211"),
    "Content-Disposition": _text("Name of the file.", "inline; filename*=UTF-8''manifest.json"),
    "Cache-Control": _text("How long the response may be stored.", "private, no-cache"),
    "Set-Cookie": _text("Cookies of the session.", "shootout_access=…; HttpOnly; Path=/; SameSite=Lax"),
    "Vary": _text("Request header that selects the response.", "Accept"),
}
"""All documented headers."""

MADE: Final = ("201", "202", "302", "303")
"""Statuses whose responses always have a `Location`."""
FOUND: Final = {"upload_library_item": ("200",), "import_model": ("200",)}
"""Operations whose response has the `Location` of something that was there already."""
COOKIES: Final = {
    "start_session": ("201",),
    "refresh_session": ("200",),
    "poll_device": ("201",),
    "sign_in": ("302",),
    "finish_sign_in": ("200", "303"),
    "end_session": ("204",),
    "end_all_sessions": ("204",),
    "delete_me": ("204",),
}
_TAGGED: Final = {
    "upload_library_item": ("200", "201"),
    "import_model": ("200", "201"),
    "create_shootout": ("201",),
    "duplicate_shootout": ("201",),
    "create_webhook": ("201",),
}
_CONDITIONS: Final = frozenset({"If-Match", "If-None-Match"})
_FILE: Final = ("ETag", "Accept-Ranges", "Content-Disposition", "Cache-Control")


def component_name(header: str) -> str:
    """Return the name of a header's component: `RequestId` for `X-Request-ID`."""
    return {"X-Request-ID": "RequestId"}.get(header, header.replace("-", ""))


def component_headers() -> dict[str, Json]:
    """Return all headers by the names of their components."""
    return {component_name(name): header for name, header in HEADERS.items()}


def response_headers(method: str, operation: Json, status: str) -> dict[str, Json]:
    """Return references to the headers of a response, by name."""
    return {
        name: {"$ref": f"#/components/headers/{component_name(name)}"}
        for name in ("X-Request-ID", *_special(method, operation, status))
    }


def _special(method: str, operation: Json, status: str) -> Iterator[str]:
    operation_id = operation["operationId"]
    if status in MADE or status in FOUND.get(operation_id, ()):
        yield "Location"
    if status in COOKIES.get(operation_id, ()):
        yield "Set-Cookie"
    parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
    if status < "300" and "Idempotency-Key" in parameters:
        yield "Idempotency-Replayed"
    if status in _TAGGED.get(operation_id, ()) or (parameters & _CONDITIONS and status in ("200", "304", "412")):
        yield "ETag"
    responses = operation["responses"]
    if "429" in responses:
        yield from ("RateLimit", "RateLimit-Policy")
    if operation.get("deprecated"):
        yield from ("Deprecation", "Sunset")
    yield from _of_status(status)
    has_ranges = "206" in responses or method == "head"
    if status in ("200", "206", "304") and has_ranges:
        yield from _FILE
    elif status == "200" and "application/octet-stream" in responses[status].get("content", ()):
        yield from ("Content-Disposition", "Cache-Control")
    if status == "206":
        yield "Content-Range"


def _of_status(status: str) -> tuple[str, ...]:
    return {
        "401": ("WWW-Authenticate",),
        "416": ("Content-Range",),
        "429": ("Retry-After",),
        "503": ("Retry-After",),
    }.get(status, ())
