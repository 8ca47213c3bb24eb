"""`shootout login`: sign in with TONE3000 on a machine without a browser."""

import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tone_shootout.cli._session import (
    ServiceError,
    Session,
    find_service,
    open_session,
    parse_response,
    revoke,
    save_token,
    saved_token,
    session_options,
)
from tone_shootout.cli.errors import handle_errors

if TYPE_CHECKING:
    import httpx


@click.command("login")
@click.option("--link", is_flag=True, help="Connect TONE3000 to the user of the current token.")
@session_options
def command(link: bool, url: str | None, token: str | None, data: Path | None) -> None:
    """Sign in to a service with TONE3000 and save an API token for later commands.

    Shows a code to enter at TONE3000 in any browser, on this machine or another. The token of the previous sign-in is
    revoked.
    """
    with handle_errors(ServiceError, OSError):
        folder, address = find_service(url, data)
        session = open_session(address, token, data) if link else Session(address, "")
        with session.client() as client:
            device = parse_response(client.post("/auth/device", json={"link": link}))
            click.echo(f"Open {device['verification_uri']} in any browser and enter {device['user_code']},", err=True)
            click.echo(f"or open {device['verification_uri_complete']}.", err=True)
            tokens = _poll(client, device)
            client.cookies.clear()
            client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
            me = parse_response(client.get("/me"))
            if not link:
                name = f"shootout login on {platform.node() or 'a machine'}"[:100]
                issued = parse_response(client.post("/me/tokens", json={"name": name, "scope": "write"}))
                _replace_token(folder, Session(address, issued["secret"]))
            client.post("/auth/logout", json={"refresh_token": tokens["refresh_token"]})
    click.echo(f"{'Connected' if link else 'Signed in'} as {me['name']} at {address}.", err=True)


def _replace_token(folder: Path, session: Session) -> None:
    """Save a new token and revoke the previous one.

    Raises:
        OSError: the new token can't be saved; it is revoked.
        ServiceError: the saved tokens can't be read; the new token is revoked.
    """
    try:
        previous = saved_token(folder, session.url)
        save_token(folder, session.url, session.token)
    except (OSError, ServiceError):
        revoke(session)
        raise
    if previous is not None and previous != session.token:
        try:
            revoke(Session(session.url, previous))
        except ServiceError as error:
            click.echo(
                f"Warning: the previous token was not revoked ({error}). Revoke it in /api/v1/me/tokens.", err=True
            )


def _poll(client: "httpx.Client", device: dict[str, Any]) -> dict[str, Any]:
    """Poll until the sign-in is approved and return the tokens.

    Raises:
        ServiceError: the sign-in was denied or has expired.
    """
    interval, deadline = int(device["interval"]), time.monotonic() + int(device["expires_in"])
    while time.monotonic() < deadline:
        time.sleep(interval)
        response = client.post("/auth/device/poll", json={"device_code": device["device_code"]})
        if response.status_code == 503:
            continue  # TONE3000 is temporarily unavailable; polling can continue (RFC 8628, 3.5)
        body: dict[str, Any] = parse_response(response)
        if response.status_code != 202:
            return body
        interval = int(body["interval"])
    raise ServiceError("the sign-in was not approved in time. Run the command again")
