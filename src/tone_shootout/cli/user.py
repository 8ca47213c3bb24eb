"""`shootout user`: local users and their API tokens."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from tone_shootout.cli.problems import reporting

if TYPE_CHECKING:
    from tone_shootout.accounts.principal import Role, Scope
    from tone_shootout.accounts.services import AccountService

T = TypeVar("T")

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
            user, is_new = await accounts.user_by_name(name), False
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
            for user in await accounts.users()
        ]

    for name, role, state, day in _with_accounts(data, work):
        click.echo(f"{name:<24} {role:<14} {state:<9} since {day}")


@command.command()
@click.argument("name")
@_data
def disable(name: str, data: Path | None) -> None:
    """Shut the user NAME out: no token or session of theirs counts until they are enabled again."""
    _with_accounts(data, lambda accounts: _set_active(accounts, name, is_active=False))
    click.echo(f"{name} is disabled.", err=True)


@command.command()
@click.argument("name")
@_data
def enable(name: str, data: Path | None) -> None:
    """Let the user NAME in again."""
    _with_accounts(data, lambda accounts: _set_active(accounts, name, is_active=True))
    click.echo(f"{name} is enabled.", err=True)


@command.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(["user", "administrator"]))
@_data
def role_(name: str, role: "Role", data: Path | None) -> None:
    """Give the user NAME a ROLE."""

    async def work(accounts: "AccountService") -> None:
        await accounts.set_role(await accounts.user_by_name(name), role)

    _with_accounts(data, work)
    click.echo(f"{name} is {'an' if role[0] in 'aeio' else 'a'} {role}.", err=True)


async def _set_active(accounts: "AccountService", name: str, *, is_active: bool) -> None:
    await accounts.set_active(await accounts.user_by_name(name), is_active=is_active)


def _with_accounts(data: Path | None, work: "Callable[[AccountService], Awaitable[T]]") -> T:
    """Do `work` in a transaction of its own on the database that is meant."""
    with _database(data) as url:
        return asyncio.run(_transaction(url, work))


async def _transaction(url: str, work: "Callable[[AccountService], Awaitable[T]]") -> T:
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

    from tone_shootout.accounts.services import AccountService
    from tone_shootout.kit.database import async_url

    engine = create_async_engine(async_url(url), hide_parameters=True)
    try:
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            return await work(AccountService(session))
    finally:
        await engine.dispose()


@contextmanager
def _database(data: Path | None) -> Generator[str, None, None]:
    """Give the address of the database; the embedded one is started for the moment if need be, and migrated."""
    from asyncpg import PostgresError
    from sqlalchemy.exc import DBAPIError

    from tone_shootout import migrations
    from tone_shootout.embedded.errors import EmbeddedError
    from tone_shootout.embedded.service import reach
    from tone_shootout.kit.problems import ProblemError
    from tone_shootout.kit.settings import load_settings

    with reporting(EmbeddedError, ProblemError, PostgresError, OSError):
        settings = load_settings()
        try:
            if settings.database.url:
                yield settings.database.url
            else:
                with reach(data or settings.data) as environ:
                    migrations.upgrade(environ["SHOOTOUT_DATABASE_URL"])
                    yield environ["SHOOTOUT_DATABASE_URL"]
        except DBAPIError as error:
            raise click.ClickException(f"{error.orig}. Is its schema up to date? (`shootout db upgrade`)") from None
