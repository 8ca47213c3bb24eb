"""`shootout user`: local users and their API tokens."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from tone_shootout.cli.errors import handle_errors

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tone_shootout.accounts.principal import Role, Scope
    from tone_shootout.accounts.services import AccountService
    from tone_shootout.composition import Services
    from tone_shootout.kit.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class UserAdmin:
    """Services and transaction of a command, committed at the end."""

    services: "Services"
    session: "AsyncSession"
    accounts: "AccountService"


_data = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder of the embedded servers."
)


@click.group("user")
def command() -> None:
    """Manage users in the database of SHOOTOUT_DATABASE_URL, else in the one in the data folder."""


@command.command()
@click.argument("name")
@click.option("--scope", type=click.Choice(["read", "write"]), default="write", help="Scope of the token. [write]")
@click.option("--days", type=click.IntRange(1, 3650), help="Days until the token expires. [does not expire]")
@click.option("--administrator", is_flag=True, help="Make the user an administrator.")
@_data
def token(name: str, scope: "Scope", days: int | None, administrator: bool, data: Path | None) -> None:
    """Create an API token of the user NAME and print it. The user is created if they do not exist."""

    async def create_token(accounts: "AccountService") -> tuple[bool, str]:
        user, is_new = await accounts.get_or_create_user(name)
        if administrator:
            await accounts.set_role(user, "administrator")
        expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
        issued = await accounts.issue_token(user, name="command line", scope=scope, expires_at=expires_at)
        return is_new, issued.secret

    is_new, secret = _with_accounts(data, create_token)
    if is_new:
        click.echo(f"Created the user {name}.", err=True)
    until = "until it is revoked" if days is None else f"for {days} days"
    click.echo(f"Token of {name}, scope {scope}, valid {until}. It is not shown again:", err=True)
    click.echo(secret)


@command.command()
@click.argument("name", required=False)
@_data
def link(name: str | None, data: Path | None) -> None:
    """Print an address that signs the user NAME in, once, within 15 minutes.

    The user is created if they do not exist. Without NAME, it is the first administrator.
    """

    async def create_link(admin: "UserAdmin") -> tuple[str, bool, str]:
        from tone_shootout.accounts.errors import UserDisabledError
        from tone_shootout.accounts.sign_in_links import SignInLinks

        url = _service_url(admin.services.settings)
        accounts = admin.accounts
        user, is_new = await (accounts.get_or_create_user(name) if name else accounts.get_or_create_administrator())
        if not user.is_active:
            raise UserDisabledError(user.name)
        return user.name, is_new, f"{url}/sign-in?code={await SignInLinks(admin.services.redis).create(user.id)}"

    user_name, is_new, address = _with_admin(data, create_link)
    if is_new:
        click.echo(f"Created the user {user_name}.", err=True)
    click.echo(f"Address that signs {user_name} in, once, within 15 minutes:", err=True)
    click.echo(address)


def _service_url(settings: "Settings") -> str:
    """Return the URL of the service: the public one, or that of `shootout serve` on the data folder."""
    from tone_shootout.embedded.service import running_url

    if settings.server.public_url:
        return settings.public_url
    running = running_url(settings.data)
    if running is None and not os.environ.get("SHOOTOUT_DATABASE_URL"):
        raise click.ClickException("the service is not running: `shootout serve` starts it and prints such an address")
    return f"{running}{settings.server.root_path}" if running else settings.public_url


@command.command("list")
@_data
def list_(data: Path | None) -> None:
    """List the users."""

    async def list_users(accounts: "AccountService") -> list[tuple[str, str, str, str]]:
        return [
            (user.name, user.role, "active" if user.is_active else "disabled", f"{user.created_at:%Y-%m-%d}")
            for user in await accounts.list_users()
        ]

    for name, role, state, day in _with_accounts(data, list_users):
        click.echo(f"{name:<24} {role:<14} {state:<9} since {day}")


@command.command()
@click.argument("name")
@_data
def disable(name: str, data: Path | None) -> None:
    """Disable the user NAME: reject their tokens and sessions until they are enabled, and cancel their jobs."""

    async def disable_user(admin: "UserAdmin") -> None:
        user = await admin.accounts.get_user_by_name(name)
        await admin.accounts.set_active(user, is_active=False)
        await admin.session.commit()  # before cancelling, so that no further job can be submitted
        await admin.services.canceller.cancel_all(user.id)

    _with_admin(data, disable_user)
    click.echo(f"{name} is disabled.", err=True)


@command.command()
@click.argument("name")
@_data
def enable(name: str, data: Path | None) -> None:
    """Enable the user NAME after `disable`."""

    async def enable_user(accounts: "AccountService") -> None:
        await accounts.set_active(await accounts.get_user_by_name(name), is_active=True)

    _with_accounts(data, enable_user)
    click.echo(f"{name} is enabled.", err=True)


@command.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(["user", "administrator"]))
@_data
def role_(name: str, role: "Role", data: Path | None) -> None:
    """Set the ROLE of the user NAME."""

    async def set_role(accounts: "AccountService") -> None:
        await accounts.set_role(await accounts.get_user_by_name(name), role)

    _with_accounts(data, set_role)
    click.echo(f"{name} is {'an' if role[0] in 'aeio' else 'a'} {role}.", err=True)


@command.command()
@click.argument("name")
@_data
def show(name: str, data: Path | None) -> None:
    """Show the properties of the user NAME."""

    async def load(admin: "UserAdmin") -> list[tuple[str, str]]:
        from tone_shootout.accounts.account_deletion import storage_prefix

        user = await admin.accounts.get_user_by_name(name)
        connection = await admin.accounts.get_connection(user.id)
        tokens, sessions = await admin.accounts.count_credentials(user.id)
        tone3000 = "not connected"
        if connection is not None:
            tone3000 = connection.username + ("" if connection.tokens else " (has to sign in again)")
        count, size = await admin.services.storage.size(storage_prefix(user.id))
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

    for label, value in _with_admin(data, load):
        click.echo(f"{label:<12}{value}")


@command.command()
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Archive to write; must not exist. [NAME.zip]"
)
@_data
def export(name: str, out: Path | None, data: Path | None) -> None:
    """Export all data of the user NAME to a ZIP archive: rows as JSON, and all files."""
    path = out or Path(f"{name}.zip")

    async def write_archive(admin: "UserAdmin") -> None:
        from tone_shootout.accounts.export import stream_archive
        from tone_shootout.kit.private_files import create_private

        user = await admin.accounts.get_user_by_name(name)
        with create_private(path) as file:
            try:
                async for chunk in stream_archive(admin.services.session_maker, admin.services.storage, user.id):
                    file.write(chunk)
            except BaseException:
                path.unlink()
                raise

    _with_admin(data, write_archive)
    click.echo(f"Exported {name} to {path}.", err=True)


@command.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@_data
def delete(name: str, yes: bool, data: Path | None) -> None:
    """Permanently delete the user NAME and all their data. Their jobs are cancelled first."""
    if not yes:
        click.confirm(f"Permanently delete {name} with library, shootouts, jobs and results?", abort=True, err=True)

    async def delete_user(admin: "UserAdmin") -> None:
        from tone_shootout.accounts.account_deletion import purge

        user_id = (await admin.accounts.get_user_by_name(name)).id
        jobs_released = await admin.services.canceller.cancel_and_wait(user_id)
        await admin.accounts.delete_user(user_id)
        await admin.session.commit()
        await purge(admin.services.storage, user_id, jobs_released=jobs_released)

    _with_admin(data, delete_user)
    click.echo(f"{name} is deleted.", err=True)


def _with_accounts(data: Path | None, function: "Callable[[AccountService], Awaitable[T]]") -> T:
    """Run a function with the account service, in one transaction."""
    return _with_admin(data, lambda admin: function(admin.accounts))


def _with_admin(data: Path | None, function: "Callable[[UserAdmin], Awaitable[T]]") -> T:
    """Run a function with the services of the installation, in one transaction."""
    with _installation(data) as settings:
        return asyncio.run(_transaction(settings, function))


async def _transaction(settings: "Settings", function: "Callable[[UserAdmin], Awaitable[T]]") -> T:
    from tone_shootout.accounts.audit.services import Origin, set_origin
    from tone_shootout.accounts.services import AccountService
    from tone_shootout.composition import Services

    async with Services(settings) as services, services.session_maker() as session:
        set_origin(Origin(actor_name="command line"))
        result = await function(UserAdmin(services=services, session=session, accounts=AccountService(session)))
        await session.commit()
        return result


@contextmanager
def _installation(data: Path | None) -> "Generator[Settings, None, None]":
    """Yield the settings with the URLs of the servers; embedded ones are started and migrated if needed."""
    from tone_shootout.gc_tuning import gc_disabled

    with gc_disabled():
        from asyncpg import PostgresError
        from sqlalchemy.exc import DBAPIError

        from tone_shootout import migrations
        from tone_shootout.embedded.errors import EmbeddedError
        from tone_shootout.embedded.service import use_servers
        from tone_shootout.kit.http.problems import ProblemError
        from tone_shootout.kit.settings import load_settings

    with handle_errors(EmbeddedError, ProblemError, PostgresError, OSError):
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
