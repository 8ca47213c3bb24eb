"""Error output of commands: one line on stderr and exit code 1."""

from collections.abc import Generator
from contextlib import contextmanager

import click

from tone_shootout.kit.settings import SettingsError


@contextmanager
def handle_errors(*expected: type[Exception]) -> Generator[None, None, None]:
    """Convert `expected` errors and `SettingsError` to a `ClickException`."""
    handled: tuple[type[Exception], ...] = (*expected, SettingsError)
    try:
        yield
    except handled as error:
        raise click.ClickException(" ".join(str(error).split()) or type(error).__name__) from None
