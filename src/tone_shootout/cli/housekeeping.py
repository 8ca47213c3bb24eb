"""`shootout housekeeping`: run the scheduled tasks of workers once."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tone_shootout.cli.errors import handle_errors

if TYPE_CHECKING:
    from tone_shootout.kit.settings import Settings


@click.command("housekeeping")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder. [SHOOTOUT_DATA]")
def command(data: Path | None) -> None:
    """Delete expired data now; workers do it every hour.

    Ended sessions, old API tokens, stored responses, job events, webhook deliveries, and objects without a row.
    SHOOTOUT_RETENTION_… sets how long data is kept.
    """
    import asyncio
    import sys

    from asyncpg import PostgresError
    from sqlalchemy.exc import DBAPIError

    from tone_shootout.embedded.errors import EmbeddedError

    with handle_errors(EmbeddedError, PostgresError, DBAPIError, OSError), _settings(data) as settings:
        done = asyncio.run(_run(settings))
    for name, number in done.items():
        click.echo(f"{name:<12} {'failed, see the log' if number is None else number}")
    if None in done.values():
        sys.exit(1)


@contextmanager
def _settings(data: Path | None) -> Generator["Settings", None, None]:
    """Yield the settings with the URLs of the installation's servers; embedded ones run for the duration if needed."""
    from tone_shootout.embedded.service import use_servers
    from tone_shootout.kit.settings import load_settings

    with use_servers(data or load_settings().data) as environ:
        yield load_settings(environ)


async def _run(settings: "Settings") -> dict[str, int | None]:
    from tone_shootout.composition import Services, run_maintenance
    from tone_shootout.kit.logs import configure_logs

    configure_logs(settings.log)
    async with Services(settings) as services:
        async with services.engine.connect():
            pass  # fail with one error if the database is unavailable, instead of one per task
        return await run_maintenance(services)
