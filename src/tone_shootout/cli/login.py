"""`shootout login`: sign in with TONE3000 from a machine that needs no browser."""

import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tone_shootout.cli._session import (
    ServiceError,
    Session,
    answered,
    find_service,
    kept_token,
    open_session,
    remember,
    revoke,
    session_options,
)
from tone_shootout.cli.errors import reporting

if TYPE_CHECKING:
    import httpx


@click.command("login")
@click.option("--link", is_flag=True, help="Connect TONE3000 with the user whose token is at hand.")
@session_options
def command(link: bool, url: str | None, token: str | None, data: Path | None) -> None:
    """Sign in to a service with TONE3000, and keep an API token for the commands that follow.

    Shows a code, to be typed in at TONE3000 in any browser, on this machine or another. The token of the last sign-in
    is revoked: the new one replaces it.
    """
    with reporting(ServiceError, OSError):
        folder, address = find_service(url, data)
        session = open_session(address, token, data) if link else Session(address, "")
        with session.client() as client:
            begun = answered(client.post("/auth/device", json={"link": link}))
            click.echo(f"Open {begun['verification_uri']} in any browser and type in {begun['user_code']},", err=True)
            click.echo(f"or open {begun['verification_uri_complete']}.", err=True)
            tokens = _wait(client, begun)
            client.cookies.clear()
            client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
            me = answered(client.get("/me"))
            if not link:
                name = f"shootout login on {platform.node() or 'a machine'}"[:100]
                made = answered(client.post("/me/tokens", json={"name": name, "scope": "write"}))
                _replace_token(folder, Session(address, made["secret"]))
            client.post("/auth/logout", json={"refresh_token": tokens["refresh_token"]})
    click.echo(f"{'Connected' if link else 'Signed in'} as {me['name']} at {address}.", err=True)


def _replace_token(folder: Path, session: Session) -> None:
    """Keep a new token and revoke the one that was kept before: nobody holds it any more.

    Raises:
        OSError: the new token can't be kept; it is revoked, too.
        ServiceError: the file of tokens can't be read; the new token is revoked.
    """
    try:
        former = kept_token(folder, session.url)
        remember(folder, session.url, session.token)
    except (OSError, ServiceError):
        revoke(session)
        raise
    if former is not None and former != session.token:
        try:
            revoke(Session(session.url, former))
        except ServiceError as error:
            click.echo(
                f"Warning: the former token was not revoked ({error}). Revoke it in /api/v1/me/tokens.", err=True
            )


def _wait(client: "httpx.Client", begun: dict[str, Any]) -> dict[str, Any]:
    interval, deadline = int(begun["interval"]), time.monotonic() + int(begun["expires_in"])
    while time.monotonic() < deadline:
        time.sleep(interval)
        answer = client.post("/auth/device/poll", json={"device_code": begun["device_code"]})
        if answer.status_code == 503:
            continue  # TONE3000 does not answer for a moment: nothing is lost (RFC 8628, 3.5)
        body: dict[str, Any] = answered(answer)
        if answer.status_code != 202:
            return body
        interval = int(body["interval"])
    raise ServiceError("nobody has let this command in in time")
