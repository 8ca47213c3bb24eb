"""Errors as `application/problem+json` (RFC 9457), with a stable code for programs.

The exceptions::

    ProblemError
    ├── MalformedError       400
    ├── UnauthorizedError    401
    ├── ForbiddenError       403
    ├── NotFoundError        404
    ├── TooSlowError         408, in `kit.http.body_timeout`
    ├── ConflictError        409
    ├── PreconditionFailedError 412, in `kit.http.preconditions`
    ├── TooLargeError        413
    ├── UnsupportedError     415
    ├── InvalidError         422, with a list of errors and their JSON pointers
    ├── TooManyRequestsError 429, with `Retry-After`
    └── UnavailableError     503, with `Retry-After`
"""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.enums import RequestEncodingType
from litestar.exceptions import HTTPException, ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.types import ExceptionHandlersMap
from msgspec import UNSET, Meta, Struct, UnsetType
from redis.exceptions import RedisError
from sqlalchemy.exc import IntegrityError

from tone_shootout.document_errors import MOST, explain_all, in_words
from tone_shootout.error_codes import all_codes
from tone_shootout.kit.http.request_id import current_request_id
from tone_shootout.kit.outages import StorageFaultError, outage_of
from tone_shootout.validation import explain, printable_line

MEDIA_TYPE = "application/problem+json"
CHECK_PARTS: Final = "check_parts"
"""Option of a handler: a coroutine function of the request, its decoded body and the errors in the structure of the
body. It returns the errors in the meaning of the parts that have the right structure."""

_JSON_TYPE: Final = re.compile(r"application/(?:[\w.+-]+\+)?json|text/json")
_log = structlog.get_logger(__name__)


class Fault(Struct, kw_only=True):
    """One error in the request."""

    code: Annotated[
        str, Meta(description="Stable code for programs; `ErrorCode` lists them.", examples=["ir_required"])
    ]
    pointer: Annotated[
        str | UnsetType,
        Meta(
            description="JSON pointer into the body of the request, to the invalid, unknown or missing value.",
            examples=["/config/chains/0/blocks"],
        ),
    ] = UNSET
    parameter: Annotated[
        str | UnsetType,
        Meta(description="Name of the invalid query, path or header parameter.", examples=["limit"]),
    ] = UNSET
    detail: Annotated[
        str,
        Meta(
            description="What was expected and what was received.",
            examples=[
                (
                    "chain “Plexi”, blocks: the amp's capture has no cabinet: expected a cab IR after it. To render it "
                    'without one, write allow = ["no_cab"] in the chain'
                )
            ],
        ),
    ]


class Problem(Struct, kw_only=True, omit_defaults=True):
    """The body of an error response."""

    status: Annotated[int, Meta(description="The HTTP status.", examples=[404])]
    title: Annotated[str, Meta(description="The status phrase.", examples=["Not Found"])]
    code: Annotated[str, Meta(description="Stable code for programs; `ErrorCode` lists them.", examples=["not_found"])]
    detail: Annotated[str, Meta(description="Explanation for people.")]
    errors: Annotated[list[Fault], Meta(description="All errors in the request.")] = []
    type: Annotated[str, Meta(description="A URI for the type of problem.")] = "about:blank"
    request_id: Annotated[
        str,
        Meta(
            description="Id of the request, as in `X-Request-ID` and in the logs of the service.",
            examples=["4f1d3c0a9be2477d8a55c6e0f1b2d3c4"],
        ),
    ] = ""


class ProblemError(Exception):
    """Base class of all errors that are shown to clients."""

    status: ClassVar[int] = 400
    code: str = "invalid_request"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[Fault] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.errors = list(errors)
        self.headers = headers or {}


class MalformedError(ProblemError):
    """The request is malformed."""


class MalformedJsonError(MalformedError):
    """The body is not JSON in UTF-8."""

    code = "malformed_json"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[Fault(code=self.code, pointer="", detail=detail)])


class UnauthorizedError(ProblemError):
    """Credentials are missing or invalid."""

    status = 401
    code = "unauthorized"

    def __init__(self, detail: str = "Sign in first.", *, code: str | None = None) -> None:
        super().__init__(detail, code=code, headers={"WWW-Authenticate": 'Bearer realm="shootout"'})


class ForbiddenError(ProblemError):
    """The credentials do not permit the operation."""

    status = 403
    code = "forbidden"


class NotFoundError(ProblemError):
    """The resource does not exist or belongs to another user; the response is the same."""

    status = 404
    code = "not_found"


class ConflictError(ProblemError):
    """The request conflicts with the current state."""

    status = 409
    code = "conflict"


class TooLargeError(ProblemError):
    """The body or file exceeds a limit."""

    status = 413
    code = "too_large"


class UnsupportedError(ProblemError):
    """The media type or encoding is not supported."""

    status = 415
    code = "unsupported_media_type"


class InvalidError(ProblemError):
    """The request is well-formed and its content invalid."""

    status = 422
    code = "invalid"


class TooManyRequestsError(ProblemError):
    """A rate limit or a limit of concurrent requests is exceeded."""

    status = 429
    code = "too_many_requests"

    def __init__(
        self, detail: str, *, wait_s: int, code: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(wait_s), **(headers or {})})
        self.wait_s = wait_s


class UnavailableError(ProblemError):
    """A dependency of the service is unavailable; the request can be retried."""

    status = 503
    code = "unavailable"

    def __init__(self, detail: str = "The service is temporarily unavailable; try again shortly.") -> None:
        super().__init__(detail, headers={"Retry-After": str(RETRY_AFTER_S)})


RETRY_AFTER_S = 5

HTTP_CODES: Final = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}
"""Codes of the framework's own errors."""

_EXAMPLES: dict[int, tuple[str, str]] = {
    400: ("invalid_request", "/title: Expected `str`, got `int`"),
    401: ("unauthorized", "Sign in first."),
    403: ("forbidden", "This token can only read."),
    404: ("not_found", "Shootout not found."),
    408: ("too_slow", "After 30 seconds, a body must arrive at 10000 bytes/s or more."),
    409: ("conflict", "The shootout is used by an unfinished job."),
    412: ("precondition_failed", "It has changed since you read it. Read it again, then retry."),
    413: ("too_large", "Expected at most 200000000 bytes."),
    415: ("unsupported_media_type", "The body is encoded as 'gzip'. Send it without Content-Encoding."),
    416: ("range_not_satisfiable", "The content has 1000 bytes."),
    422: ("invalid", "The spec is invalid."),
    502: ("tone3000_bad_answer", "TONE3000 sent an invalid response: larger than 4000000 bytes."),
    429: ("too_many_requests", "Try again in 3 seconds."),
    501: ("unsupported_oembed_format", "Descriptions of players are JSON. Send `format=json`, or leave it out."),
    503: ("unavailable", "The service is temporarily unavailable; try again shortly."),
}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Return the OpenAPI responses for error statuses, with an example each."""
    return {
        status: ResponseSpec(
            data_container=Problem,
            generate_examples=False,
            media_type=MEDIA_TYPE,
            description=HTTPStatus(status).phrase,
            examples=[
                Example(
                    value={
                        "type": "about:blank",
                        "status": status,
                        "title": HTTPStatus(status).phrase,
                        "code": _EXAMPLES[status][0],
                        "detail": _EXAMPLES[status][1],
                    }
                )
            ],
        )
        for status in statuses
    }


def problem_response(
    status: int, code: str, detail: str, *, errors: Sequence[Fault] = (), headers: dict[str, str] | None = None
) -> Response[Problem]:
    """Return a problem response."""
    problem = Problem(
        status=status,
        title=HTTPStatus(status).phrase,
        code=code,
        detail=detail,
        errors=list(errors),
        request_id=current_request_id(),
    )
    return Response(content=problem, status_code=status, media_type=MEDIA_TYPE, headers=headers or {})


def problem_of(error: ProblemError) -> Response[Problem]:
    """Return the response for a raised error."""
    return problem_response(error.status, error.code, error.detail, errors=error.errors, headers=error.headers)


def faults_of(document: object, kind: Any) -> list[Fault]:
    """Return all errors of a decoded document, with their places in words."""
    return [
        Fault(code=code, pointer=pointer, detail=in_words(pointer, document, detail + _list_advice(pointer, detail)))
        for code, pointer, detail in explain_all(document, kind)
    ]


def _list_advice(pointer: str, detail: str) -> str:
    name = pointer.rpartition("/")[2]
    if name and not name.isdigit() and detail == "Expected `array`, got `object`":
        return f': write a list, `"{name}": [{{...}}]`'
    return ""


def summary(faults: Sequence[Fault]) -> str:
    """Return the detail of a problem with these errors."""
    return "; ".join(fault.detail for fault in faults)


async def check_body(request: Request[Any, Any, Any]) -> None:
    """Validate a JSON body strictly, before Litestar converts it.

    Litestar's own conversion is lenient: it accepts `"1"` as a number and `"true"` as a boolean.

    Raises:
        MalformedError: the body is invalid; names all errors, each with its JSON pointer.
        UnsupportedError: the body is declared as something else than JSON.
    """
    expected = request.route_handler.parsed_data_field
    if expected is None or getattr(expected.kwarg_definition, "media_type", None) == RequestEncodingType.MULTI_PART:
        return
    body = await request.body() or b"null"
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body != b"null" and media_type and not _JSON_TYPE.fullmatch(media_type):
        raise UnsupportedError(
            f"Expected a body of the type application/json, got {printable_line(media_type)[:80]!r}. "
            "Send `Content-Type: application/json`.",
            headers={"Accept": "application/json"},
        )
    try:
        msgspec.json.decode(body, type=expected.annotation)
    except msgspec.ValidationError as error:
        document = _decode_or_none(body)
        faults = faults_of(document, expected.annotation)
        if faults and (check := request.route_handler.opt.get(CHECK_PARTS)) is not None:
            faults = [*faults, *await check(request, document, faults)][:MOST]
        if not faults:
            code, pointer, detail = explain(error, expected.annotation)
            faults = [Fault(code=code, pointer=pointer, detail=detail)]
        raise MalformedError(summary(faults), errors=faults) from None
    except UnicodeDecodeError as error:
        detail = f"The body is not UTF-8: byte {error.object[error.start]:#04x} at position {error.start} is invalid."
        raise MalformedJsonError(detail) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedJsonError(f"The body is not JSON: {error}") from None


def _decode_or_none(body: bytes) -> object:
    """Return the decoded JSON body, None if it is malformed."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None


def is_outage(error: Exception) -> bool:
    """Return whether an error means that a dependency is unavailable, rather than a bug."""
    return isinstance(error, OSError) or outage_of(error) is not None


def _of_problem(_request: Request[Any, Any, Any], error: ProblemError) -> Response[Problem]:
    return problem_of(error)


def _of_validation(_request: Request[Any, Any, Any], error: ValidationException) -> Response[Problem]:
    faults = []
    for item in error.extra if isinstance(error.extra, list) else []:
        code, pointer, detail = explain(str(item.get("message", "")))
        name = printable_line(str(item.get("key", "")) or pointer.strip("/"))
        faults.append(Fault(code=code, parameter=name, detail=f"{name}: {detail}"))
    return problem_response(400, MalformedError.code, summary(faults) or error.detail, errors=faults)


def _of_http(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    status = error.status_code
    code = HTTP_CODES.get(status, "internal_error" if status >= 500 else "invalid_request")
    detail = error.detail
    if detail in ("", HTTPStatus(status).phrase) and (known := all_codes().get(code)) is not None:
        detail = f"{known.title}. {known.action}"
    return problem_response(status, code, detail, headers=dict(error.headers or {}))


def _of_large_body(request: Request[Any, Any, Any], _error: RequestEntityTooLarge) -> Response[Problem]:
    limit = request.route_handler.resolve_request_max_body_size()
    return problem_response(413, TooLargeError.code, f"Expected a body of at most {limit} bytes.")


def _of_broken_constraint(_request: Request[Any, Any, Any], _error: Exception) -> Response[Problem]:
    return problem_response(409, "conflict", "The request conflicts with existing data.")


def _of_redis_error(request: Request[Any, Any, Any], error: RedisError) -> Response[Problem]:
    _log.warning("redis_unavailable", path=request.scope["path"], error=str(error))
    return problem_of(UnavailableError("Redis is unavailable; try again shortly."))


def _of_storage_fault(_request: Request[Any, Any, Any], error: StorageFaultError) -> Response[Problem]:
    _log.error("object_missing" if error.is_missing else "object_damaged", key=error.key)
    return problem_of(UnavailableError("The file is unavailable in storage; try again later."))


def _of_anything_else(request: ASGIConnection[Any, Any, Any, Any], error: Exception) -> Response[Problem]:
    if is_outage(error):
        _log.warning("dependency_unavailable", path=request.scope["path"], error=str(error))
        return problem_of(UnavailableError())
    _log.error("unhandled_exception", path=request.scope["path"], exc_info=error)
    return problem_response(500, "internal_error", "Internal error; it has been logged.")


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    ProblemError: _of_problem,
    ValidationException: _of_validation,
    HTTPException: _of_http,
    RequestEntityTooLarge: _of_large_body,
    IntegrityError: _of_broken_constraint,
    RedisError: _of_redis_error,
    StorageFaultError: _of_storage_fault,
    Exception: _of_anything_else,
}
