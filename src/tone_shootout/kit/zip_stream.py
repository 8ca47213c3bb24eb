"""ZIP archives that are streamed while they are made: no temporary file, no content in memory."""

import zipfile
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime


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


async def prefetch_first(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Await the first chunk and return an iterator over all, so that errors are raised before the response starts."""
    first = await anext(chunks, b"")

    async def all_chunks() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return all_chunks()
