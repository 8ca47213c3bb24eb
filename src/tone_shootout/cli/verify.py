"""`shootout verify`: a result rendered again from its manifest."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tone_shootout.rendering.output.manifest import Manifest


@click.command("verify")
@click.argument("result", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--inputs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder with inputs; can be given several times. [DIR, its folder `inputs`, and the folder that it lies in]",
)
@click.option("--jobs", type=click.IntRange(1, 64), help="Segments rendered at once. [one per core]")
def command(result: Path, inputs: tuple[Path, ...], jobs: int | None) -> None:
    """Render the result in DIR again from its manifest and compare every segment with its file.

    The manifest names its inputs and holds their hashes; each is looked for by name, then by content. A segment is
    exact when every sample is the same, within tolerance when none is off by 0.0001 of full scale (-80 dBFS) or more,
    and different otherwise, or when its levels are not those that the manifest states: then the exit code is 1.
    """
    from tone_shootout.cli._progress import interruptible, progress
    from tone_shootout.rendering.engine.sources import SourceError
    from tone_shootout.rendering.errors import Cancelled, RenderError, WorkerDied
    from tone_shootout.rendering.output.manifest import versions
    from tone_shootout.rendering.output.result_folder import INPUTS_NAME
    from tone_shootout.rendering.output.verify import verify
    from tone_shootout.rendering.plan.keys import ENGINE
    from tone_shootout.rendering.plan.planner import InvalidSpec

    manifest = _manifest(result)
    usual = [result, result / INPUTS_NAME, result.absolute().parent]
    sources = _inputs(manifest, inputs or [folder for folder in usual if folder.is_dir()])
    processes = jobs or os.cpu_count() or 1
    try:
        with interruptible() as stopped, progress(stopped) as reporter:
            segments = verify(manifest, result, sources, processes=processes, reporter=reporter)
    except Cancelled:
        raise click.ClickException("stopped") from None
    except (InvalidSpec, SourceError, RenderError, WorkerDied) as error:
        raise click.ClickException(f"{result}: {error}") from None
    except OSError as error:
        raise click.ClickException(f"{result}: {error.strerror or error}") from None
    for item in segments:
        found = item.reason or ("" if not item.difference else f"largest difference {item.difference:.1e}")
        told = f"{item.segment.position:2d}  {item.verdict:<16}  {item.segment.di_track} – {item.segment.chain}"
        click.echo(f"{told}  ({found})" if found else told)
    different = sum(item.verdict == "different" for item in segments)
    if not different:
        click.echo(f"All {len(segments)} segments are what the manifest says.")
        return
    then, now = {"engine": manifest.engine, **manifest.versions}, {"engine": ENGINE, **versions()}
    for name in sorted(name for name in now if then.get(name) != now[name]):
        click.echo(f"Made with {name} {then.get(name, 'of no stated version')}; here it is {now[name]}.")
    raise click.ClickException(f"{result}: {different} of {len(segments)} segments are different")


def _manifest(result: Path) -> "Manifest":
    import msgspec

    from tone_shootout.rendering.output.manifest import decode_manifest
    from tone_shootout.rendering.output.result_folder import MANIFEST_NAME

    path = result / MANIFEST_NAME
    try:
        return decode_manifest(path.read_bytes())
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise click.ClickException(f"{path}: expected the manifest of a result: {error}") from None


def _inputs(manifest: "Manifest", folders: "Sequence[Path]") -> dict[str, Path]:
    from tone_shootout.rendering.output.verify import find_inputs

    try:
        sources, missing = find_inputs(manifest, folders)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    if missing:
        names = ", ".join(f"{item.name} ({item.kind}, SHA-256 {item.sha256[:12]}…)" for item in missing)
        raise click.ClickException(f"inputs not found: {names}; name their folder with --inputs")
    return sources
