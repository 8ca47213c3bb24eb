"""Machine code on disk, for the next process: a private folder of files that are checked before they are loaded.

Loading machine code runs it, so a file counts only if nobody else could have written it: folder and file belong to this
user, nobody else may write to them, and neither is a symbolic link. A checksum of key and content rejects truncated and
exchanged files. Whatever is wrong with the folder, the kernels are compiled again.
"""

import hashlib
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

VARIABLE: Final = "SHOOTOUT_KERNELS"
"""Environment variable with the folder; empty: a folder of this program in the user's cache folder."""
MAX_FILES: Final = 256
"""Most files in the folder; the least recently used are deleted. Nearly all captures share ten sets of sizes."""
MAX_BYTES: Final = 1 << 23
_CHECKSUM_BYTES: Final = 32
_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def default_folder() -> Path | None:
    """Return the folder that the environment names or the platform suggests; None if the user has no home folder."""
    if named := os.environ.get(VARIABLE, "").strip():
        return Path(named).absolute()
    import platformdirs  # lazy: only for processes that run captures

    try:
        return Path(platformdirs.user_cache_dir("tone-shootout", appauthor=False)) / "kernels"
    except (RuntimeError, KeyError):
        return None


def key_of(*parts: str) -> str:
    """Return the key of machine code made from these texts, in hexadecimal."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def read_object(folder: Path, key: str) -> bytes | None:
    """Return the machine code under a key; None if there is none that can be trusted.

    Args:
        folder: the folder.
        key: result of `key_of`.
    """
    try:
        place = _open_folder(folder)
    except OSError:
        return None
    try:
        content = _read(place, key)
    except OSError:
        return None
    finally:
        os.close(place)
    checksum, code = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
    return code if checksum == _checksum(key, code) else None


def write_object(folder: Path, key: str, code: bytes) -> None:
    """Store machine code under a key, atomically; do nothing if the folder can't be used.

    Args:
        folder: the folder, created with mode 0700 if it is missing.
        key: result of `key_of`.
        code: an object file.
    """
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = _open_folder(folder)
        try:
            _evict(place)
            name = f".{key}.{secrets.token_hex(4)}"
            file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=place)
            try:
                with os.fdopen(file, "wb") as out:
                    out.write(_checksum(key, code) + code)
                os.replace(name, key, src_dir_fd=place, dst_dir_fd=place)
            except OSError:
                os.unlink(name, dir_fd=place)
                raise
        finally:
            os.close(place)


def _open_folder(folder: Path) -> int:
    """Open a folder that only this user can write to.

    Raises:
        PermissionError: somebody else could have written to it.
        OSError: it can't be opened, or is a symbolic link.
    """
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _check_private(os.fstat(place))
    except PermissionError:
        os.close(place)
        raise
    return place


def _read(place: int, name: str) -> bytes:
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=place), "rb") as file:
        found = os.fstat(file.fileno())
        _check_private(found)
        if not stat.S_ISREG(found.st_mode):
            raise PermissionError("expected a file")
        content = file.read(MAX_BYTES)
    with suppress(OSError):
        os.utime(name, dir_fd=place, follow_symlinks=False)  # the time of its last use
    return content


def _check_private(found: os.stat_result) -> None:
    if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_MAY_WRITE:
        raise PermissionError("somebody else may have written this")


def _evict(place: int) -> None:
    """Delete the files that were used least recently, so that there is room for one more."""
    with os.scandir(place) as entries:
        ages = sorted((entry.stat(follow_symlinks=False).st_mtime, entry.name) for entry in entries)
    for _, name in ages[: max(0, len(ages) + 1 - MAX_FILES)]:
        with suppress(OSError):
            os.unlink(name, dir_fd=place)


def _checksum(key: str, code: bytes) -> bytes:
    return hashlib.sha256(key.encode() + code).digest()
