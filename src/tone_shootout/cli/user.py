"""`shootout user`: local users and their API tokens."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from tone_shootout.cli.errors import reporting

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tone_shootout.accounts.principal import Role, Scope
    from tone_shootout.accounts.services import AccountService
    from tone_shootout.composition import Services
    from tone_shootout.kit.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class Unit:
    """A unit of work of a command: committed when the command's function returns."""

    services: "Services"
    session: "AsyncSession"
    accounts: "AccountService"


_data = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder of the embedded servers."
)


@click.group("user")
def command() -> None:
    """Manage users in the database that SHOOTOUT_DATABASE_URL names, else in the one of the data folder."""


@command.command()
@click.argument("name")
@click.option("--scope", type=click.Choice(["read", "write"]), default="write", help="How far it reaches. [write]")
@click.option("--days", type=click.IntRange(1, 3650), help="Days that it is good for. [until it is revoked]")
@click.option("--administrator", is_flag=True, help="Make the user an administrator.")
@_data
def token(name: str, scope: "Scope", days: int | None, administrator: bool, data: Path | None) -> None:
    """Print a fresh API token of the user NAME, who is made when there is none."""

    async def work(accounts: "AccountService") -> tuple[bool, str]:
        from tone_shootout.accounts.errors import UserNotFoundError

        try:
            user, is_new = await accounts.get_user_by_name(name), False
        except UserNotFoundError:
            user, is_new = await accounts.create_user(name), True
        if administrator:
            await accounts.set_role(user, "administrator")
        expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
        issued = await accounts.issue_token(user, name="command line", scope=scope, expires_at=expires_at)
        return is_new, issued.secret

    is_new, secret = _with_accounts(data, work)
    if is_new:
        click.echo(f"Made the user {name}.", err=True)
    until = "until it is revoked" if days is None else f"for {days} days"
    click.echo(f"A token of {name}, scope {scope}, good {until}. It is not shown again:", err=True)
    click.echo(secret)


@command.command("list")
@_data
def list_(data: Path | None) -> None:
    """List the users."""

    async def work(accounts: "AccountService") -> list[tuple[str, str, str, str]]:
        return [
            (user.name, user.role, "active" if user.is_active else "disabled", f"{user.created_at:%Y-%m-%d}")
            for user in await accounts.list_users()
        ]

    for name, role, state, day in _with_accounts(data, work):
        click.echo(f"{name:<24} {role:<14} {state:<9} since {day}")


@command.command()
@click.argument("name")
@_data
def disable(name: str, data: Path | None) -> None:
    """Shut the user NAME out: no token or session counts until they are enabled again, and their jobs are cancelled."""

    async def work(unit: "Unit") -> None:
        user = await unit.accounts.get_user_by_name(name)
        await unit.accounts.set_active(user, is_active=False)
        await unit.session.commit()  # first, so that they submit nothing more
        await unit.services.canceller.cancel_all(user.id)

    _in_unit(data, work)
    click.echo(f"{name} is disabled.", err=True)


@command.command()
@click.argument("name")
@_data
def enable(name: str, data: Path | None) -> None:
    """Let the user NAME in again."""

    async def work(accounts: "AccountService") -> None:
        await accounts.set_active(await accounts.get_user_by_name(name), is_active=True)

    _with_accounts(data, work)
    click.echo(f"{name} is enabled.", err=True)


@command.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(["user", "administrator"]))
@_data
def role_(name: str, role: "Role", data: Path | None) -> None:
    """Give the user NAME a ROLE."""

    async def work(accounts: "AccountService") -> None:
        await accounts.set_role(await accounts.get_user_by_name(name), role)

    _with_accounts(data, work)
    click.echo(f"{name} is {'an' if role[0] in 'aeio' else 'a'} {role}.", err=True)


@command.command()
@click.argument("name")
@_data
def show(name: str, data: Path | None) -> None:
    """Show what there is of the user NAME."""

    async def work(unit: "Unit") -> list[tuple[str, str]]:
        from tone_shootout.accounts.account_deletion import stored_prefix

        user = await unit.accounts.get_user_by_name(name)
        connection = await unit.accounts.get_connection(user.id)
        tokens, sessions = await unit.accounts.count_credentials(user.id)
        tone3000 = "not connected"
        if connection is not None:
            tone3000 = connection.username + ("" if connection.tokens else " (has to sign in again)")
        count, size = await unit.services.storage.size(stored_prefix(user.id))
        return [
            ("name", user.name if user.display_name is None else f"{user.name} ({user.display_name})"),
            ("id", str(user.id)),
            ("role", user.role),
            ("state", "active" if user.is_active else "disabled"),
            ("since", f"{user.created_at:%Y-%m-%d}"),
            ("TONE3000", tone3000),
            ("API tokens", str(tokens)),
            ("sessions", str(sessions)),
            ("stored", f"{count} objects, {size / 1e6:.1f} MB"),
        ]

    for word, value in _in_unit(data, work):
        click.echo(f"{word:<12}{value}")


@command.command()
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Archive to write, not there yet. [NAME.zip]"
)
@_data
def export(name: str, out: Path | None, data: Path | None) -> None:
    """Write everything that is kept of the user NAME into a ZIP archive: rows as JSON, and all files."""
    path = out or Path(f"{name}.zip")

    async def work(unit: "Unit") -> None:
        from tone_shootout.accounts.export import archive
        from tone_shootout.kit.private_files import create_private

        user = await unit.accounts.get_user_by_name(name)
        with create_private(path) as file:
            try:
                async for chunk in archive(unit.services.session_maker, unit.services.storage, user.id):
                    file.write(chunk)
            except BaseException:
                path.unlink()
                raise

    _in_unit(data, work)
    click.echo(f"{path} has everything of {name}.", err=True)


@command.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
@_data
def delete(name: str, yes: bool, data: Path | None) -> None:
    """Delete the user NAME with everything that is theirs, for good. What is under way is cancelled first."""
    if not yes:
        click.confirm(f"Delete {name} with library, shootouts, jobs and results, for good?", abort=True, err=True)

    async def work(unit: "Unit") -> None:
        from tone_shootout.accounts.account_deletion import forget

        user_id = (await unit.accounts.get_user_by_name(name)).id
        ended = await unit.services.canceller.end_work(user_id)
        await unit.accounts.delete_user(user_id)
        await unit.session.commit()
        await forget(unit.services.storage, user_id, ended=ended)

    _in_unit(data, work)
    click.echo(f"{name} is deleted.", err=True)


def _with_accounts(data: Path | None, work: "Callable[[AccountService], Awaitable[T]]") -> T:
    """Run `work` in a transaction of its own."""
    return _in_unit(data, lambda unit: work(unit.accounts))


def _in_unit(data: Path | None, work: "Callable[[Unit], Awaitable[T]]") -> T:
    """Run `work` with the services of the installation, in a transaction of its own."""
    with _installation(data) as settings:
        return asyncio.run(_transaction(settings, work))


async def _transaction(settings: "Settings", work: "Callable[[Unit], Awaitable[T]]") -> T:
    from tone_shootout.accounts.services import AccountService
    from tone_shootout.composition import Services

    async with Services(settings) as services, services.session_maker() as session:
        result = await work(Unit(services=services, session=session, accounts=AccountService(session)))
        await session.commit()
        return result


@contextmanager
def _installation(data: Path | None) -> "Generator[Settings, None, None]":
    """Yield the settings with the URLs of the servers; embedded ones run for the duration, and are migrated."""
    from tone_shootout.gc_tuning import importing

    with importing():
        from asyncpg import PostgresError
        from sqlalchemy.exc import DBAPIError

        from tone_shootout import migrations
        from tone_shootout.embedded.errors import EmbeddedError
        from tone_shootout.embedded.service import use_servers
        from tone_shootout.kit.http.problems import ProblemError
        from tone_shootout.kit.settings import load_settings

    with reporting(EmbeddedError, ProblemError, PostgresError, OSError):
        settings = load_settings()
        try:
            if settings.database.url:
                yield settings
            else:
                with use_servers(data or settings.data) as environ:
                    migrations.upgrade(environ["SHOOTOUT_DATABASE_URL"])
                    yield load_settings(environ)
        except DBAPIError as error:
            raise click.ClickException(f"{error.orig}. Is its schema up to date? (`shootout db upgrade`)") from None
