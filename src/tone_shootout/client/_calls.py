"""Requests and their responses, without input and output: both clients carry them out."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final, TypeVar
from uuid import uuid4

import httpx
import msgspec
from msgspec import Struct

from tone_shootout.client.errors import (
    ApiError,
    ConnectionFailedError,
    Fault,
    InvalidResponseError,
    LocalFileError,
    error_class,
)

API: Final = "/api/v1"
Params = Mapping[str, str | int | Sequence[str]]
"""A query; a sequence is sent as one parameter per item."""
T = TypeVar("T")


class Upload(Struct, frozen=True):
    """A form to send: names and texts of fields, names and paths of files, in order."""

    parts: tuple[tuple[str, str | Path], ...]


class Call(Struct, frozen=True):
    """A request.

    Attributes:
        method: HTTP method.
        path: path below `/api/v1`.
        params: query.
        json: JSON body; None: no body.
        upload: a form to send in place of JSON.
        content: a body to send as it is in place of JSON; None: none.
        headers: further headers.
    """

    method: str
    path: str
    params: Params = {}
    json: Any = None
    upload: Upload | None = None
    content: bytes | None = None
    headers: dict[str, str] = {}

    @contextmanager
    def arguments(self) -> Generator[dict[str, Any]]:
        """Yield arguments for one request of httpx; files of an upload are read from the start.

        Raises:
            LocalFileError: a file to upload can't be read.
        """
        known: dict[str, Any] = {"method": self.method, "url": self.path, "headers": self.headers}
        if self.params:
            known["params"] = self.params
        if self.content is not None:
            yield known | {"content": self.content}
            return
        if self.upload is None:
            yield known | ({} if self.json is None else {"json": self.json})
            return
        with ExitStack() as stack:
            parts: list[tuple[str, tuple[str | None, bytes | IO[bytes]]]] = []
            for name, value in self.upload.parts:
                if isinstance(value, str):
                    parts.append((name, (None, value.encode())))
                    continue
                try:
                    file = stack.enter_context(value.open("rb"))
                except OSError as error:
                    raise LocalFileError(f"{value}: {error.strerror or error}") from None
                parts.append((name, (value.name, file)))
            yield known | {"files": parts}


class Reply(Struct, frozen=True):
    """The response to a call; `attempts` counts the requests that it took."""

    status: int
    content: bytes
    origin: str
    headers: dict[str, str]
    attempts: int = 1

    def decode(self, kind: type[T]) -> T:
        """Return the body of a successful response.

        Raises:
            ApiError: the response is an error.
            InvalidResponseError: the body has another form.
        """
        self.check()
        try:
            return msgspec.json.decode(self.content, type=kind)
        except msgspec.ValidationError as error:
            raise InvalidResponseError(f"the response of {self.origin} has another form: {error}") from None
        except msgspec.DecodeError:
            raise InvalidResponseError(
                f"{self.origin} is not a Tone Shootout service: the response is not JSON"
            ) from None

    def check(self) -> None:
        """Raise the error of an error response.

        Raises:
            ApiError: the response is an error.
        """
        if not 200 <= self.status < 300:
            raise self.error()

    def error(self) -> ApiError:
        """Return the error of an error response."""
        try:
            problem = msgspec.json.decode(self.content, type=_Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            problem = _Problem(detail=f"{self.origin} responded with status {self.status}")
        return error_class(self.status, problem.code)(
            problem.detail,
            status=self.status,
            code=problem.code,
            errors=tuple(problem.errors),
            retry_after_s=_seconds(self.headers.get("retry-after")),
        )


Steps = Generator[Call, Reply, T]
"""An operation: yields calls, is sent their replies, returns its result."""


class _Problem(Struct):
    code: str = ""
    detail: str = ""
    errors: list[Fault] = []


def reply_of(response: httpx.Response, attempts: int) -> Reply:
    """Return the reply of a response whose body has been read.

    Raises:
        ApiError: the response is a temporary error, after which a retry makes sense.
    """
    url = response.request.url
    origin = f"{url.scheme}://{url.netloc.decode()}"
    reply = Reply(response.status_code, response.content, origin, dict(response.headers), attempts)
    if not response.is_success and (error := reply.error()).is_temporary:
        raise error
    return reply


def unreachable(url: str, error: Exception) -> ConnectionFailedError:
    """Return the error for a service that can't be reached."""
    return ConnectionFailedError(f"{url} can't be reached: {str(error) or type(error).__name__}")


def new_key() -> dict[str, str]:
    """Return the header that makes retries of a request safe: the service performs it once."""
    return {"Idempotency-Key": str(uuid4())}


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None
