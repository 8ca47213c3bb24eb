"""The result folder: made beside itself, moved into place as a whole, the manifest last.

What stops half-way leaves an earlier result as it was. What succeeds replaces it, and nothing else that lies there.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from tone_shootout.rendering.output.manifest import FileRecord, Manifest, decode_manifest, encode_manifest

MANIFEST_NAME: Final = "manifest.json"
INPUTS_NAME: Final = "inputs"
"""Folder beside the manifest for what went in, where somebody keeps it there."""
STAGING_PREFIX: Final = ".partial-"


@contextmanager
def staging_folder(out: Path) -> Iterator[Path]:
    """Make a folder inside `out` to work in, and remove it at the end, with `out` where that did not exist or is empty.

    Raises:
        OSError: `out` can't be made or written to, or somebody else works in it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        for left_behind in out.glob(f"{STAGING_PREFIX}*"):
            shutil.rmtree(left_behind, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=out))
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            with suppress(OSError):
                out.rmdir()


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep others from working in a folder: each would take what the other has made so far for left behind."""
    handle = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise BlockingIOError(error.errno, "another rendering is at work in it", str(out)) from None
    except OSError:  # a file system that knows no locks
        pass
    try:
        yield
    finally:
        os.close(handle)


def record(folder: Path, name: str) -> FileRecord:
    """Describe a file of the folder by its hash and size."""
    path = folder / name
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileRecord(path=name, sha256=digest, bytes=path.stat().st_size)


def publish(staging: Path, out: Path, manifest: Manifest) -> Iterator[str]:
    """Move the manifest's files into place, each name as it is there, and the manifest last; a former result goes."""
    former = former_result(out)
    (out / MANIFEST_NAME).unlink(missing_ok=True)
    for item in former.files if former else ():
        place = inside(out, item.path)
        if place is not None:
            place.unlink(missing_ok=True)
            with suppress(OSError):
                place.parent.rmdir()
    for item in manifest.files:
        place = out / item.path
        place.parent.mkdir(exist_ok=True)
        (staging / item.path).replace(place)
        yield item.path
    (staging / MANIFEST_NAME).write_bytes(encode_manifest(manifest))
    (staging / MANIFEST_NAME).replace(out / MANIFEST_NAME)
    yield MANIFEST_NAME


def former_result(out: Path) -> Manifest | None:
    """Return the manifest of the result in a folder, None where there is none."""
    try:
        return decode_manifest((out / MANIFEST_NAME).read_bytes())
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None


def inside(out: Path, name: str) -> Path | None:
    """Return where a manifest's file lies, None for one that points out of the folder."""
    path = PurePosixPath(name)
    return None if path.is_absolute() or ".." in path.parts else out / path
