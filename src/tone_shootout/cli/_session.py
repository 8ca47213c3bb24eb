"""Which service a command speaks to, and as whom."""

import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tone_shootout.kit.private_files import write_private

if TYPE_CHECKING:
    import httpx

F = TypeVar("F", bound=Callable[..., Any])

CREDENTIALS = "credentials.json"
"""File in the data folder: tokens by the address of their service."""
API = "/api/v1"


class ServiceError(Exception):
    """The service can't be reached, or refuses; the message says why."""


@dataclass(frozen=True)
class Session:
    """A service and who asks it."""

    url: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What says who asks; nothing where nobody does yet."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @contextmanager
    def client(self) -> Generator["httpx.Client", None, None]:
        """Give a client of the service's API.

        Raises:
            ServiceError: it could not be reached.
        """
        import httpx

        try:
            with httpx.Client(base_url=f"{self.url}{API}", headers=self.headers, timeout=60) as client:
                yield client
        except httpx.InvalidURL as error:
            raise ServiceError(f"{self.url} is no address: {error}") from None
        except httpx.TransportError as error:
            raise ServiceError(f"{self.url} can't be reached: {error}") from None


def session_options(command: F) -> F:
    """Add the options that say which service is meant and who asks."""
    data = click.Path(path_type=Path, file_okay=False)
    for option in (
        click.option("--data", type=data, help="Data folder of a local service. [SHOOTOUT_DATA]"),
        click.option("--token", help="API token. [SHOOTOUT_TOKEN, else the one of the last sign-in]"),
        click.option("--url", help="Address of the service. [SHOOTOUT_URL, else the one that runs on the data folder]"),
    ):
        command = option(command)
    return command


def open_session(url: str | None, token: str | None, data: Path | None) -> Session:
    """Return the session that options, environment and data folder speak of.

    Raises:
        ServiceError: there is no service, or nobody to be.
    """
    folder, address = find_service(url, data)
    found = token or os.environ.get("SHOOTOUT_TOKEN") or _tokens(folder).get(address)
    if not found:
        raise ServiceError(
            f"no token for {address}: sign in (`shootout login`), or set SHOOTOUT_TOKEN "
            "(`shootout user token NAME` makes one)"
        )
    return Session(address, found)


def find_service(url: str | None, data: Path | None) -> tuple[Path, str]:
    """Return the data folder, and the address of the service that options, environment and folder speak of.

    Raises:
        ServiceError: there is none.
    """
    from tone_shootout.embedded.service import running_url
    from tone_shootout.kit.settings import load_settings

    folder = data or load_settings().data
    address = (url or os.environ.get("SHOOTOUT_URL") or running_url(folder) or "").rstrip("/")
    if not address:
        raise ServiceError(f"no service runs on {folder}: start one (`shootout serve`), or name one with --url")
    return folder, address


def kept_token(folder: Path, url: str) -> str | None:
    """Return the token of the last sign-in to a service, None where there is none."""
    return _tokens(folder).get(url)


def revoke(session: Session) -> None:
    """Revoke the API token of a session. One that is no longer valid needs no revocation.

    Raises:
        ServiceError: the service can't be reached, or refuses.
    """
    with session.client() as client:
        own = _own_id(client, session.token)
        if own is not None and client.delete(f"/me/tokens/{own}").status_code not in (204, 401, 404):
            raise ServiceError("the token could not be revoked")


def remember(folder: Path, url: str, token: str) -> None:
    """Keep the token of a sign-in for the commands that follow, readable by nobody else."""
    _keep(folder, {**_tokens(folder), url: token})


def forget(folder: Path, url: str, token: str) -> None:
    """Keep a token no longer, if it is the one that is kept for the service."""
    tokens = _tokens(folder)
    if tokens.get(url) == token:
        del tokens[url]
        _keep(folder, tokens)


def answered(answer: "httpx.Response") -> Any:
    """Return the body of a good answer.

    Raises:
        ServiceError: with the problem's own words.
    """
    if answer.is_success:
        try:
            return answer.json()
        except ValueError:
            url = answer.request.url
            raise ServiceError(f"{url.scheme}://{url.netloc.decode()} is no Tone Shootout: it sends no JSON") from None
    try:
        detail = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"{answer.request.method} {answer.request.url.path} was answered {answer.status_code}"
    raise ServiceError(detail)


def _own_id(client: "httpx.Client", token: str) -> str | None:
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


def _keep(folder: Path, tokens: dict[str, str]) -> None:
    write_private(folder / CREDENTIALS, json.dumps(tokens, indent=1))


def _tokens(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / CREDENTIALS).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ServiceError(f"{folder / CREDENTIALS} can't be read: {error}") from None
    return {str(url): str(token) for url, token in found.items()} if isinstance(found, dict) else {}
