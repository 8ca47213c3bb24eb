"""`shootout verify`: render a result again from its manifest and compare."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from tone_shootout.rendering.output.manifest import Manifest


@click.command("verify")
@click.argument("result", metavar="DIR|BUNDLE.zip", type=click.Path(path_type=Path))
@click.option(
    "--inputs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder with inputs, repeatable. [DIR, its folder `inputs`, and its parent folder]",
)
@click.option("--jobs", type=click.IntRange(1, 64), help="Segments to render concurrently. [one per core]")
def command(result: Path, inputs: tuple[Path, ...], jobs: int | None) -> None:
    """Render the result in DIR again from its manifest and compare every segment with its file.

    The manifest lists its inputs with their hashes. Each is searched by name, then by content. A segment is exact if
    all samples are equal, and within tolerance if all differ by less than 0.0001 of full scale (-80 dBFS). Otherwise,
    or if its levels differ from the manifest, it is different, and the exit code is 1.

    Of a bundle, the hashes of all its files are checked first.
    """
    if result.is_file():
        with _unpacked(result) as (manifest, folder):
            own = [each for each in (folder, folder / "inputs") if each.is_dir()]
            _verify(result, manifest, folder, [*inputs, *own], jobs)
    else:
        _verify(result, read_manifest(result), result, input_folders(result, inputs), jobs)


@contextmanager
def _unpacked(bundle: Path) -> "Generator[tuple[Manifest, Path]]":
    """Check a bundle and yield its manifest, and a temporary folder with its segments and inputs."""
    from tone_shootout.rendering.bundle.reading import Bundle
    from tone_shootout.zip_files import ArchiveError

    try:
        opened = Bundle(bundle)
        faults = list(opened.faults())
        for path, fault in faults:
            click.echo(f"{path}: {fault}", err=True)
        if faults:
            raise click.ClickException(
                f"{bundle}: {len(faults)} of {len(opened.manifest.files)} files are not as stated"
            )
        click.echo(f"All {len(opened.manifest.files)} files have the hashes of the manifest.")
        with tempfile.TemporaryDirectory(prefix="shootout-bundle-") as name:
            folder = Path(name)
            opened.unpack_sound(folder)
            yield opened.manifest, folder
    except ArchiveError as error:
        raise click.ClickException(f"{bundle}: {error.detail}") from None
    except OSError as error:
        raise click.ClickException(f"{bundle}: {error.strerror or error}") from None


def _verify(result: Path, manifest: "Manifest", folder: Path, folders: "Sequence[Path]", jobs: int | None) -> None:
    from tone_shootout.cli._progress import interruptible, progress
    from tone_shootout.rendering.engine.sources import SourceError
    from tone_shootout.rendering.errors import Cancelled, RenderError, WorkerDied
    from tone_shootout.rendering.output.manifest import versions
    from tone_shootout.rendering.output.verify import verify
    from tone_shootout.rendering.plan.keys import ENGINE
    from tone_shootout.rendering.spec.schema import InvalidSpec

    sources = _inputs(manifest, folders)
    processes = jobs or os.cpu_count() or 1
    try:
        with interruptible() as stopped, progress(stopped) as reporter:
            segments = verify(manifest, folder, sources, processes=processes, reporter=reporter)
    except Cancelled:
        raise click.ClickException("stopped") from None
    except (InvalidSpec, SourceError, RenderError, WorkerDied) as error:
        raise click.ClickException(f"{result}: {error}") from None
    except OSError as error:
        raise click.ClickException(f"{result}: {error.strerror or error}") from None
    for item in segments:
        found = item.reason or ("" if not item.difference else f"largest difference {item.difference:.1e}")
        line = f"{item.segment.position:2d}  {item.verdict:<16}  {item.segment.di_track} – {item.segment.chain}"
        click.echo(f"{line}  ({found})" if found else line)
    different = sum(item.verdict == "different" for item in segments)
    if not different:
        click.echo(f"All {len(segments)} segments match the manifest.")
        return
    then, now = {"engine": manifest.engine, **manifest.versions}, {"engine": ENGINE, **versions()}
    for name in sorted(name for name in now if then.get(name) != now[name]):
        click.echo(f"Rendered with {name} {then.get(name, 'of unknown version')}; this installation has {now[name]}.")
    raise click.ClickException(f"{result}: {different} of {len(segments)} segments are different")


def input_folders(result: Path, given: "Sequence[Path]") -> list[Path]:
    """Return the folders in which the inputs of a result are searched."""
    from tone_shootout.rendering.output.result_folder import INPUTS_NAME

    defaults = [result, result / INPUTS_NAME, result.absolute().parent]
    return list(given) or [folder for folder in defaults if folder.is_dir()]


def read_manifest(result: Path) -> "Manifest":
    """Read the manifest of a result folder.

    Raises:
        ClickException: there is none.
    """
    import msgspec

    from tone_shootout.rendering.output.manifest import decode_manifest
    from tone_shootout.rendering.output.result_folder import MANIFEST_NAME

    path = result / MANIFEST_NAME
    try:
        return decode_manifest(path.read_bytes())
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise click.ClickException(f"{path}: expected a result manifest: {error}") from None


def _inputs(manifest: "Manifest", folders: "Sequence[Path]") -> dict[str, Path]:
    from tone_shootout.rendering.output.verify import find_inputs

    try:
        sources, missing = find_inputs(manifest, folders)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    if missing:
        names = ", ".join(f"{item.name} ({item.kind}, SHA-256 {item.sha256[:12]}…)" for item in missing)
        raise click.ClickException(f"inputs not found: {names}; give their folder with --inputs")
    return sources
