"""ZIP archives that are streamed while they are made: no temporary file, no content in memory."""

import hashlib
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

# Sizes of the records of a ZIP archive in bytes (APPNOTE.TXT 6.3, section 4.3), without the name.
_LOCAL_HEADER: Final = 30 + 20  # with the sizes in 64 bits
_DESCRIPTOR: Final = 24
_CENTRAL_HEADER: Final = 46
_END: Final = 22
_END_64: Final = 56 + 20
_MAX_FILES: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive that is sent.

    Attributes:
        path: path in the archive.
        size: size in bytes.
        sha256: hash of the content.
        content: opens it.
    """

    path: str
    size: int
    sha256: str
    content: Callable[[], AsyncIterator[bytes]]


class ZipBuffer:
    """Unseekable output file of an archive, emptied after each step."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Append data."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing."""

    def drain(self) -> bytes:
        """Return and remove the data written since the last call."""
        drained = b"".join(self._parts)
        self._parts.clear()
        return drained


def open_archive(buffer: ZipBuffer) -> zipfile.ZipFile:
    """Return an archive that is written to a buffer."""
    archive: zipfile.ZipFile = zipfile.ZipFile(buffer, "w", allowZip64=True)  # type: ignore[call-overload]  # needs only `write`
    return archive


def zip_member(name: str, compression: int = zipfile.ZIP_STORED, *, at: datetime | None = None) -> zipfile.ZipInfo:
    """Return the entry of a file, readable and writable by its owner only.

    Args:
        name: path in the archive.
        compression: as in `zipfile`.
        at: time of the file; None: now.
    """
    member = zipfile.ZipInfo(name, (at or datetime.now(UTC)).timetuple()[:6])
    member.compress_type = compression
    member.external_attr = 0o600 << 16
    return member


async def write_member(
    archive: zipfile.ZipFile, buffer: ZipBuffer, member: zipfile.ZipInfo, content: AsyncIterator[bytes]
) -> AsyncGenerator[bytes, None]:
    """Write one file of an archive, and yield what can be sent meanwhile.

    Close the generator when the client has disconnected (`contextlib.aclosing`): an archive with an open member can't
    be closed.
    """
    first = await anext(content, b"")
    with archive.open(member, "w", force_zip64=True) as file:
        file.write(first)
        yield buffer.drain()
        async for chunk in content:
            file.write(chunk)
            yield buffer.drain()


def archive_size(members: Sequence[Member]) -> int:
    """Return the size of the archive that `stream_members` yields, in bytes."""
    limit = zipfile.ZIP64_LIMIT
    offset = directory = 0
    for member in members:
        name = len(member.path.encode())
        further = 16 * (member.size > limit) + 8 * (offset > limit)
        directory += _CENTRAL_HEADER + name + (4 + further if further else 0)
        offset += _LOCAL_HEADER + name + member.size + _DESCRIPTOR
    is_large = len(members) > _MAX_FILES or offset > limit or directory > limit
    return offset + directory + _END + (_END_64 if is_large else 0)


def archive_tag(members: Sequence[Member], at: datetime) -> str:
    """Return a hash that differs if a byte of the archive differs."""
    parts = [f"{at.timetuple()[:6]}", *(f"{member.sha256} {member.size} {member.path}" for member in members)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


async def stream_members(members: Sequence[Member], *, at: datetime) -> AsyncGenerator[bytes, None]:
    """Yield an archive of files, stored without compression: the same files and time give the same bytes.

    Args:
        members: the files.
        at: time of the files.
    """
    buffer = ZipBuffer()
    with open_archive(buffer) as archive:
        for member in members:
            entry = zip_member(member.path, at=at)
            async with aclosing(write_member(archive, buffer, entry, member.content())) as chunks:
                async for chunk in chunks:
                    yield chunk
    yield buffer.drain()


async def part_of(chunks: AsyncGenerator[bytes, None], start: int, end: int) -> AsyncIterator[bytes]:
    """Yield the bytes from `start` up to `end` of a stream, which is read from its beginning and closed."""
    position = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            wanted = chunk[max(0, start - position) : max(0, end - position)]
            position += len(chunk)
            if wanted:
                yield wanted
            if position >= end:
                return


async def prefetch_first(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Await the first chunk and return an iterator over all, so that errors are raised before the response starts."""
    first = await anext(chunks, b"")

    async def all_chunks() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return all_chunks()
