"""Makes a backup: a snapshot of the database, then the objects that it names."""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from tone_shootout.backup.copying import store_objects
from tone_shootout.backup.database import connected, dump, read_list, revision_of, still_named
from tone_shootout.backup.errors import BackupError, DamagedError
from tone_shootout.backup.folder import BackupFolder
from tone_shootout.backup.progress import Progress
from tone_shootout.backup.records import Lost, Manifest
from tone_shootout.kit.storage import Storage
from tone_shootout.migrations import head_revision

ROUNDS: Final = 10
"""Most snapshots that one backup takes because objects of the last one were deleted before they were copied."""


async def make_backup(
    url: str,
    storage: Storage,
    folder: BackupFolder,
    progress: Progress,
    *,
    keep: int,
    verify: bool = False,
    on_event: Callable[[str], None] = lambda _line: None,
) -> tuple[str, Manifest]:
    """Add a snapshot to a backup whose lock is held.

    The database is read in one REPEATABLE READ transaction, which ends before the objects are copied: objects never
    change under their key, and their SHA-256 is in the database. If users delete some before they are copied, another
    snapshot is taken, which does not name them any more; it finds all others copied. So a finished snapshot has every
    object that its rows name, apart from those that the storage itself has lost, which it lists.

    Args:
        url: of the database.
        storage: where the objects are.
        folder: the backup.
        progress: counts the objects.
        keep: number of the newest snapshots to keep.
        verify: read the objects that the backup has already, and copy damaged ones again.
        on_event: called with one line of text for each event.

    Returns:
        The name of the snapshot and its manifest.

    Raises:
        BackupError: the schema is not of this version, or objects are deleted faster than they are copied.
        OSError: the database, the storage or the folder fails.
    """
    for _ in range(ROUNDS):
        created_at = datetime.now(UTC)
        snapshot = folder.begin_snapshot()
        async with connected(url) as connection:
            revision = await revision_of(connection)
            if revision is None or revision != head_revision():
                raise BackupError(
                    f"the schema is at {revision}, this version needs {head_revision()}: run `shootout db upgrade`, or"
                    " use the version that is installed"
                )
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                tables, objects = await dump(connection, folder, snapshot)
        progress.begin("copy", objects.count, objects.content_bytes)
        lost = await store_objects(read_list(folder, snapshot, objects), storage, folder, progress, verify=verify)
        deleted = await _deleted(url, lost)
        if not deleted:
            manifest = Manifest(
                created_at=created_at.isoformat(timespec="seconds"),
                app_version=version("tone-shootout"),
                revision=revision,
                tables=tables,
                objects=objects,
                lost=lost,
            )
            folder.finish_snapshot(snapshot, manifest)
            try:
                _prune(folder, keep)
            except DamagedError as error:
                on_event(f"Older snapshots are kept: {error}")
            return snapshot, manifest
        verify = False
        on_event(f"{deleted} objects were deleted during the backup: taking another snapshot")
    raise BackupError(f"objects were deleted during each of {ROUNDS} snapshots: run it again later")


async def _deleted(url: str, lost: list[Lost]) -> int:
    """Return how many of the missing objects no row names any more."""
    missing = [each.key for each in lost if each.reason == "missing"]
    return len(missing) - len(await still_named(url, missing)) if missing else 0


def _prune(folder: BackupFolder, keep: int) -> None:
    """Delete all but the newest snapshots, and objects that none of them names."""
    snapshots = folder.snapshots()
    named: set[str] = set()
    for name in snapshots[-keep:]:
        for record in read_list(folder, name, folder.read_manifest(name).objects):
            named.add(folder.object_name(record.sha256))
    for name in snapshots[:-keep]:
        folder.delete_snapshot(name)
    for name in folder.object_names():
        if name not in named:
            folder.delete_object(name)
