"""Copies objects between a storage and a backup, several at once, each checked by its SHA-256."""

import asyncio
import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

from tone_shootout.backup.errors import DamagedError
from tone_shootout.backup.folder import BackupFolder, Output
from tone_shootout.backup.progress import Progress
from tone_shootout.backup.records import OBJECT_KEY, Lost, ObjectRecord
from tone_shootout.kit.storage import MissingObjectError, Storage

AT_ONCE: Final = 8
"""Objects copied at the same time."""


async def store_objects(
    records: Iterable[ObjectRecord], storage: Storage, folder: BackupFolder, progress: Progress, *, verify: bool
) -> list[Lost]:
    """Copy objects from the storage into the backup, except those that it has.

    Args:
        records: the objects.
        storage: where they are.
        folder: the backup.
        progress: counts them.
        verify: read those that the backup has, and copy damaged ones again.

    Returns:
        What the storage does not have, or has with another content.
    """
    lost: list[Lost] = []
    in_flight: dict[str, asyncio.Event] = {}

    async def store(record: ObjectRecord) -> None:
        while (other := in_flight.get(record.sha256)) is not None:  # the same content under another key
            await other.wait()
        in_flight[record.sha256] = asyncio.Event()
        try:
            has = folder.has_object(record.sha256, record.size_bytes)
            if has and verify:
                has = await asyncio.to_thread(is_whole, folder, record.sha256)
            reason = None if has else await _store(record, storage, folder)
        finally:
            in_flight.pop(record.sha256).set()
        if reason is not None:
            lost.append(Lost(key=record.key, reason=reason))
        progress.done(record, copied=not has)

    await _for_each(records, store)
    return sorted(lost, key=lambda each: each.key)


async def restore_objects(
    records: Iterable[ObjectRecord], storage: Storage, folder: BackupFolder, progress: Progress, *, lost: set[str]
) -> None:
    """Copy objects from the backup into the storage, except those that are there with the same content.

    Args:
        records: the objects.
        storage: where they are copied to.
        folder: the backup.
        progress: counts them.
        lost: keys of objects that the backup does not have.

    Raises:
        DamagedError: an object of the backup is missing or damaged, or its key is none of ours.
    """
    with tempfile.TemporaryDirectory(prefix="shootout-restore-") as scratch:

        async def restore(record: ObjectRecord) -> None:
            check_key(record)
            if record.key in lost:
                return
            is_there = await _has(storage, record)
            if not is_there:
                with tempfile.NamedTemporaryFile(dir=scratch) as file:
                    await asyncio.to_thread(_write_object, folder, record, Path(file.name))
                    await storage.put(record.key, Path(file.name))
            progress.done(record, copied=not is_there)

        await _for_each(records, restore)


def check_key(record: ObjectRecord) -> None:
    """Check that a key is one that this service writes.

    Raises:
        DamagedError: it is not.
    """
    parts = record.key.split("/")
    if not OBJECT_KEY.fullmatch(record.key) or any(part in ("", ".", "..") for part in parts):
        raise DamagedError(f"the backup has an object with a key that is none of this service: {record.key!r}")
    if parts[2] == "blobs" and parts[3] != record.sha256:
        raise DamagedError(f"the backup has an object whose key names another content: {record.key}")


def is_whole(folder: BackupFolder, sha256: str) -> bool:
    """Return whether the backup has an object with the right content."""
    try:
        for _ in folder.read_object(sha256):
            pass
    except DamagedError:
        return False
    return True


async def _store(record: ObjectRecord, storage: Storage, folder: BackupFolder) -> str | None:
    """Copy an object into the backup; return why that is not possible."""
    try:
        opened = await storage.open(record.key)
    except MissingObjectError:
        return "missing"
    output = folder.write_object(record.sha256)
    try:
        async for chunk in opened.chunks:
            output.write(chunk)
        return _commit(output, record)
    finally:
        output.discard()


def _commit(output: Output, record: ObjectRecord) -> str | None:
    if (output.sha256, output.size) != (record.sha256, record.size_bytes):
        return "damaged"
    output.commit()
    return None


async def _has(storage: Storage, record: ObjectRecord) -> bool:
    """Return whether the storage has an object with the right content."""
    if await storage.size_of(record.key) != record.size_bytes:
        return False
    digest = hashlib.sha256()
    async for chunk in storage.stream(record.key):
        digest.update(chunk)
    return digest.hexdigest() == record.sha256


def _write_object(folder: BackupFolder, record: ObjectRecord, path: Path) -> None:
    with path.open("wb") as file:
        size = 0
        for chunk in folder.read_object(record.sha256):
            size += len(chunk)
            if size > record.size_bytes:
                raise DamagedError(f"an object is longer than its record says: {record.key}")
            file.write(chunk)


async def _for_each(records: Iterable[ObjectRecord], step: Callable[[ObjectRecord], Awaitable[None]]) -> None:
    """Run a step for each record, several at once; the first error ends all."""
    waiting = iter(records)

    async def work() -> None:
        for record in waiting:
            await step(record)

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(work())
    except BaseExceptionGroup as errors:  # not `except*`: before Python 3.11.4, it puts what is raised into a group
        raise _first(errors) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
