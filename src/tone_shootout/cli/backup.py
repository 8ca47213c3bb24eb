"""`shootout backup`: database and objects into a folder."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tone_shootout.cli._backups import Lines, backup_key, key_option, megabytes
from tone_shootout.cli._installation import data_option, installation
from tone_shootout.cli.errors import handle_errors

if TYPE_CHECKING:
    from tone_shootout.backup.folder import BackupFolder
    from tone_shootout.backup.records import Manifest
    from tone_shootout.kit.settings import Settings


@click.command("backup")
@click.argument("dest", type=click.Path(path_type=Path, file_okay=False))
@data_option
@key_option
@click.option("--keep", type=click.IntRange(1, 1000), default=7, show_default=True, help="Snapshots to keep in DEST.")
@click.option("--verify", is_flag=True, help="Also read all objects that DEST has, and copy damaged ones again.")
def command(dest: Path, data: Path | None, key_file: Path | None, keep: int, verify: bool) -> None:
    """Back up database and objects into the folder DEST, while the service runs.

    The first run creates DEST and encrypts it if SHOOTOUT_BACKUP_KEY or --key-file gives a key. Each further run adds a
    snapshot and copies only new objects; an interrupted one is run again. Not included: render caches, Valkey, and the
    installation's secrets, which you keep elsewhere. The exit code is 1 if the storage has lost objects.
    """
    from obstore.exceptions import BaseError as StorageError

    from tone_shootout.backup.errors import BackupError
    from tone_shootout.backup.folder import BackupFolder
    from tone_shootout.kit.settings import load_settings

    with handle_errors(BackupError, StorageError, OSError):
        folder = BackupFolder.create(dest, backup_key(key_file))
        with folder.locked(), installation(data) as environ:
            lost = _show(*_run(load_settings(environ), folder, keep=keep, verify=verify))
    if lost:
        sys.exit(1)


def _run(settings: "Settings", folder: "BackupFolder", *, keep: int, verify: bool) -> tuple[str, "Manifest", Lines]:
    import asyncio

    from tone_shootout.backup.making import make_backup
    from tone_shootout.kit.storage import Storage

    progress = Lines()

    async def run() -> tuple[str, "Manifest"]:
        storage = Storage.from_settings(settings)
        try:
            return await make_backup(
                settings.database.url,
                storage,
                folder,
                progress,
                keep=keep,
                verify=verify,
                on_event=lambda line: click.echo(line, err=True),
            )
        finally:
            await storage.aclose()

    return (*asyncio.run(run()), progress)


def _show(snapshot: str, manifest: "Manifest", progress: Lines) -> int:
    rows = sum(table.rows for table in manifest.tables)
    objects = manifest.objects
    click.echo(
        f"Snapshot {snapshot}: {rows} rows, {objects.count} objects ({megabytes(objects.content_bytes)}),"
        f" {progress.copied} of them new."
    )
    for each in manifest.lost:
        click.echo(f"  {each.reason} in the storage: {each.key}", err=True)
    return len(manifest.lost)
