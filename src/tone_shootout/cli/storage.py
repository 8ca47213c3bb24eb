"""`shootout storage`: the objects of an installation."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tone_shootout.cli._installation import data_option, installation
from tone_shootout.cli.errors import handle_errors

if TYPE_CHECKING:
    from tone_shootout.kit.settings import Settings


@click.group("storage")
def command() -> None:
    """Look after the objects of an installation."""


@command.command()
@data_option
@click.option("--json", "as_json", is_flag=True, help="Write each difference as a line of JSON.")
def reconcile(data: Path | None, as_json: bool) -> None:
    """Compare rows and objects, and list the differences; change nothing.

    Housekeeping deletes objects without a row. A row without its object is a loss: restore the object from a backup, or
    ask its owner to upload the file again. The exit code is 1 if there is one.
    """
    import asyncio

    from obstore.exceptions import BaseError as StorageError

    from tone_shootout.kit.settings import load_settings

    with handle_errors(StorageError, OSError), installation(data) as environ:
        found = asyncio.run(_run(load_settings(environ), as_json=as_json))
    if found["missing"] or found["size"]:
        sys.exit(1)


async def _run(settings: "Settings", *, as_json: bool) -> Counter[str]:
    import msgspec

    from tone_shootout.composition import Services
    from tone_shootout.reconcile import reconcile as differences

    found: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    async with Services(settings) as services:
        async for each in differences(settings.database.url, services.storage, grace=services.orphans_grace):
            found[each.kind] += 1
            sizes[each.kind] += each.size_bytes
            click.echo(msgspec.json.encode(each).decode() if as_json else f"{each.kind:<8} {each.key}")
    if not as_json:
        for kind, text in (
            ("missing", "rows without their object"),
            ("size", "objects of another size than their row says"),
            ("orphan", "objects without a row, which housekeeping deletes"),
            ("recent", "objects without a row yet"),
        ):
            click.echo(f"{found[kind]} {text} ({sizes[kind]} bytes)")
    return found
