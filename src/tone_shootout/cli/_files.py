"""Error handling and output of the commands that read files."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tone_shootout.audio.notices import FileNotice

FileReport = dict[str, object]
"""Properties of a file by name."""


@contextmanager
def handle_file_errors(path: Path) -> Generator[None]:
    """Convert errors of a file to a `ClickException` with its path."""
    from tone_shootout.audio.signals import AudioError
    from tone_shootout.rendering.engine.sources import SourceError

    try:
        yield
    except (AudioError, SourceError) as error:
        raise click.ClickException(f"{path}: {error.detail} ({error.code})") from None
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from None
    except MemoryError:
        raise click.ClickException(f"{path}: not enough memory") from None


def print_notices(path: Path, notices: "Iterable[FileNotice]") -> None:
    """Print the notices of a file to stderr."""
    for notice in notices:
        click.echo(f"Note: {path}: {notice.detail} ({notice.code})", err=True)


def is_capture(path: Path) -> bool:
    """Return whether a file is a capture, or is named like one and contains no audio.

    Raises:
        OSError: the file can't be read.
    """
    from tone_shootout.audio.containers import detect_format
    from tone_shootout.audio.signals import AudioError

    with path.open("rb") as file:
        head = file.read(1024)
        # A .nam file is a JSON object. No audio file begins with a brace.
        if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
            return True
        if path.suffix.lower() != ".nam":
            return False
        try:
            detect_format(file)
        except AudioError:
            return True  # so that the error describes a valid .nam file
        return False


def report_files(
    files: Sequence[Path],
    read: Callable[[Path], FileReport],
    *,
    as_json: bool,
    table: Callable[[list[FileReport]], str],
) -> None:
    """Read files and print their reports as JSON or as a table, then the errors of those that can't be read.

    Args:
        files: paths of the files.
        read: returns the report of a file.
        as_json: whether to print JSON.
        table: formats the reports as a table.

    Raises:
        Exit: with code 1 if a file can't be read.
    """
    import msgspec

    from tone_shootout.precision import rounded

    reports: list[FileReport] = []
    failed: list[click.ClickException] = []
    for path in files:
        try:
            with handle_file_errors(path):
                reports.append({"file": str(path), **rounded(read(path))})
        except click.ClickException as error:
            failed.append(error)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(reports), indent=2))
    elif reports:
        click.echo(table(reports))
    for failure in failed:
        failure.show()
    if failed:
        raise click.exceptions.Exit(1)
