"""`shootout housekeeping`: what workers do every hour, once and now."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tone_shootout.cli.errors import reporting

if TYPE_CHECKING:
    from tone_shootout.kit.settings import Settings


@click.command("housekeeping")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder. [SHOOTOUT_DATA]")
def command(data: Path | None) -> None:
    """Clear away what is kept long enough: workers do it every hour, this does it now.

    Sessions that ended, old API tokens, answers, events and webhook deliveries, and objects that nothing names. How
    long what is kept is set by SHOOTOUT_RETENTION_….
    """
    import asyncio
    import sys

    from asyncpg import PostgresError
    from sqlalchemy.exc import DBAPIError

    from tone_shootout.embedded.errors import EmbeddedError

    with reporting(EmbeddedError, PostgresError, DBAPIError, OSError), _settings(data) as settings:
        done = asyncio.run(_keep(settings))
    for name, number in done.items():
        click.echo(f"{name:<12} {'failed, see the log' if number is None else number}")
    if None in done.values():
        sys.exit(1)


@contextmanager
def _settings(data: Path | None) -> Generator["Settings", None, None]:
    """Give the settings with which the servers of the installation are reached, started for the moment if need be."""
    from tone_shootout.embedded.service import use_servers
    from tone_shootout.kit.settings import load_settings

    with use_servers(data or load_settings().data) as environ:
        yield load_settings(environ)


async def _keep(settings: "Settings") -> dict[str, int | None]:
    from tone_shootout.jobs.maintenance import MaintenanceService
    from tone_shootout.kit.db.session import database_config
    from tone_shootout.kit.logs import configure_logs
    from tone_shootout.kit.storage import Storage

    configure_logs(settings.log)
    config = database_config(settings)
    try:
        async with config.get_engine().connect():
            pass  # without a database, one line instead of one for each step
        return await MaintenanceService(config.create_session_maker(), Storage.from_settings(settings), settings).run()
    finally:
        await config.get_engine().dispose()
