"""The result folder: files are written to a staging folder inside it and moved into place, the manifest last.

A rendering that fails leaves an earlier result unchanged. One that succeeds replaces it, and no other files.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from tone_shootout.rendering.output.manifest import FileRecord, Manifest, decode_manifest, encode_manifest

MANIFEST_NAME: Final = "manifest.json"
INPUTS_NAME: Final = "inputs"
"""Optional folder of the inputs, next to the manifest."""
STAGING_PREFIX: Final = ".partial-"


@contextmanager
def staging_folder(out: Path) -> Generator[Path]:
    """Create a staging folder inside `out` and remove it at the end, and `out` too if it is empty.

    Raises:
        OSError: `out` can't be created or written, or another rendering is using it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with _exclusive(out):
        for leftover in out.glob(f"{STAGING_PREFIX}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=out))
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            with suppress(OSError):
                out.rmdir()


@contextmanager
def _exclusive(out: Path) -> Generator[None]:
    """Lock a folder: two renderings in one folder would delete each other's staging folders as leftovers."""
    handle = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise BlockingIOError(error.errno, "another rendering is using this folder", str(out)) from None
    except OSError:  # the file system does not support locks
        pass
    try:
        yield
    finally:
        os.close(handle)


def record(folder: Path, name: str) -> FileRecord:
    """Return path, hash and size of a file in a folder."""
    path = folder / name
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileRecord(path=name, sha256=digest, size_bytes=path.stat().st_size)


def publish(staging: Path, out: Path, manifest: Manifest) -> Iterator[str]:
    """Replace an earlier result: move the manifest's files into place, then the manifest. Yield each file's name."""
    earlier = earlier_result(out)
    (out / MANIFEST_NAME).unlink(missing_ok=True)
    for item in earlier.files if earlier else ():
        path = inside(out, item.path)
        if path is not None:
            path.unlink(missing_ok=True)
            with suppress(OSError):
                path.parent.rmdir()
    for item in manifest.files:
        path = out / item.path
        path.parent.mkdir(exist_ok=True)
        (staging / item.path).replace(path)
        yield item.path
    (staging / MANIFEST_NAME).write_bytes(encode_manifest(manifest))
    (staging / MANIFEST_NAME).replace(out / MANIFEST_NAME)
    yield MANIFEST_NAME


def earlier_result(out: Path) -> Manifest | None:
    """Return the manifest of the result in a folder, None if there is none."""
    try:
        return decode_manifest((out / MANIFEST_NAME).read_bytes())
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None


def inside(out: Path, name: str) -> Path | None:
    """Return the path of a manifest's file, None if it is outside the folder."""
    path = PurePosixPath(name)
    return None if path.is_absolute() or ".." in path.parts else out / path
