"""`shootout restore`: a backup into an empty installation, or only its check."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tone_shootout.cli._backups import Lines, backup_key, key_option, megabytes
from tone_shootout.cli._installation import data_option, installation
from tone_shootout.cli.errors import handle_errors

if TYPE_CHECKING:
    from tone_shootout.backup.folder import BackupFolder
    from tone_shootout.kit.settings import Settings


@click.command("restore")
@click.argument("src", type=click.Path(path_type=Path, file_okay=False))
@data_option
@key_option
@click.option("--at", "at", metavar="SNAPSHOT", help="Snapshot to use; the newest by default.")
@click.option("--check", "only_check", is_flag=True, help="Only read everything and compare checksums.")
@click.option("--list", "only_list", is_flag=True, help="Only list the snapshots.")
def command(
    src: Path, data: Path | None, key_file: Path | None, at: str | None, only_check: bool, only_list: bool
) -> None:
    """Restore the backup SRC into an empty installation that does not run.

    The installation is that of SHOOTOUT_DATABASE_URL and SHOOTOUT_STORAGE_URL, else the one in the data folder. It must
    have no users and no objects. An interrupted run is run again. Set the secrets of the backed-up installation first:
    without its SHOOTOUT_SECURITY_ENCRYPTION_KEYS, stored tokens of TONE3000 and secrets of webhooks can't be read.
    """
    from obstore.exceptions import BaseError as StorageError

    from tone_shootout.backup.errors import BackupError
    from tone_shootout.backup.folder import BackupFolder
    from tone_shootout.kit.settings import load_settings

    with handle_errors(BackupError, StorageError, OSError):
        folder = BackupFolder.open(src, backup_key(key_file))
        snapshot = folder.snapshot(at)
        if only_list:
            _list(folder)
        elif only_check:
            _check(folder, snapshot)
        else:
            with installation(data) as environ:
                _restore(load_settings(environ), folder, snapshot)


def _list(folder: "BackupFolder") -> None:
    for name in folder.snapshots():
        manifest = folder.read_manifest(name)
        objects = manifest.objects
        click.echo(
            f"{name}  schema {manifest.revision}, version {manifest.app_version}, {objects.count} objects,"
            f" {megabytes(objects.content_bytes)}"
        )


def _check(folder: "BackupFolder", snapshot: str) -> None:
    import asyncio

    from tone_shootout.backup.restoring import check_backup

    progress = Lines()
    found = asyncio.run(check_backup(folder, snapshot, progress))
    for line in found:
        click.echo(line, err=True)
    if found:
        click.echo(f"Snapshot {snapshot} is damaged: {len(found)} files.", err=True)
        sys.exit(1)
    click.echo(f"Snapshot {snapshot} is whole: {progress.count} objects, {megabytes(progress.content_bytes)}.")


def _restore(settings: "Settings", folder: "BackupFolder", snapshot: str) -> None:
    import asyncio

    from tone_shootout.backup.restoring import restore_backup, unreadable_secrets
    from tone_shootout.kit.storage import Storage

    async def run() -> None:
        progress = Lines()
        storage = Storage.from_settings(settings)
        url = settings.database.url
        try:
            manifest = await restore_backup(
                url, storage, folder, snapshot, progress, on_event=lambda line: click.echo(line, err=True)
            )
        finally:
            await storage.aclose()
        click.echo(
            f"Restored snapshot {snapshot}: {sum(table.rows for table in manifest.tables)} rows,"
            f" {progress.count} objects ({megabytes(progress.content_bytes)})."
        )
        for each in manifest.lost:
            click.echo(f"  was {each.reason} when the backup was made: {each.key}", err=True)
        secrets = await unreadable_secrets(url, settings.security.encryption_keys)
        if secrets.connections or secrets.webhooks:
            click.echo(
                f"Warning: the keys in SHOOTOUT_SECURITY_ENCRYPTION_KEYS can't read the tokens of {secrets.connections}"
                f" TONE3000 connections and the secrets of {secrets.webhooks} webhooks: add the key of the installation"
                " that was backed up before you start this one",
                err=True,
            )

    asyncio.run(run())
