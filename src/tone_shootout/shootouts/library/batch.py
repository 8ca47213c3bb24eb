"""Uploads of several files in one request: each is added, or reported with its problem, by itself."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Annotated, Any, Final, Literal, Self
from uuid import UUID

import msgspec
from litestar import Request
from msgspec import Meta, Struct
from multipart import MultipartSegment  # type: ignore[import-untyped]  # it has no types of its own

from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.http.problems import Fault, ProblemError, TooLargeError
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.media_info import Kind, Limits
from tone_shootout.shootouts.library.archives import Entry, list_entries
from tone_shootout.shootouts.library.dtos import LibraryItemRead
from tone_shootout.shootouts.library.media_probe import MediaProbe
from tone_shootout.shootouts.library.quota import StorageQuota
from tone_shootout.shootouts.library.services import LibraryService
from tone_shootout.shootouts.library.tags import MAX_TAG, MAX_TAGS
from tone_shootout.shootouts.library.uploads import (
    WRITE_BYTES,
    ItemName,
    Notes,
    TagText,
    Upload,
    UploadForm,
    bad_field,
    check_encoding,
    check_field_size,
    field_text,
    filename_of,
    form_of,
    read_form,
    safe_filename,
    sha256_of,
)
from tone_shootout.zip_files import ArchiveError, extract

KINDS: Final[dict[str, Kind]] = {"di_track": "di_track", "capture": "capture", "cab_ir": "cab_ir"}
ARCHIVE: Final = "archive"
RECOGNIZED: Final = "file"
FIELDS: Final = ("name", "notes", "tags")


class BatchForm(Struct, kw_only=True, forbid_unknown_fields=True):
    """The form's text fields, each of which can be sent several times."""

    name: Annotated[ItemName | None, Meta(description="Name of the next file in the library. Default: file name.")] = (
        None
    )
    notes: Annotated[Notes, Meta(description="Your notes on all files that follow.")] = ""
    tags: Annotated[
        TagText,
        Meta(
            description=f"Tags of all files that follow, separated by commas: at most {MAX_TAGS} of at most {MAX_TAG} "
            "characters."
        ),
    ] = ""


Status = Literal["created", "existing", "skipped", "failed"]


class UploadResultRead(Struct, kw_only=True):
    """What became of one file."""

    filename: Annotated[str, Meta(description="Name of the file; its path in an archive.", examples=["plexi.nam"])]
    archive: Annotated[
        str | None, Meta(description="Name of the archive that contains it; null: none.", examples=["pack.zip"])
    ]
    status: Annotated[
        Status,
        Meta(
            description="`created`; `existing`: the library has it already; `skipped`: it is no capture and no sound "
            "file; `failed`.",
            examples=["created"],
        ),
    ]
    item: Annotated[LibraryItemRead | None, Meta(description="The created or existing item.")]
    problem: Annotated[Fault | None, Meta(description="Why it was skipped or failed.")]


class BatchRead(Struct, kw_only=True):
    """Results of an upload of several files."""

    results: Annotated[list[UploadResultRead], Meta(description="A result for each file, in their order.")]
    created: Annotated[int, Meta(description="Number of new items.", examples=[1])]
    existing: Annotated[int, Meta(description="Number of files that the library has already.", examples=[0])]
    skipped: Annotated[int, Meta(description="Number of files that are no captures and no sound files.", examples=[0])]
    failed: Annotated[int, Meta(description="Number of files that could not be added.", examples=[0])]

    @classmethod
    def of(cls, results: Sequence[UploadResultRead]) -> Self:
        """Return results with their numbers."""

        def count(status: Status) -> int:
            return sum(result.status == status for result in results)

        return cls(
            results=list(results),
            created=count("created"),
            existing=count("existing"),
            skipped=count("skipped"),
            failed=count("failed"),
        )


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file of a request, and what was sent with it; its `path` exists until the end of the request.

    Attributes:
        form: its fields, of an archive with a kind of no meaning.
        path: where it is.
        size: its size in bytes.
        filename: its name.
        is_archive: whether it is an archive.
        is_recognized: whether its kind is that of its content, not of its form.
        is_too_large: whether it exceeds its limit; its content is incomplete then.
    """

    form: UploadForm
    path: Path
    size: int
    filename: str
    is_archive: bool
    is_too_large: bool
    is_recognized: bool = False

    async def identity(self) -> tuple[object, ...]:
        """Return what distinguishes it from other files, as plain data; content above the limit is not compared."""
        sha256 = None if self.is_too_large else await sha256_of(self.path)
        return msgspec.to_builtins(self.form), self.is_archive, self.is_recognized, self.filename, self.size, sha256


@asynccontextmanager
async def receive_batch(
    request: Request[Any, Any, Any], limits: Limits, upload_folder: Path, *, max_files: int, max_bytes: int
) -> AsyncGenerator[list[ReceivedFile], None]:
    """Receive the files of a request into temporary files, which exist as long as the context.

    Args:
        request: the request.
        limits: maximum file size of each kind.
        upload_folder: folder of the temporary files.
        max_files: maximum number of files.
        max_bytes: maximum size of an archive, and of the request, which its route limits.

    Raises:
        BadFormError: the body is not a form, or a field is unknown or invalid, or there is no file or too many.
        TooLargeError: the body is too large.
    """
    with ExitStack() as stack:
        reader = _Reader(stack, limits, upload_folder, max_files, max_bytes)
        too_large = TooLargeError(f"Expected at most {max_bytes} bytes in one request. Send fewer files in each.")
        await read_form(request, reader.feed, max_segments=4 * max_files, too_large=too_large)
        yield await reader.finish()


class _Reader:
    """Writes the files of a form to disk; text fields apply to the files that follow them."""

    def __init__(self, stack: ExitStack, limits: Limits, folder: Path, max_files: int, max_bytes: int) -> None:
        self._stack = stack
        self._limits = limits
        self._folder = folder
        self._max_files = max_files
        self._max_bytes = max_bytes
        self._fields: dict[str, str] = {}
        self._files: list[ReceivedFile] = []
        self._open: list[IO[bytes]] = []
        self._field: str | None = None
        self._buffer = bytearray()

    async def feed(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """Process the parser's next event: a header, a piece of content, or None for the end of a part."""
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event and self._field is not None:
            self._buffer += event
            check_field_size(self._buffer)
        elif event:
            await self._receive(bytes(event))
        elif self._field is not None:
            self._fields[self._field] = field_text(self._field, self._buffer)
        else:
            await self._write()

    async def finish(self) -> list[ReceivedFile]:
        """Return the files of a complete form."""
        if not self._files:
            raise bad_field("", "missing", "Expected files in `file`, `di_track`, `capture`, `cab_ir` or `archive`.")
        for file in self._open:
            await asyncio.to_thread(file.flush)
        return self._files

    def _begin(self, segment: MultipartSegment) -> None:
        check_encoding(segment)
        self._buffer.clear()
        name = segment.name or ""
        self._field = name if name in FIELDS else None
        if self._field is not None:
            return
        if name not in KINDS and name not in (ARCHIVE, RECOGNIZED):
            known = ", ".join(f"`{each}`" for each in (RECOGNIZED, *KINDS, ARCHIVE, *FIELDS))
            raise bad_field(f"/{name}", "unknown_field", f"Expected one of the fields {known}.")
        if len(self._files) == self._max_files:
            raise bad_field(f"/{name}", "too_many_files", f"Expected at most {self._max_files} files in a request.")
        form = form_of({"kind": KINDS.get(name, "di_track"), **self._fields})
        self._fields.pop("name", None)
        file = self._stack.enter_context(tempfile.NamedTemporaryFile(dir=self._folder))  # noqa: SIM115 - the stack closes it
        self._open.append(file)
        self._files.append(
            ReceivedFile(
                form,
                Path(file.name),
                0,
                filename_of(segment),
                is_archive=name == ARCHIVE,
                is_too_large=False,
                is_recognized=name == RECOGNIZED,
            )
        )

    async def _receive(self, data: bytes) -> None:
        file = self._files[-1]
        limit = self._max_bytes if file.is_archive else self._limits.max_bytes(file.form.kind)
        is_too_large = file.is_too_large or file.size + len(data) > limit
        self._files[-1] = replace(file, size=file.size + len(data), is_too_large=is_too_large)
        if not is_too_large:
            self._buffer += data
            if len(self._buffer) >= WRITE_BYTES:
                await self._write()

    async def _write(self) -> None:
        await asyncio.to_thread(self._open[-1].write, bytes(self._buffer))
        self._buffer.clear()


class BatchUploader:
    """Adds files to a library, each in a unit of work of its own: what is added stays if a later file fails.

    Args:
        session_maker: opens sessions of the database.
        storage: where objects are.
        media_probe: decodes files.
        quota: storage quota of users.
        limits: maximum file size of each kind.
        upload_folder: folder of temporary files.
        max_files: maximum number of files of a request, those of its archives included.
        max_bytes: maximum size of all files that a request's archives contain.
    """

    def __init__(
        self,
        session_maker: SessionMaker,
        storage: Storage,
        media_probe: MediaProbe,
        quota: StorageQuota,
        *,
        limits: Limits,
        upload_folder: Path,
        max_files: int,
        max_bytes: int,
    ) -> None:
        self._session_maker = session_maker
        self._storage = storage
        self._media_probe = media_probe
        self._quota = quota
        self._limits = limits
        self._upload_folder = upload_folder
        self._max_bytes = max_bytes
        self._files_left = max_files
        self._bytes_left = max_bytes

    async def add(self, owner_id: UUID, files: Sequence[ReceivedFile]) -> list[UploadResultRead]:
        """Add files and the content of archives; return a result for each."""
        results: list[UploadResultRead] = []
        for file in files:
            if file.is_too_large:
                limit = self._max_bytes if file.is_archive else self._limits.max_bytes(file.form.kind)
                fault = Fault(code="too_large", detail=f"expected a file of at most {limit} bytes")
                results.append(_result(file.filename, None, "failed", problem=fault))
            elif file.is_archive:
                results += await self._add_archive(owner_id, file)
            else:
                upload = Upload(
                    form=file.form,
                    path=file.path,
                    size=file.size,
                    filename=file.filename,
                    is_recognized=file.is_recognized,
                )
                results.append(await self._add_file(owner_id, upload, file.filename, None))
        return results

    async def _add_archive(self, owner_id: UUID, file: ReceivedFile) -> list[UploadResultRead]:
        try:
            entries = await asyncio.to_thread(list_entries, file.path)
        except ArchiveError as error:
            fault = Fault(code=error.code, detail=error.detail)
            return [_result(file.filename, None, "failed", problem=fault)]
        return [await self._add_entry(owner_id, file, entry) for entry in entries]

    async def _add_entry(self, owner_id: UUID, file: ReceivedFile, entry: Entry) -> UploadResultRead:
        if entry.status != "usable" or entry.kind is None:
            status: Status = "skipped" if entry.status == "skipped" else "failed"
            fault = Fault(code=entry.code, detail=entry.detail)
            return _result(entry.name, file.filename, status, problem=fault)
        if not self._files_left:
            fault = Fault(code="too_many_files", detail="expected fewer files: send the rest in another request")
            return _result(entry.name, file.filename, "failed", problem=fault)
        self._files_left -= 1
        limit = min(self._limits.max_bytes(entry.kind), self._bytes_left)
        with tempfile.NamedTemporaryFile(dir=self._upload_folder) as target:
            try:
                size = await asyncio.to_thread(extract, file.path, entry.info, target, limit)
            except ArchiveError as error:
                fault = Fault(code=error.code, detail=error.detail)
                return _result(entry.name, file.filename, "failed", problem=fault)
            finally:
                self._bytes_left -= target.tell()
            form = UploadForm(kind=entry.kind, notes=file.form.notes, tags=file.form.tags)
            upload = Upload(form=form, path=Path(target.name), size=size, filename=safe_filename(entry.name))
            return await self._add_file(owner_id, upload, entry.name, file.filename)

    async def _add_file(self, owner_id: UUID, upload: Upload, name: str, archive: str | None) -> UploadResultRead:
        try:
            async with self._session_maker() as session, session.begin():
                library = LibraryService(session, self._storage, self._media_probe, self._quota)
                item, is_new = await library.add(owner_id, upload)
                shown = LibraryItemRead.of(item)
        except ProblemError as error:
            detail = error.errors[0].detail if error.errors else error.detail
            return _result(name, archive, "failed", problem=Fault(code=error.code, detail=detail))
        return _result(name, archive, "created" if is_new else "existing", item=shown)


def _result(
    filename: str,
    archive: str | None,
    status: Status,
    *,
    item: LibraryItemRead | None = None,
    problem: Fault | None = None,
) -> UploadResultRead:
    return UploadResultRead(filename=filename, archive=archive, status=status, item=item, problem=problem)
