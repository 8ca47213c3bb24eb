"""A byte range of a file, as a file object."""

import io
import os
from typing import IO, Final, cast

MAX_OFFSET: Final = 1 << 62
"""Limit of offsets: 64-bit sizes in a header can exceed the offsets that a file supports."""

_BUFFER_BYTES: Final = 1 << 16


class _Window(io.RawIOBase):
    def __init__(self, file: IO[bytes], start: int, stop: int) -> None:
        super().__init__()
        self._file = file
        self._start = start
        self._length = max(0, stop - start)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: object) -> int:
        if self._position >= self._length:
            return 0
        view = memoryview(cast(bytearray, buffer))
        self._file.seek(self._start + self._position)
        data = self._file.read(min(len(view), self._length - self._position))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def window(file: IO[bytes], start: int, stop: int) -> IO[bytes]:
    """Return a file object for the bytes `start` to `stop` (exclusive); both share the position of the file."""
    return io.BufferedReader(_Window(file, start, stop), _BUFFER_BYTES)


def read_at(file: IO[bytes], offset: int, count: int) -> bytes:
    """Read bytes from an offset; nothing beyond the end, and beyond what any file can hold."""
    if offset > MAX_OFFSET:
        return b""
    file.seek(offset)
    return file.read(count)
