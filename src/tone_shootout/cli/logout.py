"""`shootout logout`: revoke the token of `shootout login`."""

from pathlib import Path

import click

from tone_shootout.cli._session import ServiceError, delete_token, find_service, open_session, revoke, session_options
from tone_shootout.cli.errors import handle_errors


@click.command("logout")
@session_options
def command(url: str | None, token: str | None, data: Path | None) -> None:
    """Revoke and delete the saved API token of a service."""
    with handle_errors(ServiceError, OSError):
        folder, address = find_service(url, data)
        session = open_session(address, token, data)
        revoke(session)
        delete_token(folder, address, session.token)
    click.echo(f"Signed out of {address}.", err=True)
