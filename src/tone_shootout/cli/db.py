"""`shootout db`: migrations."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from tone_shootout.cli._installation import installation

_data = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder of the embedded servers."
)


@click.group("db")
def command() -> None:
    """Migrate the database of SHOOTOUT_DATABASE_URL, else the one in the data folder."""


@command.command()
@click.argument("revision", default="head")
@_data
def upgrade(revision: str, data: Path | None) -> None:
    """Upgrade the database to REVISION, the newest by default, and create the queue's tables."""
    from tone_shootout.gc_tuning import gc_disabled

    with gc_disabled():
        from tone_shootout import migrations

    with _database(data) as url:
        migrations.upgrade(url, revision, on_wait=lambda line: click.echo(line, err=True))
    click.echo(f"The database is at {migrations.head_revision() if revision == 'head' else revision}.")


@command.command()
@click.argument("revision", default="-1")
@_data
def downgrade(revision: str, data: Path | None) -> None:
    """Downgrade the database to REVISION, one step by default. Data in removed tables and columns is lost."""
    from tone_shootout import migrations

    with _database(data) as url:
        migrations.downgrade(url, revision)


@command.command("revision")
@click.option("-m", "--message", required=True, help="Short description of the change.")
@_data
def revision_(message: str, data: Path | None) -> None:
    """Write a new revision from the difference between the models and the database."""
    from tone_shootout import migrations

    with _database(data) as url:
        migrations.revision(url, message)


@command.command()
@_data
def check(data: Path | None) -> None:
    """Compare the database with the models; fail if they differ."""
    from tone_shootout import migrations

    with _database(data) as url:
        migrations.check(url)
    click.echo("The database and the models agree.")


@command.command()
@_data
def rekey(data: Path | None) -> None:
    """Encrypt all stored secrets with the newest key, so that older keys can be removed.

    The keys are those of SHOOTOUT_SECURITY_ENCRYPTION_KEYS, the newest first. The service may run meanwhile if it
    already has the new key.
    """
    import asyncio

    from tone_shootout.kit.keyring import UnreadableSecretError

    with installation(data) as environ:
        try:
            connections, webhooks = asyncio.run(_reencrypt(environ))
        except UnreadableSecretError:
            raise click.ClickException(
                "a stored secret was encrypted with a key that is not in SHOOTOUT_SECURITY_ENCRYPTION_KEYS; "
                "nothing was changed. Add that key"
            ) from None
    click.echo(f"Encrypted again: tokens of {connections} TONE3000 connections, secrets of {webhooks} webhooks.")


async def _reencrypt(environ: Mapping[str, str]) -> tuple[int, int]:
    from tone_shootout.accounts.connections import ConnectionStore
    from tone_shootout.composition import Services
    from tone_shootout.jobs.webhooks.services import reencrypt_secrets
    from tone_shootout.kit.settings import load_settings

    async with Services(load_settings(environ)) as services, services.session_maker.begin() as session:
        ring = services.key_ring
        return await ConnectionStore(session, ring).reencrypt(), await reencrypt_secrets(session, ring)


@contextmanager
def _database(data: Path | None) -> Generator[str, None, None]:
    """Yield the URL of the database; the embedded one runs for the duration of the context if needed."""
    with installation(data) as environ:
        yield environ["SHOOTOUT_DATABASE_URL"]
