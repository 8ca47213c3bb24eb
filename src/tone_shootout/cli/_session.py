"""Service and API token that a command uses."""

import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tone_shootout.kit.private_files import write_private

if TYPE_CHECKING:
    from tone_shootout.client import Client

F = TypeVar("F", bound=Callable[..., Any])

CREDENTIALS = "credentials.json"
"""File in the data folder: API tokens by the URL of the service."""


class ServiceError(Exception):
    """The service can't be reached or rejected a request."""


@dataclass(frozen=True)
class Session:
    """A service and an API token for it, empty for anonymous requests."""

    url: str
    token: str

    @contextmanager
    def client(self) -> Generator["Client", None, None]:
        """Yield a client of the API.

        Raises:
            ServiceError: the service can't be reached or rejected a request.
        """
        from tone_shootout.client import Client, ClientError

        try:
            with Client(self.url, self.token) as client:
                yield client
        except ClientError as error:
            raise ServiceError(describe(error)) from None


def describe(error: Exception) -> str:
    """Return what an error of the client says, with all errors in the request."""
    from tone_shootout.client import ApiError

    faults = error.errors if isinstance(error, ApiError) else ()
    return "; ".join(f"{fault.detail} ({fault.code})" for fault in faults) or str(error)


def session_options(command: F) -> F:
    """Add the options for the service and the API token."""
    data = click.Path(path_type=Path, file_okay=False)
    for option in (
        click.option("--data", type=data, help="Data folder of a local service. [SHOOTOUT_DATA]"),
        click.option("--token", help="API token. [SHOOTOUT_TOKEN, else the token of the last sign-in]"),
        click.option("--url", help="URL of the service. [SHOOTOUT_URL, else the service that runs on the data folder]"),
    ):
        command = option(command)
    return command


def open_session(url: str | None, token: str | None, data: Path | None) -> Session:
    """Return the session by options, environment and data folder.

    Raises:
        ServiceError: no service or no token is found.
    """
    folder, address = find_service(url, data)
    found = token or os.environ.get("SHOOTOUT_TOKEN") or _tokens(folder).get(address)
    if not found:
        raise ServiceError(
            f"no token for {address}: sign in (`shootout login`), or set SHOOTOUT_TOKEN "
            "(`shootout user token NAME` creates one)"
        )
    return Session(address, found)


def find_service(url: str | None, data: Path | None) -> tuple[Path, str]:
    """Return the data folder and the URL of the service by options, environment and data folder.

    Raises:
        ServiceError: no service is found.
    """
    from tone_shootout.embedded.service import running_url
    from tone_shootout.kit.settings import load_settings

    folder = data or load_settings().data
    address = (url or os.environ.get("SHOOTOUT_URL") or running_url(folder) or "").rstrip("/")
    if not address:
        raise ServiceError(f"no service runs on {folder}: start one (`shootout serve`), or set --url")
    return folder, address


def saved_token(folder: Path, url: str) -> str | None:
    """Return the token of the last sign-in to a service, None if there is none."""
    return _tokens(folder).get(url)


def revoke(session: Session) -> None:
    """Revoke the API token of a session; a token that is no longer valid is ignored.

    Raises:
        ServiceError: the service can't be reached or rejected the request.
    """
    from tone_shootout.client import NotFoundError, UnauthorizedError

    with session.client() as client:
        own = _own_id(client, session.token)
        if own is not None:
            with suppress(UnauthorizedError, NotFoundError):
                client.request("DELETE", f"/me/tokens/{own}")


def save_token(folder: Path, url: str, token: str) -> None:
    """Save the token of a sign-in for later commands, readable only by the current user."""
    _save(folder, {**_tokens(folder), url: token})


def delete_token(folder: Path, url: str, token: str) -> None:
    """Delete a token if it is the one saved for the service."""
    tokens = _tokens(folder)
    if tokens.get(url) == token:
        del tokens[url]
        _save(folder, tokens)


def _own_id(client: "Client", token: str) -> str | None:
    """Return the id of the current token, None if it is no longer valid."""
    from tone_shootout.client import UnauthorizedError

    offset, total = 0, 1
    while offset < total:
        try:
            page = client.request("GET", "/me/tokens", params={"limit": 100, "offset": offset})
        except UnauthorizedError:
            return None
        offset, total = offset + 100, page["total"]
        for item in page["items"]:
            if token.startswith(item["prefix"]):
                return str(item["id"])
    return None


def _save(folder: Path, tokens: dict[str, str]) -> None:
    write_private(folder / CREDENTIALS, json.dumps(tokens, indent=1))


def _tokens(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / CREDENTIALS).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ServiceError(f"{folder / CREDENTIALS} can't be read: {error}") from None
    return {str(url): str(token) for url, token in found.items()} if isinstance(found, dict) else {}
