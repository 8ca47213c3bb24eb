"""`shootout library`: the DI tracks, captures and cab IRs of a service."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tone_shootout.cli._session import ServiceError, open_session, session_options
from tone_shootout.cli.errors import handle_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tone_shootout.client import LibraryItem

_KINDS = click.Choice(["di_track", "capture", "cab_ir"])
_json = click.option("--json", "as_json", is_flag=True, help="Write JSON: a list with an object per item.")


@click.group("library")
def command() -> None:
    """List, upload and delete your DI tracks, captures and cab IRs, and set their pictures."""


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
@click.option("--kind", type=_KINDS, help="Kind of the files. [recognized by their content]")
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

    A folder stands for the files in it and in its folders. Of a ZIP archive, the captures and sound files in it are
    added: those in a folder named di_tracks as DI tracks, others as cab IRs. Of a bundle, its inputs are added. What is
    left out is listed with the reason. A file that fails does not affect the others; the exit code is 1 then.
    """
    if name is not None and (len(files) > 1 or files[0].is_dir() or _is_archive(files[0])):
        raise click.UsageError("--name needs a single file")
    left_out: list[tuple[str, str]] = []
    named = [(path, found, name) for path, found in _kinds(files, kind, left_out)]
    archives = [path for path in files if _is_archive(path)]
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        results = [(str(path), result) for (path, _, _), result in zip(named, client.upload_many(named), strict=True)]
        for path in archives:
            results += [(f"{path}: {result.filename}", result) for result in client.upload_archive(path)]
    _show([result.item for _, result in results if result.item is not None], as_json=as_json)
    left_out += [
        (where, result.problem.detail) for where, result in results if result.status == "skipped" and result.problem
    ]
    for where, reason in left_out:
        click.echo(f"Left out: {where}: {reason}", err=True)
    failed = [(where, result.problem) for where, result in results if result.status == "failed" and result.problem]
    for where, problem in failed:
        click.echo(f"Error: {where}: {problem.detail} ({problem.code})", err=True)
    if failed:
        sys.exit(1)


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ".zip"


def _kinds(files: tuple[Path, ...], kind: Any, left_out: list[tuple[str, str]]) -> "Iterator[tuple[Path, Any]]":
    """Yield each file that is no archive, with its kind. Of folders, other files and the reason go to `left_out`.

    Raises:
        ClickException: a file can't be read, or it is neither a capture nor sound.
    """
    from tone_shootout.cli._files import handle_file_errors
    from tone_shootout.cli._recognition import files_of

    for path, is_named in files_of(files, deep=True):
        if _is_archive(path):
            if not is_named:
                left_out.append((str(path), "an archive in a folder: name it to add what is in it"))
            continue
        if kind is not None and is_named:
            yield path, kind
            continue
        with handle_file_errors(path):
            found = _kind(path, is_named=is_named)
        if found is None:
            left_out.append((str(path), "expected a capture (.nam) or a sound file"))
        else:
            yield path, kind or found


def _kind(path: Path, *, is_named: bool) -> Any:
    from tone_shootout.cli._recognition import recognize
    from tone_shootout.rendering.media_info import kind_of

    info = recognize(path, is_named=is_named)
    return None if info is None else kind_of(info)


@command.command()
@click.argument("items", nargs=-1, required=True, metavar="ITEM...")
@session_options
def delete(items: tuple[str, ...], url: str | None, token: str | None, data: Path | None) -> None:
    """Delete items by id. An item that a shootout or an unfinished job uses is kept, with an error."""
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        for item_id in map(_item_id, items):
            client.delete_item(item_id)
            click.echo(f"Deleted {item_id}.")


@command.command()
@click.argument("item", metavar="ITEM")
@click.argument("file", required=False, metavar="[FILE]", type=click.Path(path_type=Path))
@click.option("--remove", is_flag=True, help="Delete the picture.")
@session_options
def picture(item: str, file: Path | None, remove: bool, url: str | None, token: str | None, data: Path | None) -> None:
    """Set the picture of the gear of an item, for the cards of videos: a JPEG, PNG or WebP file.

    It is stored smaller and without metadata. Jobs that were submitted before are not changed.
    """
    if (file is None) != remove:
        raise click.UsageError("expected either FILE or --remove")
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        item_id = _item_id(item)
        if file is None:
            client.remove_picture(item_id)
        else:
            client.set_picture(item_id, file)
    click.echo(f"{'Deleted' if file is None else 'Set'} the picture of {item_id}.")


def _item_id(text: str) -> "UUID":
    from uuid import UUID

    try:
        return UUID(text)
    except ValueError:
        raise ServiceError(f"{text} is not the id of an item") from None


def _show(items: "list[LibraryItem]", *, as_json: bool) -> None:
    if as_json:
        import msgspec

        click.echo(json.dumps(msgspec.to_builtins(items)))
        return
    for item in items:
        click.echo(f"{item.id}  {item.kind:8}  {item.name}")
