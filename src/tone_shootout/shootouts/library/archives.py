"""ZIP archives of captures and sound files, read without trust.

Nothing is written under a name from an archive. Counts and sizes are checked before anything is allocated for them, and
content is read up to its limit whatever its header states.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from tone_shootout.rendering.media_info import Kind

MAX_ENTRIES: Final = 1000
"""Entries of an archive, folders included."""
MAX_DIRECTORY_BYTES: Final = 1_000_000
"""Size of an archive's table of contents."""
CHUNK_BYTES: Final = 1 << 20
_SOUND: Final = frozenset({".wav", ".wave", ".w64", ".caf", ".aif", ".aiff", ".aifc", ".flac", ".mp3", ".ogg", ".m4a"})
_DI_FOLDERS: Final = frozenset({"di", "dis", "di_track", "di_tracks", "di-tracks"})
"""Folders whose sound files are DI tracks; those of other folders are cab IRs."""
_JUNK: Final = frozenset({"thumbs.db", "desktop.ini"})
_END: Final = struct.Struct("<4s4H2LH")
_ZIP64_LOCATOR_BYTES: Final = 20
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
    OverflowError,
)
"""What `zipfile` raises for damaged and hostile archives."""


class ArchiveError(Exception):
    """An archive, or an entry of one, can't be used."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive.

    Attributes:
        name: its path in the archive, printable.
        kind: kind of library item that it becomes; None: none.
        status: `usable`; `skipped`: it is no capture and no sound file; `failed`: it may not be read.
        code: reason why it is not usable.
        detail: the same in words.
        info: the entry for `extract`.
    """

    name: str
    info: zipfile.ZipInfo
    kind: Kind | None = None
    status: Literal["usable", "skipped", "failed"] = "usable"
    code: str = ""
    detail: str = ""


def list_entries(path: Path) -> list[Entry]:
    """Return the files of an archive, in its order. Folders are left out.

    Raises:
        ArchiveError: `invalid_archive`, `too_many_files`.
    """
    try:
        with path.open("rb") as file:
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                return [_entry(info) for info in archive.infolist() if not info.is_dir()]
    except _BROKEN as error:
        raise ArchiveError("invalid_archive", f"expected a ZIP archive: {error}") from None


def extract(path: Path, info: zipfile.ZipInfo, target: IO[bytes], limit: int) -> int:
    """Write the content of an entry to a file and return its size.

    Args:
        path: path of the archive.
        info: the entry.
        target: file to write to.
        limit: maximum size in bytes.

    Raises:
        ArchiveError: `too_large`, `invalid_archive`.
    """
    too_large = ArchiveError("too_large", f"expected a file of at most {limit} bytes")
    if info.file_size > limit:
        raise too_large
    size = 0
    try:
        with zipfile.ZipFile(path) as archive, archive.open(info) as source:
            while chunk := source.read(CHUNK_BYTES):
                size += len(chunk)
                if size > limit:
                    raise too_large
                target.write(chunk)
    except _BROKEN as error:
        raise ArchiveError("invalid_archive", f"the entry is damaged: {error}") from None
    target.flush()
    return size


def _entry(info: zipfile.ZipInfo) -> Entry:
    path = info.filename.replace("\\", "/")
    name = "".join(char if char.isprintable() else "?" for char in path)[-255:] or "unnamed"
    *folders, last = path.split("/")
    suffix = Path(last).suffix.lower()
    if "__MACOSX" in folders or last.startswith(".") or last.lower() in _JUNK:
        return Entry(name, info, status="skipped", code="junk_file", detail="a file of the operating system")
    if path.startswith("/") or ".." in folders or path[1:2] == ":":
        detail = "expected a path within the archive"
        return Entry(name, info, status="failed", code="unsafe_path", detail=detail)
    if stat.S_ISLNK(info.external_attr >> 16):
        return Entry(name, info, status="failed", code="unsafe_path", detail="expected a file, got a link")
    if suffix != ".nam" and suffix not in _SOUND:
        detail = "expected a capture (.nam) or a sound file"
        return Entry(name, info, status="skipped", code="unknown_file_type", detail=detail)
    if info.flag_bits & 0x1:
        detail = "expected an archive without a password"
        return Entry(name, info, status="failed", code="encrypted_file", detail=detail)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        detail = "expected an entry that is stored or compressed with deflate"
        return Entry(name, info, status="failed", code="invalid_archive", detail=detail)
    if suffix == ".nam":
        return Entry(name, info, kind="capture")
    is_di = any(folder.lower() in _DI_FOLDERS for folder in folders)
    return Entry(name, info, kind="di_track" if is_di else "cab_ir")


def _check_directory(file: IO[bytes]) -> None:
    """Check the size of an archive's table of contents before `zipfile` reads it into memory.

    Raises:
        ArchiveError: there is none, or it is too large.
    """
    size = file.seek(0, 2)
    tail_bytes = min(size, _END.size + 0xFFFF + _ZIP64_LOCATOR_BYTES)
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    starts = [start for start in _ends(tail) if start + _END.size <= len(tail)]
    if not starts:
        raise ArchiveError("invalid_archive", "expected a ZIP archive, this is none or it is truncated")
    for start in starts:  # every candidate, because readers differ in which of them they choose
        locator = tail[max(0, start - _ZIP64_LOCATOR_BYTES) : start]
        _, _, _, _, entries, directory_bytes, _, _ = _END.unpack_from(tail, start)
        if entries > MAX_ENTRIES or directory_bytes > MAX_DIRECTORY_BYTES or locator.startswith(b"PK\x06\x07"):
            raise ArchiveError("too_many_files", f"expected at most {MAX_ENTRIES} entries in an archive")
    file.seek(0)


def _ends(tail: bytes) -> Iterator[int]:
    start = tail.rfind(b"PK\x05\x06")
    while start >= 0:
        yield start
        start = tail.rfind(b"PK\x05\x06", 0, start)
