"""`shootout logout`: give back what `shootout login` has got."""

from pathlib import Path

import click

from tone_shootout.cli._session import ServiceError, answered, find_service, open_session, remember, session_options
from tone_shootout.cli.problems import reporting

SHOWN = 12
"""Characters of an API token that its owner sees again."""


@click.command("logout")
@session_options
def command(url: str | None, token: str | None, data: Path | None) -> None:
    """Revoke the API token that is kept for a service, and forget it."""
    with reporting(ServiceError, OSError):
        folder, address = find_service(url, data)
        session = open_session(address, token, data)
        with session.client() as client:
            offset, total = 0, 1
            while offset < total:
                page = answered(client.get("/me/tokens", params={"limit": 100, "offset": offset}))
                offset, total = offset + 100, page["total"]
                own = [item["id"] for item in page["items"] if item["prefix"] == session.token[:SHOWN]]
                if own:
                    if not client.delete(f"/me/tokens/{own[0]}").is_success:
                        raise ServiceError("the token could not be revoked")
                    break
        remember(folder, address, None)
    click.echo(f"Signed out of {address}.", err=True)
