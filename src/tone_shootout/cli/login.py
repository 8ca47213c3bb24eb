"""`shootout login`: sign in with TONE3000 on a machine without a browser."""

import platform
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tone_shootout.cli._session import (
    ServiceError,
    Session,
    find_service,
    open_session,
    revoke,
    save_token,
    saved_token,
    session_options,
)
from tone_shootout.cli.errors import handle_errors

if TYPE_CHECKING:
    from tone_shootout.client import Client


@click.command("login")
@click.option("--link", is_flag=True, help="Connect TONE3000 to the user of the current token.")
@session_options
def command(link: bool, url: str | None, token: str | None, data: Path | None) -> None:
    """Sign in to a service with TONE3000 and save an API token for later commands.

    Shows a code to enter at TONE3000 in any browser, on this machine or another. The token of the previous sign-in is
    revoked.
    """
    from tone_shootout.client import ApiError

    with handle_errors(ServiceError, OSError):
        folder, address = find_service(url, data)
        session = open_session(address, token, data) if link else Session(address, "")
        with session.client() as client:
            device = client.request("POST", "/auth/device", json={"link": link})
            click.echo(f"Open {device['verification_uri']} in any browser and enter {device['user_code']},", err=True)
            click.echo(f"or open {device['verification_uri_complete']}.", err=True)
            tokens = _poll(client, device)
        with Session(address, tokens["access_token"]).client() as client:
            me = client.request("GET", "/me")
            if not link:
                name = f"shootout login on {platform.node() or 'a machine'}"[:100]
                issued = client.request("POST", "/me/tokens", json={"name": name, "scope": "write"})
                _replace_token(folder, Session(address, issued["secret"]))
            with suppress(ApiError):
                client.request("POST", "/auth/logout", json={"refresh_token": tokens["refresh_token"]})
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


def _poll(client: "Client", device: dict[str, Any]) -> dict[str, Any]:
    """Poll until the sign-in is approved and return the tokens.

    Raises:
        ServiceError: the sign-in was denied or has expired.
    """
    from tone_shootout.client import UnavailableError

    interval, deadline = int(device["interval_s"]), time.monotonic() + int(device["expires_in_s"])
    while time.monotonic() < deadline:
        time.sleep(interval)
        try:
            body: dict[str, Any] = client.request(
                "POST", "/auth/device/poll", json={"device_code": device["device_code"]}
            )
        except UnavailableError:
            continue  # TONE3000 is temporarily unavailable; polling can continue (RFC 8628, 3.5)
        if "access_token" in body:
            return dict(body)
        interval = int(body["interval_s"])
    raise ServiceError("the sign-in was not approved in time. Run the command again")
