"""`shootout bundle`: a result with all that belongs to it as one ZIP file."""

from pathlib import Path

import click


@click.command("bundle")
@click.argument("result", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("out", metavar="[OUT.zip]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--inputs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder with inputs, repeatable. [DIR, its folder `inputs`, and its parent folder]",
)
@click.option("--no-inputs", is_flag=True, help="Leave DI tracks, captures and cab IRs out.")
def command(result: Path, out: Path | None, inputs: tuple[Path, ...], no_inputs: bool) -> None:
    """Write the result in DIR as one ZIP file, by default beside it as DIR.zip.

    It contains all files of the result, its inputs, its figures as CSV tables and in sentences, a session with all
    segments on aligned tracks for REAPER, listening tests for webMUSHRA, and a text that tells what is what. `shootout
    verify` checks a bundle without unpacking it, and a service adds its inputs to your library.

    Before you pass it on, check that the licenses of the captures and cab IRs allow that, or use --no-inputs.
    """
    from tone_shootout.cli.verify import input_folders, read_manifest
    from tone_shootout.rendering.bundle.writing import write_bundle

    manifest = read_manifest(result)
    out = out or result.absolute().with_name(f"{result.absolute().name}.zip")
    folders = [] if no_inputs else input_folders(result, inputs)
    try:
        missing = write_bundle(result, manifest, folders, out)
    except OSError as error:
        raise click.ClickException(f"{error.filename or out}: {error.strerror or error}") from None
    if missing and not no_inputs:
        click.echo(
            f"Note: {missing} of {len(manifest.inputs)} inputs not found: give their folder with --inputs", err=True
        )
    click.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
