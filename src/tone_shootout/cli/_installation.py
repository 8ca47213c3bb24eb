"""The database of an installation, for commands that need no broker."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from tone_shootout.cli.errors import handle_errors

data_option = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder. [SHOOTOUT_DATA]"
)


@contextmanager
def installation(data: Path | None) -> Generator[Mapping[str, str], None, None]:
    """Yield the environment with the URL of the database; the embedded one runs for the duration if it is needed.

    Args:
        data: the data folder; None: that of the settings.
    """
    from alembic.util.exc import CommandError
    from psycopg import Error as PsycopgError
    from sqlalchemy.exc import SQLAlchemyError

    from tone_shootout.embedded.errors import EmbeddedError
    from tone_shootout.embedded.service import use_servers
    from tone_shootout.kit.settings import load_settings

    with handle_errors(CommandError, SQLAlchemyError, PsycopgError, EmbeddedError, OSError):
        settings = load_settings()
        if settings.database.url:
            yield os.environ
            return
        with use_servers(data or settings.data) as environ:
            yield environ
