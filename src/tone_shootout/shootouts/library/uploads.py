"""Receives uploads as `multipart/form-data`, streamed to disk within a size limit.

Litestar's form parser holds a field without a file name in memory whatever its size, and reads the body before
authentication. This module parses the request's stream itself, after authentication.
"""

import asyncio
import hashlib
import re
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any
from urllib.parse import unquote

import msgspec
from litestar import Request
from litestar.exceptions.http_exceptions import InternalServerException, RequestEntityTooLarge
from msgspec import Meta, Struct
from multipart import (  # type: ignore[import-untyped]  # it has no types of its own
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from tone_shootout.kit.http.problems import Fault, TooLargeError, UnsupportedError, faults_of, summary
from tone_shootout.rendering.media_info import Kind, Limits
from tone_shootout.rendering.spec.schema import ONE_LINE
from tone_shootout.shootouts.library.errors import BadFormError
from tone_shootout.shootouts.library.tags import MAX_TAG, MAX_TAGS, Tags, split_tags

FORM_BYTES = 65_536
"""Maximum size of the form without the file."""
FIELD_BYTES = 16_384
"""Maximum size of a text field."""
STALE_S = 24 * 3600.0
"""Age at which a temporary file is abandoned: no upload takes that long."""
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_EXTENDED_FILENAME = re.compile(r";\s*filename\*\s*=\s*([^\s;]+)", re.IGNORECASE)
WRITE_BYTES = 1 << 20
"""Size of a write to disk."""

ItemName = Annotated[
    str,
    Meta(min_length=1, max_length=80, pattern=ONE_LINE, description="Name in the library.", examples=["Riff in E"]),
]
Notes = Annotated[
    str,
    Meta(
        max_length=2000,
        pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$",
        description="Your notes.",
        examples=["Bridge pickup, no pedal."],
    ),
]
TagText = Annotated[str, Meta(max_length=FIELD_BYTES, examples=["clean, edge of breakup"])]


class UploadForm(Struct, kw_only=True, forbid_unknown_fields=True):
    """The form's text fields."""

    kind: Annotated[
        Kind,
        Meta(
            description="Kind of the file. Send it before the file, so that its size limit applies at once.",
            examples=["di_track"],
        ),
    ]
    name: Annotated[ItemName | None, Meta(description="Name in the library. Default: the file name.")] = None
    notes: Notes = ""
    tags: Annotated[
        TagText,
        Meta(description=f"Tags, separated by commas: at most {MAX_TAGS} of at most {MAX_TAG} characters."),
    ] = ""


class _TagList(Struct):
    tags: Tags


@dataclass(frozen=True, slots=True)
class Upload:
    """A received form. Its file is deleted at the end of the request."""

    form: UploadForm
    path: Path
    size: int
    filename: str
    is_recognized: bool = False
    """Whether the kind is that of the content, whatever the form says."""

    async def identity(self) -> tuple[object, ...]:
        """Return what distinguishes it from other uploads, as plain data."""
        return msgspec.to_builtins(self.form), self.filename, await sha256_of(self.path)


async def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""

    def digest() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return await asyncio.to_thread(digest)


@asynccontextmanager
async def receive(
    request: Request[Any, Any, Any],
    limits: Limits,
    upload_folder: Path,
    *,
    available_bytes: int,
    exceeded: Callable[[], Exception],
) -> AsyncGenerator[Upload, None]:
    """Receive an upload into a temporary file, which exists as long as the context.

    Args:
        request: the request.
        limits: maximum file size of each kind.
        upload_folder: folder of the temporary file.
        available_bytes: what is left of the user's quota.
        exceeded: makes the exception to raise as soon as more bytes have arrived.

    Raises:
        BadFormError: the body is not a form, a field is unknown, missing or invalid, or there is not exactly one file.
        TooLargeError: the file is too large for its kind; raised as soon as too many bytes have arrived or are
            announced.
    """
    with tempfile.NamedTemporaryFile(dir=upload_folder) as file:
        reader = _Reader(file, limits, available_bytes, exceeded)
        await read_form(request, reader.feed, max_segments=8, too_large=_too_large(limits.max_upload_bytes))
        yield await reader.finish()


async def read_form(
    request: Request[Any, Any, Any],
    feed: Callable[[MultipartSegment | bytes | bytearray | None], Awaitable[None]],
    *,
    max_segments: int,
    too_large: TooLargeError,
) -> None:
    """Parse the request's form as it arrives.

    Args:
        request: the request.
        feed: receives each header, piece of content, and None for the end of each part.
        max_segments: maximum number of parts.
        too_large: the exception for a body above the limit of its route.

    Raises:
        BadFormError: the body is not a complete form.
        TooLargeError: the body is too large.
    """
    try:
        with PushMultipartParser(_boundary(request), max_segment_count=max_segments) as parser:
            async for chunk in request.stream():
                if not chunk:
                    break
                for event in parser.parse(chunk):
                    await feed(event)
    except MultipartError as error:
        raise BadFormError(f"Expected a complete multipart/form-data body: {error}.") from None
    except RequestEntityTooLarge:
        raise too_large from None
    except InternalServerException:  # raised by Litestar when the client has disconnected
        raise BadFormError("The upload was interrupted. Upload the file again.") from None


def form_of(fields: dict[str, str]) -> UploadForm:
    """Return the text fields of a form.

    Raises:
        BadFormError: a field is unknown, missing or invalid; names all of them.
    """
    try:
        form = msgspec.convert(fields, UploadForm)
    except msgspec.ValidationError:
        faults = faults_of(fields, UploadForm)
        raise BadFormError(summary(faults), errors=faults) from None
    tags = {"tags": split_tags(form.tags)}
    if faults := faults_of(tags, _TagList):
        raise BadFormError(summary(faults), errors=faults)
    return form


def delete_stale_uploads(upload_folder: Path) -> int:
    """Delete temporary files left by killed processes; return the number of files.

    Files modified within the last day stay: another process may be receiving them.
    """
    stale = [
        path for path in upload_folder.iterdir() if path.is_file() and path.stat().st_mtime < time.time() - STALE_S
    ]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def safe_filename(text: str) -> str:
    """Return the last component of a file name from a client, without characters unsafe in logs, headers and shells."""
    last = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = "".join(char for char in last if char.isprintable())[-255:].strip(" ")
    return name if name.strip(".") else "unnamed"


class _Reader:
    """Writes the form's file to disk and collects its text fields."""

    def __init__(
        self, file: IO[bytes], limits: Limits, available_bytes: int, exceeded: Callable[[], Exception]
    ) -> None:
        self._file = file
        self._limits = limits
        self._available_bytes = available_bytes
        self._exceeded = exceeded
        self._fields: dict[str, str] = {}
        self._filename: str | None = None
        self._size = 0
        self._segment: MultipartSegment | None = None
        self._buffer = bytearray()

    async def feed(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """Process the parser's next event: a header, a piece of content, or None for the end of a part."""
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event:
            self._buffer += event
            if not self._in_file:
                check_field_size(self._buffer)
            else:
                self._size += len(event)
                self._check_size()
                if len(self._buffer) >= WRITE_BYTES:
                    await self._write()
        elif self._in_file:
            await self._write()
        else:
            self._end_field()

    async def finish(self) -> Upload:
        """Return the upload of a complete form."""
        if self._filename is None:
            raise bad_field("/file", "missing", "Expected a file.")
        form = form_of(self._fields)
        self._check_size()
        await asyncio.to_thread(self._file.flush)
        return Upload(form=form, path=Path(self._file.name), size=self._size, filename=self._filename)

    @property
    def _in_file(self) -> bool:
        return self._segment is not None and self._segment.name == "file"

    def _begin(self, segment: MultipartSegment) -> None:
        self._segment = segment
        self._buffer.clear()
        name = segment.name or ""
        check_encoding(segment)
        if name in self._fields or (name == "file" and self._filename is not None):
            raise bad_field(f"/{name}", "repeated", "Expected this field once.")
        if name == "file":
            self._filename = filename_of(segment)

    def _check_size(self) -> None:
        kind = self._fields.get("kind")
        limit = self._limits.max_bytes("capture" if kind == "capture" else "di_track")
        if self._size > limit:
            raise _too_large(limit)
        if self._size > self._available_bytes:
            raise self._exceeded()

    def _end_field(self) -> None:
        name = (self._segment and self._segment.name) or ""
        self._fields[name] = field_text(name, self._buffer)

    async def _write(self) -> None:
        await asyncio.to_thread(self._file.write, bytes(self._buffer))
        self._buffer.clear()


def check_encoding(segment: MultipartSegment) -> None:
    """Check that the content of a part is not encoded.

    Raises:
        UnsupportedError: it is.
    """
    transfer = (segment.header("Content-Transfer-Encoding") or "binary").strip().lower()
    if transfer not in ("7bit", "8bit", "binary") or segment.header("Content-Encoding"):
        raise UnsupportedError(f"/{segment.name or ''}: Expected content without an encoding.")


def check_field_size(content: bytearray) -> None:
    """Check the size of a text field.

    Raises:
        TooLargeError: it has more than `FIELD_BYTES`.
    """
    if len(content) > FIELD_BYTES:
        raise TooLargeError(f"Expected at most {FIELD_BYTES} bytes in a text field.")


def field_text(name: str, content: bytearray) -> str:
    """Return the text of a field.

    Raises:
        BadFormError: it is not UTF-8.
    """
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise bad_field(f"/{name}", "invalid", "Expected text in UTF-8.") from None


def filename_of(segment: MultipartSegment) -> str:
    """Return the sanitized name of a part's file."""
    return safe_filename(_extended_filename(segment) or segment.filename or "")


def _extended_filename(segment: MultipartSegment) -> str | None:
    """Return the file name given as `filename*` (RFC 5987, RFC 8187); None: absent or invalid.

    urllib3 and others send names that are not ASCII only in this form, although RFC 7578 advises against it.
    """
    bare = _QUOTED.sub("", segment.header("Content-Disposition") or "")
    found = _EXTENDED_FILENAME.search(bare)
    charset, _, rest = (found[1] if found else "").partition("'")
    _language, mark, encoded = rest.partition("'")
    if not mark or charset.lower() not in ("utf-8", "iso-8859-1"):
        return None
    try:
        return unquote(encoded, encoding=charset, errors="strict")
    except UnicodeDecodeError:
        return None


def _boundary(request: Request[Any, Any, Any]) -> str:
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    boundary: str = options.get("boundary", "")
    if media_type != "multipart/form-data":
        raise UnsupportedError("Expected multipart/form-data with the fields `file` and `kind`.")
    if not 1 <= len(boundary) <= 70:
        raise BadFormError("Expected multipart/form-data with a boundary of 1 to 70 characters.")
    return boundary


def bad_field(pointer: str, code: str, detail: str) -> BadFormError:
    """Return the error for one field of a form."""
    return BadFormError(f"{pointer}: {detail}", errors=[Fault(code=code, pointer=pointer, detail=detail)])


def _too_large(limit: int) -> TooLargeError:
    detail = f"Expected a file of at most {limit} bytes."
    return TooLargeError(detail, errors=[Fault(code="too_large", pointer="/file", detail=detail)])
