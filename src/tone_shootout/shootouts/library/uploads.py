"""A file comes in as `multipart/form-data`: onto the disk as it arrives, never into memory, and never past its bound.

Litestar's own form data collects a field that has no file name in memory, however long it is, and reads a body before
anyone has looked who sends it. This reads the stream itself, after the sender is known.
"""

import asyncio
import re
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
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

from tone_shootout.kit.http.problems import Fault, TooLargeError, UnsupportedError
from tone_shootout.rendering.media_info import Kind, Limits
from tone_shootout.rendering.spec.reading import invalid
from tone_shootout.rendering.spec.schema import ONE_LINE
from tone_shootout.shootouts.errors import BadFormError

FORM_BYTES = 65_536
"""What the form may hold beside the file."""
FIELD_BYTES = 16_384
"""Longest text field."""
STALE_S = 24 * 3600.0
"""Age of a temporary file that nobody can be writing to any more."""
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_EXTENDED_FILENAME = re.compile(r";\s*filename\*\s*=\s*([^\s;]+)", re.IGNORECASE)
WRITE_BYTES = 1 << 20
"""Collected before it is written."""

ItemName = Annotated[
    str,
    Meta(min_length=1, max_length=80, pattern=ONE_LINE, description="What it is called.", examples=["Riff in E"]),
]
Notes = Annotated[
    str,
    Meta(
        max_length=2000,
        pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$",
        description="Whatever you want to remember about it.",
        examples=["Bridge pickup, no pedal."],
    ),
]


class UploadForm(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is sent beside the file."""

    kind: Annotated[Kind, Meta(description="What the file is meant to be.", examples=["di_track"])]
    name: Annotated[ItemName | None, Meta(description="What it is called; absent: as the file is.")] = None
    notes: Notes = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A form that has arrived; its file is gone when the request is over."""

    form: UploadForm
    path: Path
    size: int
    filename: str


@asynccontextmanager
async def receive(
    request: Request[Any, Any, Any], limits: Limits, incoming: Path, *, room: int, exceeded: Callable[[], Exception]
) -> AsyncGenerator[Upload, None]:
    """Read an upload into a temporary file in the folder `incoming` that lives as long as the context.

    Args:
        request: what brings it.
        limits: how large a file of each kind may be.
        incoming: a folder.
        room: bytes for which there is room.
        exceeded: makes what is raised as soon as more have come.

    Raises:
        BadFormError: not a form, a field that is unknown, missing or out of bounds, no file or more than one.
        TooLargeError: more bytes than a file of its kind may have; raised as soon as they have come or been announced.
    """
    with tempfile.NamedTemporaryFile(dir=incoming) as file:
        reader = _Reader(file, limits, room, exceeded)
        try:
            with PushMultipartParser(_boundary(request), max_segment_count=8) as parser:
                async for chunk in request.stream():
                    if not chunk:
                        break
                    for event in parser.parse(chunk):
                        await reader.take(event)
        except MultipartError as error:
            raise BadFormError(f"Expected a whole form as multipart/form-data: {error}.") from None
        except RequestEntityTooLarge:
            raise _too_large(limits.max_upload_bytes) from None
        except InternalServerException:  # so Litestar says that the client is gone
            raise BadFormError("The upload broke off.") from None
        yield await reader.finish()


def clear_incoming(incoming: Path) -> int:
    """Delete what uploads have left that a killed process was receiving; return how many files that were.

    Another process may be receiving now: what was written to within a day stays.
    """
    stale = [path for path in incoming.iterdir() if path.is_file() and path.stat().st_mtime < time.time() - STALE_S]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def safe_filename(text: str) -> str:
    """Return the last component of what a client calls a file, without what could harm a log, a header or a shell."""
    last = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = "".join(sign for sign in last if sign.isprintable())[-255:].strip(" ")
    return name if name.strip(".") else "unnamed"


class _Reader:
    """Sorts a form's parts: the file onto the disk, the fields into a dictionary."""

    def __init__(self, file: IO[bytes], limits: Limits, room: int, exceeded: Callable[[], Exception]) -> None:
        self._file = file
        self._limits = limits
        self._room = room
        self._exceeded = exceeded
        self._fields: dict[str, str] = {}
        self._filename: str | None = None
        self._size = 0
        self._segment: MultipartSegment | None = None
        self._waiting = bytearray()

    async def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """Take the next thing that the parser has found."""
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event:
            self._waiting += event
            if not self._in_file:
                self._check_field()
            else:
                self._size += len(event)
                self._check_size()
                if len(self._waiting) >= WRITE_BYTES:
                    await self._write()
        elif self._in_file:
            await self._write()
        else:
            self._end_field()

    async def finish(self) -> Upload:
        """Return the upload once the form is complete."""
        if self._filename is None:
            raise _bad("/file", "missing", "Expected a file.")
        try:
            form = msgspec.convert(self._fields, UploadForm)
        except msgspec.ValidationError as error:
            found = invalid(error, UploadForm, self._fields)
            raise _bad(found.pointer, found.code, found.detail) from None
        self._check_size()
        await asyncio.to_thread(self._file.flush)
        return Upload(form=form, path=Path(self._file.name), size=self._size, filename=self._filename)

    @property
    def _in_file(self) -> bool:
        return self._segment is not None and self._segment.name == "file"

    def _begin(self, segment: MultipartSegment) -> None:
        self._segment = segment
        self._waiting.clear()
        name = segment.name or ""
        transfer = (segment.header("Content-Transfer-Encoding") or "binary").strip().lower()
        if transfer not in ("7bit", "8bit", "binary") or segment.header("Content-Encoding"):
            raise UnsupportedError(f"/{name}: Expected the content as it is, without an encoding.")
        if name in self._fields or (name == "file" and self._filename is not None):
            raise _bad(f"/{name}", "repeated", "Expected it once.")
        if name == "file":
            self._filename = safe_filename(_extended_filename(segment) or segment.filename or "")

    def _check_field(self) -> None:
        if len(self._waiting) > FIELD_BYTES:
            raise TooLargeError(f"Expected at most {FIELD_BYTES} bytes in a text field.")

    def _check_size(self) -> None:
        kind = self._fields.get("kind")
        limit = self._limits.max_bytes("capture" if kind == "capture" else "di_track")
        if self._size > limit:
            raise _too_large(limit)
        if self._size > self._room:
            raise self._exceeded()

    def _end_field(self) -> None:
        name = self._segment.name if self._segment else None
        try:
            self._fields[name or ""] = self._waiting.decode()
        except UnicodeDecodeError:
            raise _bad(f"/{name}", "invalid", "Expected text in UTF-8.") from None

    async def _write(self) -> None:
        await asyncio.to_thread(self._file.write, bytes(self._waiting))
        self._waiting.clear()


def _extended_filename(segment: MultipartSegment) -> str | None:
    """Return the file name that is given as `filename*` (RFC 5987, RFC 8187), None where there is none that is right.

    Python's urllib3 and others send a name that is not ASCII in no other way, although RFC 7578 advises against it.
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
    if media_type != "multipart/form-data" or not 1 <= len(boundary) <= 70:
        raise BadFormError("Expected multipart/form-data with the fields `file` and `kind`.")
    return boundary


def _bad(pointer: str, code: str, detail: str) -> BadFormError:
    return BadFormError(f"{pointer}: {detail}", errors=[Fault(code=code, pointer=pointer, detail=detail)])


def _too_large(limit: int) -> TooLargeError:
    detail = f"Expected a file of at most {limit} bytes."
    return TooLargeError(detail, errors=[Fault(code="too_large", pointer="/file", detail=detail)])
