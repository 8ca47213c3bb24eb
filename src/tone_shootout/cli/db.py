"""`shootout db`: migrations."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from tone_shootout.cli.errors import reporting

_data = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder of the embedded servers."
)


@click.group("db")
def command() -> None:
    """Migrate the database that SHOOTOUT_DATABASE_URL names, else the one in the data folder."""


@command.command()
@click.argument("revision", default="head")
@_data
def upgrade(revision: str, data: Path | None) -> None:
    """Bring the database up to REVISION, the newest by default, and create the queue's tables."""
    import asyncio
    from dataclasses import replace

    from tone_shootout.gc_tuning import importing

    with importing():
        from tone_shootout import migrations
        from tone_shootout.jobs.scheduling.queue import prepare_queue
        from tone_shootout.kit.settings import load_settings

    with _database(data) as url:
        migrations.upgrade(url, revision, on_wait=lambda line: click.echo(line, err=True))
        settings = load_settings()
        asyncio.run(prepare_queue(replace(settings, database=replace(settings.database, url=url))))
    click.echo(f"The database is at {migrations.head_revision() if revision == 'head' else revision}.")


@command.command()
@click.argument("revision", default="-1")
@_data
def downgrade(revision: str, data: Path | None) -> None:
    """Take the database back to REVISION, one step by default. Data of what is taken back is lost."""
    from tone_shootout import migrations

    with _database(data) as url:
        migrations.downgrade(url, revision)


@command.command("revision")
@click.option("-m", "--message", required=True, help="What changes, in a few words.")
@_data
def revision_(message: str, data: Path | None) -> None:
    """Write a new revision from the difference between the models and the database."""
    from tone_shootout import migrations

    with _database(data) as url:
        migrations.revision(url, message)


@command.command()
@_data
def check(data: Path | None) -> None:
    """Tell whether the database and the models agree."""
    from tone_shootout import migrations

    with _database(data) as url:
        migrations.check(url)
    click.echo("The database and the models agree.")


@command.command()
@_data
def rekey(data: Path | None) -> None:
    """Encrypt everything that is stored encrypted with the newest key, so that older keys can be taken away.

    The keys are those of SHOOTOUT_SECURITY_ENCRYPTION_KEYS, the newest first. The service may run meanwhile, if it has
    the new key already.
    """
    import asyncio

    from tone_shootout.kit.keyring import UnreadableSecretError

    with _environ(data) as environ:
        try:
            connections, webhooks = asyncio.run(_encrypt_anew(environ))
        except UnreadableSecretError:
            raise click.ClickException(
                "something was encrypted with a key that is not in the list; nothing is changed"
            ) from None
    click.echo(f"Encrypted anew: the tokens of {connections} connections with TONE3000, {webhooks} webhooks' secrets.")


async def _encrypt_anew(environ: Mapping[str, str]) -> tuple[int, int]:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tone_shootout.accounts.connections import ConnectionStore
    from tone_shootout.jobs.webhooks.services import encrypt_anew
    from tone_shootout.kit.db.session import create_engine, is_pooled
    from tone_shootout.kit.keyring import KeyRing
    from tone_shootout.kit.settings import load_settings

    settings = load_settings(environ)
    ring = KeyRing(settings.security.encryption_keys)
    engine = create_engine(settings.database.url, pooled=is_pooled(settings), hide_parameters=True)
    try:
        async with AsyncSession(engine) as session, session.begin():
            return await ConnectionStore(session, ring).encrypt_anew(), await encrypt_anew(session, ring)
    finally:
        await engine.dispose()


@contextmanager
def _database(data: Path | None) -> Generator[str, None, None]:
    """Give the address of the database, started for the moment if it is the embedded one and not running."""
    with _environ(data) as environ:
        yield environ["SHOOTOUT_DATABASE_URL"]


@contextmanager
def _environ(data: Path | None) -> Generator[Mapping[str, str], None, None]:
    """Give the environment with the database that is meant, started for the moment if need be."""
    from alembic.util.exc import CommandError
    from psycopg import Error as PsycopgError
    from sqlalchemy.exc import SQLAlchemyError

    from tone_shootout.embedded.errors import EmbeddedError
    from tone_shootout.embedded.service import use_servers
    from tone_shootout.kit.settings import load_settings

    with reporting(CommandError, SQLAlchemyError, PsycopgError, EmbeddedError, OSError):
        settings = load_settings()
        if settings.database.url:
            yield os.environ
            return
        with use_servers(data or settings.data) as environ:
            yield environ
