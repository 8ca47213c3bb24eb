"""What the commands that work on files have in common: how they fail, and how they answer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tone_shootout.audio.notices import FileNotice

Answer = dict[str, object]


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what is wrong with a file into one line that names it, and exit code 1."""
    from tone_shootout.audio.signals import AudioError
    from tone_shootout.rendering.engine.sources import SourceError

    try:
        yield
    except (AudioError, SourceError) as error:
        raise click.ClickException(f"{path}: {error.detail} ({error.code})") from None
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from None
    except MemoryError:
        raise click.ClickException(f"{path}: there is not enough memory for it") from None


def note(path: Path, notices: "Iterable[FileNotice]") -> None:
    """Write what is to be known about a file, beside a command's own output."""
    for notice in notices:
        click.echo(f"Note: {path}: {notice.detail} ({notice.code})", err=True)


def answer(
    files: Sequence[Path], look: Callable[[Path], Answer], *, as_json: bool, table: Callable[[list[Answer]], str]
) -> None:
    """Look at each file and write what there is to say, as JSON or as a table; then what could not be looked at."""
    import msgspec

    answers: list[Answer] = []
    failed: list[click.ClickException] = []
    for path in files:
        try:
            with told(path):
                answers.append({"file": str(path), **look(path)})
        except click.ClickException as error:
            failed.append(error)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(answers), indent=2))
    elif answers:
        click.echo(table(answers))
    for failure in failed:
        failure.show()
    if failed:
        raise click.exceptions.Exit(1)
