"""`shootout library`: the DI tracks, captures and cab IRs of a service."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tone_shootout.cli._session import ServiceError, open_session, session_options
from tone_shootout.cli.errors import handle_errors

if TYPE_CHECKING:
    from tone_shootout.client import LibraryItem

_KINDS = click.Choice(["di_track", "capture", "cab_ir"])
_json = click.option("--json", "as_json", is_flag=True, help="Write JSON: a list with an object per item.")


@click.group("library")
def command() -> None:
    """List, upload and delete your DI tracks, captures and cab IRs."""


@command.command("list")
@click.option("--kind", type=_KINDS, help="Only items of this kind.")
@click.option("--name", help="Only items with this text in their names.")
@_json
@session_options
def list_(kind: Any, name: str | None, as_json: bool, url: str | None, token: str | None, data: Path | None) -> None:
    """List your library, newest first."""
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        items = client.library(kind=kind, q=name)
    _show(items, as_json=as_json)
    if not items and not as_json:
        click.echo("no items", err=True)


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--kind", type=_KINDS, required=True, help="Kind of the files.")
@click.option("--name", help="Name in the library, for a single file. [the file name]")
@_json
@session_options
def upload(
    files: tuple[Path, ...],
    kind: Any,
    name: str | None,
    as_json: bool,
    url: str | None,
    token: str | None,
    data: Path | None,
) -> None:
    """Upload files, several in a request. A file that your library has as this kind is not sent again.

    A file that fails does not affect the others; the exit code is 1 then.
    """
    if name is not None and len(files) > 1:
        raise click.UsageError("--name needs a single file")
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        results = client.upload_many([(file, kind, name) for file in files])
    _show([result.item for result in results if result.item is not None], as_json=as_json)
    failed = [(file, result.problem) for file, result in zip(files, results, strict=True) if result.problem is not None]
    for file, problem in failed:
        click.echo(f"Error: {file}: {problem.detail} ({problem.code})", err=True)
    if failed:
        sys.exit(1)


@command.command()
@click.argument("items", nargs=-1, required=True, metavar="ITEM...")
@session_options
def delete(items: tuple[str, ...], url: str | None, token: str | None, data: Path | None) -> None:
    """Delete items by id. An item that a shootout or an unfinished job uses is kept, with an error."""
    from uuid import UUID

    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        for item in items:
            try:
                item_id = UUID(item)
            except ValueError:
                raise ServiceError(f"{item} is not the id of an item") from None
            client.delete_item(item_id)
            click.echo(f"Deleted {item_id}.")


def _show(items: "list[LibraryItem]", *, as_json: bool) -> None:
    if as_json:
        import msgspec

        click.echo(json.dumps(msgspec.to_builtins(items)))
        return
    for item in items:
        click.echo(f"{item.id}  {item.kind:8}  {item.name}")
