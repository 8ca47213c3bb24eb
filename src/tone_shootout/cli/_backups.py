"""What `shootout backup` and `shootout restore` share: the key and the progress."""

import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tone_shootout.backup.progress import Progress

if TYPE_CHECKING:
    from tone_shootout.backup.records import ObjectRecord

KEY: Final = "SHOOTOUT_BACKUP_KEY"
"""Variable with the key of backups."""
_LARGEST_KEY: Final = 4096

key_option = click.option(
    "--key-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=f"File with the key of an encrypted backup, instead of {KEY}.",
)


def backup_key(key_file: Path | None) -> str | None:
    """Return the key of the backup, None if there is none.

    It is never an argument, which other users of the machine could read.

    Raises:
        click.ClickException: the file is empty or too long, or others can read it.
    """
    if key_file is None:
        return os.environ.get(KEY, "").strip() or None
    if stat.S_IMODE(key_file.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH) and os.geteuid() == key_file.stat().st_uid:
        click.echo(f"Warning: other users can read {key_file}: run chmod 600 on it", err=True)
    with key_file.open("rb") as file:
        content = file.read(_LARGEST_KEY + 1)
    try:
        key = content.decode().strip()
    except UnicodeDecodeError:
        raise click.ClickException(f"{key_file} is not a text in UTF-8") from None
    if not key or len(content) > _LARGEST_KEY:
        raise click.ClickException(f"{key_file} must have one line with the key, at most {_LARGEST_KEY} bytes")
    return key


class Lines(Progress):
    """Prints how far the objects are, every few seconds."""

    INTERVAL_S: Final = 10.0

    def begin(self, step: str, count: int, content_bytes: int) -> None:
        """Begin a step of `count` objects with `content_bytes` in all."""
        super().begin(step, count, content_bytes)
        self._printed = time.monotonic()

    def done(self, record: "ObjectRecord", *, copied: bool) -> None:
        """Count an object that was copied or was there."""
        super().done(record, copied=copied)
        if time.monotonic() - self._printed >= self.INTERVAL_S:
            self._printed = time.monotonic()
            now, total = megabytes(self.content_bytes), megabytes(self.all_bytes)
            click.echo(f"  {self.step}: {self.count} of {self.all_count} objects, {now} of {total}", err=True)


def megabytes(size: int) -> str:
    """Return a size in words."""
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"
