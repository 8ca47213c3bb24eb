"""Entity tags of what can be edited: `ETag`, `If-None-Match` (304) and `If-Match` (412), RFC 9110, section 13.

A tag is the hash of the representation, so it changes with every visible change, however fast two follow each other,
and with nothing else. `If-Match` is checked against the locked row: of two clients that edit the same state, the second
gets 412 instead of overwriting what it has not seen.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar, cast

import msgspec
from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter

from tone_shootout.kit.http.problems import ProblemError

T = TypeVar("T", bound=msgspec.Struct)
Row = TypeVar("Row")

NOT_MODIFIED: Final = {304: ResponseSpec(None, generate_examples=False, description="Not modified.")}
"""Response of an operation with `If-None-Match`."""
_TAG: Final = re.compile(r'"([^"]*?)(?:-(?:gzip|zstd|br))?"')
"""A tag. Proxies that compress add `W/` before it or the encoding behind it. Tags of the service are strong."""
_BYTES: Final = 16

_IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        max_length=1000,
        description="`ETag` of the state that is edited. If it has changed since, the response is 412.",
    ),
]
_IfNoneMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-None-Match",
        max_length=1000,
        description="`ETag` of an earlier response. If nothing has changed since, the response is 304.",
    ),
]


class PreconditionFailedError(ProblemError):
    """The resource is not in the state that the client knows."""

    status = 412
    code = "precondition_failed"

    def __init__(self, tag: str) -> None:
        super().__init__(
            "It has changed since you read it: `If-Match` is not its current ETag. Read it again, then retry.",
            headers={"ETag": tag},
        )


class IfMatch:
    """The condition of a request that edits.

    Args:
        tags: value of `If-Match`; None: no condition.
    """

    def __init__(self, tags: str | None) -> None:
        self._tags = tags

    def of(self, read: Callable[[Row], msgspec.Struct]) -> Callable[[Row], None] | None:
        """Return the check of a locked row; `read` returns its representation. None: no condition.

        The check raises `PreconditionFailedError`.
        """
        tags = self._tags
        if tags is None:
            return None

        def check(row: Row) -> None:
            tag = etag(read(row))
            if not matches(tags, tag):
                raise PreconditionFailedError(tag)

        return check


class IfNoneMatch:
    """The condition of a request that reads.

    Args:
        tags: value of `If-None-Match`; None: no condition.
    """

    def __init__(self, tags: str | None) -> None:
        self._tags = tags

    def respond(self, content: T) -> Response[T]:
        """Return the representation with its tag, 304 if the client has it."""
        tag = etag(content)
        if self._tags is not None and matches(self._tags, tag):
            return cast(Response[T], Response(None, status_code=304, headers={"ETag": tag}))
        return Response(content, headers={"ETag": tag})


def etag(content: msgspec.Struct) -> str:
    """Return the entity tag of a representation."""
    # Sorted, because the database returns the fields of JSON in an order of its own.
    encoded = msgspec.json.encode(content, order="sorted")
    return f'"{hashlib.sha256(encoded).digest()[:_BYTES].hex()}"'


def tagged(content: T, **further: Any) -> Response[T]:
    """Return a response with a representation and its tag; `further` are arguments of `Response`."""
    return Response(content, headers={"ETag": etag(content)}, **further)


def provide_if_match(if_match_field: _IfMatch = None) -> IfMatch:
    """Provide `if_match` to operations that edit."""
    return IfMatch(if_match_field)


def provide_if_none_match(if_none_match_field: _IfNoneMatch = None) -> IfNoneMatch:
    """Provide `if_none_match` to operations that read what can be edited."""
    return IfNoneMatch(if_none_match_field)


def matches(tags: str, tag: str) -> bool:
    """Return whether a tag is in a list of tags, as `If-Match` and `If-None-Match` have them."""
    return tags.strip() == "*" or tag.strip('"') in _TAG.findall(tags)
