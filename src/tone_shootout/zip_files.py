"""ZIP archives, read without trust: counts and sizes are checked before anything is allocated for them."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

MAX_ENTRIES: Final = 1000
"""Entries of an archive, folders included."""
MAX_DIRECTORY_BYTES: Final = 1_000_000
"""Size of an archive's table of contents."""
CHUNK_BYTES: Final = 1 << 20
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


def list_files(path: Path) -> list[zipfile.ZipInfo]:
    """Return the files of an archive, in its order. Folders are left out.

    Raises:
        ArchiveError: `invalid_archive`, `too_many_files`.
    """
    try:
        with path.open("rb") as file:
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                return [info for info in archive.infolist() if not info.is_dir()]
    except _BROKEN as error:
        raise ArchiveError("invalid_archive", f"expected a ZIP archive: {error}") from None


def read_chunks(path: Path, info: zipfile.ZipInfo, limit: int) -> Iterator[bytes]:
    """Yield the content of a file, up to its limit whatever its header states.

    Args:
        path: path of the archive.
        info: the file.
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
                yield chunk
    except _BROKEN as error:
        raise ArchiveError("invalid_archive", f"the entry is damaged: {error}") from None


def extract(path: Path, info: zipfile.ZipInfo, target: IO[bytes], limit: int) -> int:
    """Write the content of a file to an open file and return its size; see `read_chunks`."""
    size = sum(target.write(chunk) for chunk in read_chunks(path, info, limit))
    target.flush()
    return size


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
