"""Errors of the client. A response with an error is an instance of the class of its code, else of its status."""

from typing import ClassVar, Final

from msgspec import Struct

TEMPORARY_STATUSES: Final = frozenset({408, 429, 502, 503, 504})
"""Statuses after which the same request can succeed."""


class Fault(Struct, frozen=True, kw_only=True):
    """One of the errors in a request.

    Attributes:
        code: stable code.
        pointer: JSON pointer (RFC 6901) to the invalid value; empty for parameters, files and the whole body.
        detail: what was expected and what was received.
    """

    code: str
    pointer: str = ""
    detail: str


class ClientError(Exception):
    """Base class of all errors of the client."""


class ConnectionFailedError(ClientError):
    """The service can't be reached, or the connection was lost and could not be made again."""


class InvalidResponseError(ClientError):
    """The response is not one of a Tone Shootout service, or content differs from its SHA-256."""


class LocalFileError(ClientError):
    """A local file can't be read or written, or a spec file is malformed."""


class ApiError(ClientError):
    """The service rejected a request.

    Attributes:
        status: HTTP status.
        code: stable code.
        detail: explanation for people.
        errors: all errors in the request.
        retry_after_s: seconds after which a retry makes sense, None if not stated.
    """

    status: ClassVar[int] = 0
    codes: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        detail: str,
        *,
        status: int = 0,
        code: str = "",
        errors: tuple[Fault, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.http_status = status or type(self).status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retry_after_s = retry_after_s

    @property
    def is_temporary(self) -> bool:
        """Whether the same request can succeed later."""
        return self.http_status in TEMPORARY_STATUSES or self.code in IdempotencyInFlightError.codes


class MalformedError(ApiError):
    """The request is malformed."""

    status = 400


class UnauthorizedError(ApiError):
    """Credentials are missing, invalid or expired."""

    status = 401


class InvalidCredentialsError(UnauthorizedError):
    """The token is invalid or has expired."""

    codes = ("invalid_credentials",)


class ForbiddenError(ApiError):
    """The token does not permit the operation."""

    status = 403


class ReadOnlyTokenError(ForbiddenError):
    """The token can only read."""

    codes = ("read_only_token",)


class NotFoundError(ApiError):
    """There is no such resource, or it belongs to another user."""

    status = 404


class JobNotFoundError(NotFoundError):
    """You have no such job."""

    codes = ("job_not_found",)


class ShootoutNotFoundError(NotFoundError):
    """You have no such shootout."""

    codes = ("shootout_not_found",)


class LibraryItemNotFoundError(NotFoundError):
    """Your library has no such item."""

    codes = ("library_item_not_found",)


class ArtifactNotFoundError(NotFoundError):
    """The job has no such result."""

    codes = ("artifact_not_found",)


class ConflictError(ApiError):
    """The request conflicts with the current state."""

    status = 409


class UserDisabledError(ConflictError):
    """The user is disabled."""

    codes = ("user_disabled",)


class InUseError(ConflictError):
    """A shootout or an unfinished job uses the item."""

    codes = ("in_use",)


class JobFinishedError(ConflictError):
    """The job has finished, so that it can't be cancelled."""

    codes = ("job_finished",)


class JobUnfinishedError(ConflictError):
    """The job has not finished."""

    codes = ("job_unfinished",)


class NothingToRetryError(ConflictError):
    """The job has neither failed nor been cancelled."""

    codes = ("nothing_to_retry",)


class IdempotencyInFlightError(ConflictError):
    """A request with the same idempotency key is in progress."""

    codes = ("idempotency_in_flight",)


class TooLargeError(ApiError):
    """A body or file exceeds a limit."""

    status = 413


class UnsupportedMediaTypeError(ApiError):
    """The media type or encoding of the body is not supported."""

    status = 415


class InvalidError(ApiError):
    """The request is well-formed and its content invalid."""

    status = 422


class InvalidConfigError(InvalidError):
    """The config of a shootout can't be rendered; `errors` says why."""

    codes = ("invalid_config",)


class IdempotencyKeyReusedError(InvalidError):
    """The idempotency key was used for a different request."""

    codes = ("idempotency_key_reused",)


class QuotaExceededError(ForbiddenError):
    """Your storage is full."""

    codes = ("quota_exceeded",)


class TooManyRequestsError(ApiError):
    """A rate limit is exceeded."""

    status = 429


class TooManyJobsError(TooManyRequestsError):
    """Too many of your jobs are unfinished."""

    codes = ("too_many_jobs",)


class TooManyStreamsError(TooManyRequestsError):
    """Too many of your streams are open."""

    codes = ("too_many_streams",)


class InternalServerError(ApiError):
    """The service has failed; it has logged the error."""

    status = 500


class UnavailableError(ApiError):
    """The service is temporarily unavailable."""

    status = 503


def _classes(base: type[ApiError]) -> list[type[ApiError]]:
    return [found for direct in base.__subclasses__() for found in (direct, *_classes(direct))]


BY_CODE: Final[dict[str, type[ApiError]]] = {code: found for found in _classes(ApiError) for code in found.codes}
"""Classes by code."""
BY_STATUS: Final[dict[int, type[ApiError]]] = {found.status: found for found in ApiError.__subclasses__()}
"""Classes by status, for codes without a class."""


def error_class(status: int, code: str) -> type[ApiError]:
    """Return the class of a problem: by its code, else by its status."""
    return BY_CODE.get(code) or BY_STATUS.get(status, ApiError)
