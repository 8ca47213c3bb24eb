"""`shootout init`: a commented spec from files."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tone_shootout.rendering.media_info import MediaInfo
    from tone_shootout.rendering.spec.starter import StarterFile

SCHEMA_NAME = "spec.schema.json"


@click.command("init")
@click.argument("files", nargs=-1, metavar="[FILE...]", type=click.Path(path_type=Path))
@click.option(
    "--out",
    default="spec.toml",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Spec to write; an existing file is never overwritten.",
)
def command(files: tuple[Path, ...], out: Path) -> None:
    """Write a spec with comments that compares FILES, as a start for your own.

    DI tracks, captures and cab IRs are recognized by their content. A folder stands for the files in it; without
    FILES, those of this folder are used. The JSON schema of specs, for editors, is written beside the spec.
    """
    from tone_shootout.rendering.spec.json_schema import spec_schema

    if out.suffix.lower() != ".toml":
        raise click.ClickException(f"{out}: expected a name that ends in .toml")
    if out.exists():
        raise click.ClickException(f"{out} exists already: choose another name with --out")
    text = _spec(list(_recognize(files, out)), out)
    try:
        with out.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        with suppress(FileExistsError), (out.parent / SCHEMA_NAME).open("x", encoding="utf-8", newline="\n") as file:
            file.write(spec_schema())
    except FileExistsError:
        raise click.ClickException(f"{out} exists already: choose another name with --out") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or out}: {error.strerror or error}") from None
    click.echo(f"Wrote {out}. Edit it, then run: shootout check {out}")


def _spec(files: "list[StarterFile[MediaInfo]]", out: Path) -> str:
    """Return the text of the spec, which is checked."""
    from tone_shootout.cli.render import plan_document
    from tone_shootout.rendering.media_info import DiTrackInfo
    from tone_shootout.rendering.spec.reading import parse_document
    from tone_shootout.rendering.spec.schema import InvalidSpec
    from tone_shootout.rendering.spec.starter import starter_spec

    tracks = sum(isinstance(each.info, DiTrackInfo) for each in files)
    if not tracks or tracks == len(files):
        missing = "a capture or a cab IR" if tracks else "a DI track, a recording of at least 0.4 s"
        raise click.ClickException(f"expected {missing} among the files, found none")
    text = starter_spec(files, schema=SCHEMA_NAME)
    try:
        plan, _ = plan_document(parse_document(text.encode(), format="toml"), out.parent)
    except UnicodeEncodeError:
        raise click.ClickException("expected names of files in UTF-8") from None
    except InvalidSpec as error:
        raise click.ClickException(f"these files make no valid spec: {error}") from None
    click.echo(f"{len(plan.segments)} segments, about {plan.cost:.1f} s to render on one core.")
    return text


def _recognize(files: tuple[Path, ...], out: Path) -> "Iterator[StarterFile[MediaInfo]]":
    """Yield each file once, with its media info.

    Raises:
        ClickException: a file that was named can't be used.
    """
    from tone_shootout.cli._files import handle_file_errors
    from tone_shootout.cli._recognition import files_of, recognize
    from tone_shootout.rendering.media_info import KIND_WORDS, kind_of
    from tone_shootout.rendering.spec.starter import StarterFile

    seen: set[str] = set()
    for path, is_named in files_of(files or (Path(),)):
        try:
            with handle_file_errors(path):
                info = recognize(path, is_named=is_named)
                file = _relative(path, out)
        except click.ClickException as error:
            if is_named:
                raise
            click.echo(f"Skipped {error.format_message()}", err=True)
            continue
        if info is None or file in seen:
            continue
        seen.add(file)
        click.echo(f"{KIND_WORDS[kind_of(info)]:8}  {path}")
        yield StarterFile(file, info)


def _relative(path: Path, out: Path) -> str:
    """Return a path as the spec states it: relative to the folder of the spec."""
    folder = out.parent.resolve()
    return Path(os.path.relpath(path.parent.resolve() / path.name, folder)).as_posix()
