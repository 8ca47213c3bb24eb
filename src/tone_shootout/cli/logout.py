"""`shootout logout`: give back what `shootout login` has got."""

from pathlib import Path

import click

from tone_shootout.cli._session import ServiceError, find_service, forget, open_session, revoke, session_options
from tone_shootout.cli.errors import reporting


@click.command("logout")
@session_options
def command(url: str | None, token: str | None, data: Path | None) -> None:
    """Revoke the API token that is kept for a service, and forget it."""
    with reporting(ServiceError, OSError):
        folder, address = find_service(url, data)
        session = open_session(address, token, data)
        revoke(session)
        forget(folder, address, session.token)
    click.echo(f"Signed out of {address}.", err=True)
