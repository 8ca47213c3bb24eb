"""Responses with stored content, with ranges and validators (RFC 9110, sections 13 and 14)."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from litestar import Request, Response
from litestar.response import Stream
from obstore.exceptions import BaseError as StorageError

from tone_shootout.kit.http.problems import problem_response
from tone_shootout.kit.outages import StorageFaultError
from tone_shootout.kit.storage import MissingObjectError, Storage
from tone_shootout.kit.zip_stream import Member, archive_size, archive_tag, part_of, prefetch_first, stream_members

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_TAG = re.compile(r'(?:W/)?"([^"]*)"')


async def content_response(
    request: Request[Any, Any, Any],
    storage: Storage,
    *,
    key: str,
    size: int,
    sha256: str,
    media_type: str,
    filename: str,
    inline: bool = True,
    immutable: bool = False,
) -> Response[Any]:
    """Respond with stored content: 200, 206 for one range, 304 if not modified, 416 for a range beyond the end.

    The entity tag is the content's SHA-256, so it is strong. Several ranges in one request yield the whole content,
    which the RFC allows; so does a range that ends before it starts, which the RFC requires.

    `immutable` states that the URL never has other content, so that caches need not ask again.

    The object is opened before the response starts, so that a 200 means that it exists.

    Raises:
        StorageFaultError: the object is missing, or its size differs.
        StorageError: the storage is unavailable.
    """
    headers = {
        "Cache-Control": "private, max-age=31536000, immutable" if immutable else "private, no-cache",
        "Content-Disposition": f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{quote(filename, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    }
    part = _requested_part(request, size, sha256, headers)
    if isinstance(part, Response):
        return part
    start, end, status = part
    if request.method == "HEAD" or end == start:
        _check_size(key, await storage.size_of(key), size)
        return Stream(_nothing(), status_code=status, media_type=media_type, headers=headers)
    try:
        opened = await storage.open(key, start=start, end=end)
    except MissingObjectError:
        raise StorageFaultError(key, is_missing=True) from None
    except StorageError:  # the range may exceed an object that is shorter than recorded
        _check_size(key, await storage.size_of(key), size)
        raise
    _check_size(key, opened.size, size)
    return Stream(opened.chunks, status_code=status, media_type=media_type, headers=headers)


async def archive_response(
    request: Request[Any, Any, Any], members: Sequence[Member], *, at: datetime, filename: str
) -> Response[Any]:
    """Respond with files as one ZIP archive that is made while it is sent; with ranges as in `content_response`.

    The archive of the same files has the same bytes, so a download that broke off is resumed with `Range` and
    `If-Range`. To send its end, the files before it are read again. The first file is opened before the response
    starts.

    Args:
        request: the request.
        members: the files.
        at: time of the files in the archive.
        filename: name under which the archive is saved, of ASCII letters, digits and hyphens.
    """
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{filename}"',
        "X-Content-Type-Options": "nosniff",
    }
    part = _requested_part(request, archive_size(members), archive_tag(members, at), headers)
    if isinstance(part, Response):
        return part
    start, end, status = part
    if request.method == "HEAD":
        return Stream(_nothing(), status_code=status, media_type="application/zip", headers=headers)
    chunks = await prefetch_first(part_of(stream_members(members, at=at), start, end))
    return Stream(chunks, status_code=status, media_type="application/zip", headers=headers)


def _requested_part(
    request: Request[Any, Any, Any], size: int, sha256: str, headers: dict[str, str]
) -> tuple[int, int, int] | Response[Any]:
    """Return start, end and status of what is sent, and complete the headers; or return a response: 304, 416."""
    tag = f'"{sha256}"'
    headers |= {"ETag": tag, "Accept-Ranges": "bytes"}
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or sha256 in _TAG.findall(known):
        return Response(content=b"", status_code=304, headers=headers)
    start, end, status = 0, size, 200
    # Ranges are defined for GET only (RFC 9110, 14.2).
    requested = _RANGE.fullmatch(request.headers.get("range", "").strip()) if request.method == "GET" else None
    first, last = requested.groups() if requested else ("", "")
    backwards = bool(first and last) and int(last) < int(first)
    if (first or last) and not backwards and request.headers.get("if-range", tag) == tag:
        start = int(first) if first else max(0, size - int(last))
        end = min(size, int(last) + 1) if first and last else size
        if start >= size:
            return problem_response(
                416,
                "range_not_satisfiable",
                f"The content has {size} bytes.",
                headers={"Content-Range": f"bytes */{size}"},
            )
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    return start, end, status


def _check_size(key: str, found: int | None, expected: int) -> None:
    if found != expected:
        raise StorageFaultError(key, is_missing=found is None)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
