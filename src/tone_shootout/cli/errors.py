"""How commands fail: one line that says what was expected and what came."""

from collections.abc import Generator
from contextlib import contextmanager

import click

from tone_shootout.kit.settings import SettingsError


@contextmanager
def reporting(*expected: type[Exception]) -> Generator[None, None, None]:
    """Turn `expected` errors, and those of the settings, into one line and exit code 1."""
    told: tuple[type[Exception], ...] = (*expected, SettingsError)
    try:
        yield
    except told as error:
        raise click.ClickException(" ".join(str(error).split()) or type(error).__name__) from None
