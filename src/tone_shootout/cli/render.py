"""`shootout render`: render a spec file without a server."""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, NamedTuple

import click

if TYPE_CHECKING:
    from tone_shootout.cli._progress import Style
    from tone_shootout.rendering.media_info import Kind
    from tone_shootout.rendering.notices import Notice
    from tone_shootout.rendering.output.manifest import Manifest
    from tone_shootout.rendering.plan.planner import Plan
    from tone_shootout.rendering.spec.document import SpecDocument
    from tone_shootout.rendering.spec.schema import Spec, SpecError

Format = Literal["toml", "json"]
_NO_FILE: Final = "?"
"""Stands for the file of a DI track that names none."""


@click.command("render")
@click.argument("spec", metavar="SPEC", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Segments to render concurrently. [one per core]")
@click.option("--no-video", is_flag=True, help="Do not create the video, its chapters and its description.")
@click.option("--no-plots", is_flag=True, help="Do not create plots.")
@click.option("--no-page", is_flag=True, help="Do not create the listening page.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Cache folder of at most 2 GB: the next run renders only what has changed. [none]",
)
@click.option("--open", "opened", is_flag=True, help="Open the listening page at the end, or the video, or the folder.")
@click.option("--json", "as_json", is_flag=True, help="Write events as JSON, one per line.")
@click.option("--quiet", is_flag=True, help="Write only errors.")
def command(
    spec: Path,
    out: Path,
    jobs: int | None,
    no_video: bool,
    no_plots: bool,
    no_page: bool,
    cache: Path | None,
    opened: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Render SPEC, a TOML or JSON file, into a folder. The results are the same as those of a job of the service.

    Paths in SPEC are relative to its folder. The folder for the results must be empty or contain an earlier result,
    which is replaced when the new one is complete.
    """
    from tone_shootout.rendering.executor.fork_server import preload_rendering, start_server

    # The server process imports what rendering needs while this one imports what planning needs. With a cache, there
    # may be nothing to render.
    preload_rendering()
    if cache is None:
        start_server()

    from tone_shootout.cli._progress import interruptible, progress
    from tone_shootout.rendering.errors import Cancelled, RenderError, WorkerDied
    from tone_shootout.rendering.executor.store import StoreFolder
    from tone_shootout.rendering.produce import produce

    style: Style = "json" if as_json else "quiet" if quiet else "text"
    with _ending(style):
        _check_folder(out)
        planned, sources = _plan(spec)
        _print_notices(planned, style)
        processes = jobs or os.cpu_count() or 1
        store = None if cache is None else StoreFolder(cache)
        try:
            with interruptible() as stopped, progress(stopped, style) as reporter:
                manifest = produce(
                    planned,
                    sources,
                    out,
                    processes=processes,
                    reporter=reporter,
                    video=not no_video,
                    plots=not no_plots,
                    page=not no_page,
                    store=store,
                )
        except Cancelled:
            raise _StoppedError("stopped; no results were written") from None
        except (RenderError, WorkerDied) as error:
            raise click.ClickException(str(error)) from None
        except BrokenPipeError:  # of stdout
            raise
        except OSError as error:
            raise click.ClickException(f"{out}: {error.strerror or error}") from None
    if style == "text":
        _print_summary(manifest, out)
    if opened:
        _open(out)


class _StoppedError(click.ClickException):
    """The rendering was stopped."""


@contextmanager
def _ending(style: "Style") -> Generator[None]:
    """In JSON, write the event `done` after the block, whether it fails or not."""
    from tone_shootout.cli._events import write_event

    try:
        yield
    except click.ClickException as error:
        if style == "json":
            status = "cancelled" if isinstance(error, _StoppedError) else "failed"
            found: dict[str, Any] = {"detail": error.message}
            if isinstance(error, InvalidSpecFile):
                found["errors"] = [finding(each) for each in error.errors]
            write_event("done", {"status": status, "error": found})
        raise
    if style == "json":
        write_event("done", {"status": "completed"})


def _print_notices(planned: "Plan", style: "Style") -> None:
    from tone_shootout.cli._events import write_event

    for notice in planned.notices:
        if style == "json":
            write_event("notice", finding(notice))
        elif style == "text":
            click.echo(notice_line(notice), err=True)


def finding(found: "SpecError | Notice") -> dict[str, str]:
    """Return an error or a notice as data."""
    return {"code": found.code, "pointer": found.pointer, "detail": found.detail}


def notice_line(notice: "Notice") -> str:
    """Return a notice as a line of text."""
    from tone_shootout.rendering.notices import WARNINGS

    word = "Warning" if notice.code in WARNINGS else "Note"
    return f"{word}: {notice.pointer}: {notice.detail} ({notice.code})"


def _open(out: Path) -> None:
    """Open the listening page, the video or else the folder of a result in the program that the desktop uses for it."""
    from tone_shootout.rendering.listening_page.document import PAGE_NAME
    from tone_shootout.rendering.produce import VIDEO_NAME

    shown = next((out / name for name in (PAGE_NAME, VIDEO_NAME) if (out / name).exists()), out)
    if click.launch(str(shown.absolute())) != 0:
        click.echo("Note: no program was found to open the results.", err=True)


def _check_folder(out: Path) -> None:
    from tone_shootout.rendering.output.result_folder import STAGING_PREFIX, earlier_result

    try:
        others = [path for path in out.iterdir() if not path.name.startswith(STAGING_PREFIX)] if out.exists() else []
        if others and earlier_result(out) is None:
            raise click.ClickException(f"{out}: expected an empty folder or an earlier result, found other files")
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror}") from None


def _plan(path: Path) -> "tuple[Plan, dict[str, Path]]":
    from tone_shootout.rendering.spec.schema import SpecError

    try:
        return plan_spec(path)
    except SpecError as error:
        raise InvalidSpecFile(path, error) from None


class InvalidSpecFile(click.ClickException):
    """A spec that can't be rendered: shows a line for each error."""

    def __init__(self, path: Path, error: "SpecError") -> None:
        super().__init__(str(error))
        self.errors = error.errors
        self._lines = [f"Error: {path}: {each.detail} ({each.code})" for each in error.errors]

    def show(self, file: "IO[Any] | None" = None) -> None:
        """Print the errors."""
        for line in self._lines:
            click.echo(line, file=file, err=file is None)


class CheckedSpec(NamedTuple):
    """What is known about a spec.

    Attributes:
        errors: all errors of its structure, its files and their combination.
        notices: notices, also if there are errors.
        plan: the plan; None if it can't be rendered.
        sources: the path of each file by its name in the spec.
    """

    errors: "list[SpecError]"
    notices: "tuple[Notice, ...]"
    plan: "Plan | None"
    sources: dict[str, Path]


def plan_spec(path: Path) -> "tuple[Plan, dict[str, Path]]":
    """Read a spec, probe its files, and plan it.

    Returns:
        The plan, and the path of each file by its name in the spec.

    Raises:
        ClickException: the spec can't be read.
        SpecError: it is not TOML or JSON.
        InvalidSpec: it can't be rendered; has all errors, each with its place in words.
    """
    from tone_shootout.rendering.spec.schema import InvalidSpec

    checked = check_spec(path)
    if checked.plan is None:
        raise InvalidSpec(checked.errors)
    return checked.plan, checked.sources


def check_spec(path: Path) -> CheckedSpec:
    """Read a spec, probe its files, and plan it if it can be rendered. Errors have their place in words.

    Raises:
        ClickException: the spec can't be read.
        SpecError: it is not TOML or JSON.
    """
    import msgspec

    from tone_shootout.document_errors import in_words
    from tone_shootout.rendering.spec.document import SpecDocument
    from tone_shootout.rendering.spec.reading import find_errors
    from tone_shootout.rendering.spec.repair import repair
    from tone_shootout.rendering.spec.schema import SpecError

    document, format_ = _decode(path)
    structural = find_errors(document, format=format_)
    checked = CheckedSpec(list(structural), (), None, {})
    if not structural:
        checked = _check(path.parent, msgspec.convert(document, SpecDocument))
    elif repaired := repair(document, [error.pointer for error in structural], source="file", placeholder=_NO_FILE):
        with suppress(msgspec.ValidationError):
            further = _check(path.parent, msgspec.convert(repaired.document, SpecDocument))
            errors = [error for error in further.errors if repaired.concerns(error.code, error.pointer)]
            notices = tuple(notice for notice in further.notices if repaired.is_intact(notice.pointer))
            checked = CheckedSpec([*structural, *errors], notices, None, {})
    placed = [
        SpecError(each.code, each.pointer, in_words(each.pointer, document, each.detail)) for each in checked.errors
    ]
    return checked._replace(errors=placed)


def plan_document(document: "SpecDocument", folder: Path) -> "tuple[Plan, dict[str, Path]]":
    """Probe the files of a spec, relative to `folder`, and plan it: as `plan_spec`."""
    from tone_shootout.rendering.spec.schema import InvalidSpec

    checked = _check(folder, document)
    if checked.plan is None:
        raise InvalidSpec(checked.errors)
    return checked.plan, checked.sources


def _check(folder: Path, document: "SpecDocument") -> CheckedSpec:
    """Probe the files of a document, and plan it if there are no errors."""
    import msgspec

    from tone_shootout.rendering.engine.sources import SourceError, probe, resolve_path
    from tone_shootout.rendering.media_info import MediaInfo
    from tone_shootout.rendering.notices import located, spec_notices
    from tone_shootout.rendering.plan.planner import plan
    from tone_shootout.rendering.spec.grid import expand
    from tone_shootout.rendering.spec.schema import InvalidSpec, SpecError

    expansion = expand(document)
    sources: dict[str, Path] = {}
    media_info: dict[str, MediaInfo] = {}
    errors: list[SpecError] = []
    for place, file, kind in _files(expansion.spec):
        if file in sources:
            continue
        pointer = expansion.pointer(place)
        sources[file] = resolve_path(folder, file)
        try:
            media_info[file] = probe(sources[file], kind)
        except SourceError as error:
            errors.append(SpecError(error.code, pointer, f"{file}: {error.detail}{_swapped(sources[file], kind)}"))
        except OSError as error:
            errors.append(SpecError("missing_asset", pointer, f"{file}: {error.strerror or error}"))
    errors += expansion.errors
    planned: Plan | None
    try:
        planned = plan(expansion.spec, media_info)
    except InvalidSpec as error:  # files without media info are among the errors already
        others = [each for each in error.errors if each.code != "missing_asset"]
        errors += expansion.locate(others)
        planned = None
    notices = located(spec_notices(expansion.spec, media_info), expansion.pointer)
    if planned is None or errors:
        return CheckedSpec(errors, notices, None, sources)
    return CheckedSpec([], notices, msgspec.structs.replace(planned, notices=notices), sources)


def _swapped(path: Path, kind: "Kind") -> str:
    """Return a question if a file is a cab IR in place of a capture or the reverse, else nothing."""
    from tone_shootout.rendering.engine.sources import SourceError, probe
    from tone_shootout.rendering.spec.checks import SWAPPED_FOR_CAB_IR, SWAPPED_FOR_CAPTURE

    if kind == "di_track":
        return ""
    other: Kind = "cab_ir" if kind == "capture" else "capture"
    with suppress(SourceError, OSError):
        probe(path, other)
        return f". {SWAPPED_FOR_CAB_IR if other == 'cab_ir' else SWAPPED_FOR_CAPTURE}"
    return ""


def _decode(path: Path) -> "tuple[Any, Format]":
    """Read and decode a spec file.

    Raises:
        ClickException: the file can't be read or its name has another suffix.
        SpecError: it is not TOML or JSON.
    """
    from tone_shootout.rendering.spec.reading import MAX_SPEC_BYTES, decode_document

    formats: dict[str, Format] = {".toml": "toml", ".json": "json"}
    if path.suffix.lower() not in formats:
        raise click.ClickException(f"{path}: expected a name that ends in .toml or .json")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SPEC_BYTES + 1)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None
    format_ = formats[path.suffix.lower()]
    return decode_document(data, format=format_), format_


def check_structure(path: Path) -> None:
    """Check the structure of a spec and its grid. If there is an error, check its files, too.

    Raises:
        ClickException: the spec can't be read.
        InvalidSpecFile: it has errors.
    """
    import msgspec

    from tone_shootout.rendering.spec.document import SpecDocument
    from tone_shootout.rendering.spec.grid import expand
    from tone_shootout.rendering.spec.reading import find_errors
    from tone_shootout.rendering.spec.schema import SpecError

    try:
        document, format_ = _decode(path)
        is_right = not find_errors(document, format=format_)
        if not is_right or expand(msgspec.convert(document, SpecDocument)).errors:
            plan_spec(path)
    except SpecError as error:
        raise InvalidSpecFile(path, error) from None


def _files(spec: "Spec") -> "Iterator[tuple[str, str, Kind]]":
    """Yield pointer, path and kind of every file in a spec."""
    from tone_shootout.rendering.spec.leaves import leaves
    from tone_shootout.rendering.spec.pointers import block_pointer
    from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock

    for index, track in enumerate(spec.di_tracks):
        yield f"/di_tracks/{index}/file", track.file, "di_track"
    for index, chain in enumerate(spec.chains):
        for place, block, _ in leaves(chain):
            if isinstance(block, CaptureBlock | CabIrBlock):
                kind: Kind = "capture" if isinstance(block, CaptureBlock) else "cab_ir"
                yield block_pointer(index, place, "file"), block.file, kind


def _print_summary(manifest: "Manifest", out: Path) -> None:
    level = manifest.level
    for segment in manifest.segments:
        measured = segment.measured
        click.echo(
            f"{segment.position:2d}  {measured.integrated_lufs:7.2f} LUFS  {measured.true_peak_dbtp:6.2f} dBTP  "
            f"{segment.gain_db:+7.2f} dB  {segment.di_track} – {segment.chain}"
        )
    limit = ""
    if level.limiting_segment is not None:
        limit = f" ({level.requested_lufs:g} would raise segment {level.limiting_segment} above the ceiling)"
    click.echo(f"Common loudness: {level.target_lufs:.2f} LUFS{limit}, no true peak above {level.ceiling_dbtp:g} dBTP.")
    click.echo(f"Results: {out}")
