"""Checks a backup, and restores it into an empty installation."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from alembic.util.exc import CommandError
from msgspec import Struct

from tone_shootout import migrations
from tone_shootout.backup.copying import check_key, is_whole, restore_objects
from tone_shootout.backup.database import (
    connected,
    load,
    part_name,
    read_list,
    refuse_if_used,
    refuse_unless_empty,
    revision_of,
)
from tone_shootout.backup.errors import BackupError, DamagedError
from tone_shootout.backup.folder import BackupFolder, decompress
from tone_shootout.backup.progress import Progress
from tone_shootout.backup.records import Manifest
from tone_shootout.kit.keyring import KeyRing, UnreadableSecretError
from tone_shootout.kit.storage import Storage


class Secrets(Struct, frozen=True, kw_only=True):
    """Secrets in a restored database that the installation's keys can't decrypt.

    Attributes:
        connections: connections with TONE3000.
        webhooks: webhooks.
    """

    connections: int
    webhooks: int


async def check_backup(folder: BackupFolder, snapshot: str, progress: Progress) -> list[str]:
    """Read everything of a snapshot and compare it with its checksums.

    Args:
        folder: the backup.
        snapshot: name of the snapshot.
        progress: counts the objects.

    Returns:
        What is missing or damaged, a line each.

    Raises:
        DamagedError: the manifest or the list of objects can't be read.
    """
    manifest = folder.read_manifest(snapshot)
    found = []
    for table in manifest.tables:
        part = part_name(table.name)
        content = folder.read_part(snapshot, part)
        try:
            for _ in decompress(content, f"{snapshot}/{part}", size=table.size_bytes, sha256=table.sha256):
                pass
        except DamagedError as error:
            found.append(str(error))
    progress.begin("check", manifest.objects.count, manifest.objects.content_bytes)
    lost = {each.key for each in manifest.lost}
    for record in read_list(folder, snapshot, manifest.objects):
        check_key(record)
        if record.key not in lost:
            if not await asyncio.to_thread(is_whole, folder, record.sha256):
                found.append(f"object {folder.object_name(record.sha256)} of {record.key} is missing or damaged")
            progress.done(record, copied=False)
    return found


async def restore_backup(
    url: str,
    storage: Storage,
    folder: BackupFolder,
    snapshot: str,
    progress: Progress,
    *,
    on_event: Callable[[str], None] = lambda _line: None,
) -> Manifest:
    """Restore a snapshot into an installation without rows and without objects.

    Objects come first, each checked before it is written; one that is there already with the right content is skipped,
    so that an interrupted run goes on. Then the migrations run to the backup's revision, all tables are loaded in one
    transaction, and the migrations run to the newest revision.

    Args:
        url: of the database.
        storage: where the objects are copied to.
        folder: the backup.
        snapshot: name of the snapshot.
        progress: counts the objects.
        on_event: called with one line of text for each event.

    Raises:
        BackupError: the installation is not empty or is running, or the backup was made by a newer version.
        DamagedError: the backup is damaged; the database is as empty as before.
        OSError: the database, the storage or the folder fails.
    """
    manifest = folder.read_manifest(snapshot)
    if not await asyncio.to_thread(migrations.has_revision, manifest.revision):
        raise BackupError(
            f"the backup has the schema {manifest.revision}, which this version does not know: install"
            f" {manifest.app_version} or later"
        )
    async with connected(url) as connection:
        await refuse_if_used(connection)
        await refuse_unless_empty(connection)
        revision = await revision_of(connection)
    await _refuse_other_objects(storage, folder, snapshot, manifest)
    progress.begin("copy", manifest.objects.count, manifest.objects.content_bytes)
    await restore_objects(
        read_list(folder, snapshot, manifest.objects),
        storage,
        folder,
        progress,
        lost={each.key for each in manifest.lost},
    )
    on_event(f"Loading {sum(table.rows for table in manifest.tables)} rows of {len(manifest.tables)} tables")
    try:
        if revision not in (None, manifest.revision):
            await asyncio.to_thread(migrations.downgrade, url, "base")
        await asyncio.to_thread(migrations.upgrade, url, manifest.revision)
        async with connected(url) as connection, connection.transaction():
            await load(connection, folder, snapshot, manifest)
        await asyncio.to_thread(migrations.upgrade, url)
    except CommandError as error:
        raise BackupError(f"the migrations failed: {error}") from None
    return manifest


async def unreadable_secrets(url: str, keys: Sequence[str]) -> Secrets:
    """Count the secrets in a database that these keys can't decrypt.

    Args:
        url: of the database.
        keys: those of the installation (`SHOOTOUT_SECURITY_ENCRYPTION_KEYS`).
    """
    ring = KeyRing(keys)
    async with connected(url) as connection:
        tokens = await connection.fetch("SELECT tokens FROM tone3000_connection WHERE tokens IS NOT NULL")
        secrets = await connection.fetch("SELECT secret FROM webhook")
    return Secrets(connections=_unreadable(ring, tokens), webhooks=_unreadable(ring, secrets))


def _unreadable(ring: KeyRing, rows: Sequence[Any]) -> int:
    count = 0
    for (secret,) in rows:
        try:
            ring.rotate(secret)
        except UnreadableSecretError:
            count += 1
    return count


async def _refuse_other_objects(storage: Storage, folder: BackupFolder, snapshot: str, manifest: Manifest) -> None:
    """Refuse a storage with objects that are not of this snapshot: it is another installation's."""
    expected: set[str] | None = None
    async for key in storage.keys("users"):
        if expected is None:  # most often there is none
            expected = {record.key for record in read_list(folder, snapshot, manifest.objects)}
        if key not in expected:
            raise BackupError(f"the storage is not empty: it has {key}. Restore into an empty installation")
