"""`shootout logout`: give back what `shootout login` has got."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tone_shootout.cli._session import ServiceError, answered, find_service, forget, open_session, session_options
from tone_shootout.cli.problems import reporting

if TYPE_CHECKING:
    import httpx


@click.command("logout")
@session_options
def command(url: str | None, token: str | None, data: Path | None) -> None:
    """Revoke the API token that is kept for a service, and forget it."""
    with reporting(ServiceError, OSError):
        folder, address = find_service(url, data)
        session = open_session(address, token, data)
        with session.client() as client:
            own = _own(client, session.token)
            if own is not None and client.delete(f"/me/tokens/{own}").status_code not in (204, 404):
                raise ServiceError("the token could not be revoked")
        forget(folder, address, session.token)
    click.echo(f"Signed out of {address}.", err=True)


def _own(client: "httpx.Client", token: str) -> str | None:
    """Return the id of the token that one asks with; None: it counts no more."""
    offset, total = 0, 1
    while offset < total:
        answer = client.get("/me/tokens", params={"limit": 100, "offset": offset})
        if answer.status_code == 401:
            return None
        page = answered(answer)
        offset, total = offset + 100, page["total"]
        for item in page["items"]:
            if token.startswith(item["prefix"]):
                return str(item["id"])
    return None
