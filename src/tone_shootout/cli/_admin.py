"""Values of the options of `shootout admin`, and what its commands print."""

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from tone_shootout.cli._session import ServiceError

if TYPE_CHECKING:
    from tone_shootout.client import Client

_UNITS: Final = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_DEFAULT: Final = "default"


class TimeType(click.ParamType[str]):
    """A time: RFC 3339, or hours and minutes of today on the clock of this machine."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the time in UTC, as the API takes it."""
        try:
            if re.fullmatch(r"\d{1,2}:\d{2}", value):
                hour, minute = map(int, value.split(":"))
                moment = datetime.now().astimezone().replace(hour=hour, minute=minute, second=0, microsecond=0)
            else:
                moment = datetime.fromisoformat(value).astimezone()
        except (ValueError, OverflowError):
            self.fail(f"{value} is not a time: expected 14:00 or 2026-11-29T14:00:00Z", param, ctx)
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class AmountType(click.ParamType[int | str]):
    """A number, with a unit of bytes if `is_size`, or `default` for the limit of the settings."""

    name = "amount"

    def __init__(self, *, is_size: bool = False) -> None:
        self._is_size = is_size

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Return the number, or `default`."""
        if value == _DEFAULT or isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmgt]?b)?", value.lower())
        if found is None or (not self._is_size and not value.isdigit()):
            expected = "20GB, a number of bytes or `default`" if self._is_size else "a number or `default`"
            self.fail(f"{value}: expected {expected}", param, ctx)
        return round(float(found[1]) * _UNITS[found[2] or "b"])


def quota_change(**limits: int | str | None) -> dict[str, int | None]:
    """Return the limits to change, None for those that become the limits of the settings."""
    return {name: None if value == _DEFAULT else int(value) for name, value in limits.items() if value is not None}


def find_user(client: "Client", name: str) -> dict[str, Any]:
    """Return a user by name, ignoring case.

    Raises:
        ServiceError: there is no such user.
    """
    page = client.request("GET", "/admin/users", params={"q": name, "limit": 100})
    for user in page["items"]:
        if user["name"].lower() == name.lower():
            found: dict[str, Any] = user
            return found
    raise ServiceError(f"there is no user {name}: `shootout admin users` lists them")


def job_line(job: dict[str, Any]) -> str:
    """Return a job as a line."""
    created = job["created_at"][:16].replace("T", " ")
    error = f"  {job['error_code']}" if job["error_code"] else ""
    return f"{job['id']}  {job['owner_name']:<16} {job['status']:<10} {created}  {job['title']}{error}"


def user_line(user: dict[str, Any]) -> str:
    """Return a user as a line."""
    stored = (user["library_bytes"] + user["results_bytes"]) / 1e6
    seen = "never" if user["last_seen_at"] is None else user["last_seen_at"][:10]
    jobs = ", ".join(f"{count} {status}" for status, count in user["jobs"].items()) or "no jobs"
    limits = ", ".join(f"{name}={value}" for name, value in user["quota"].items() if value is not None)
    state = "active" if user["active"] else "disabled"
    line = f"{user['name']:<24} {user['role']:<14} {state:<9} {stored:10.1f} MB  seen {seen:<10}  {jobs}"
    return f"{line}  [{limits}]" if limits else line


def event_line(event: dict[str, Any]) -> str:
    """Return an event of the audit log as a line."""
    actor, user = event["actor_name"] or event["actor_id"] or "–", event["user_name"] or event["user_id"] or "–"
    data = json.dumps(event["data"]) if event["data"] else ""
    at = event["at"][:19].replace("T", " ")
    return f"{at}  {event['action']:<22} {actor:<16} {user:<16} {event['address'] or '–':<15} {data}".rstrip()


def print_page(page: dict[str, Any], line: Any, nothing: str, *, as_json: bool) -> None:
    """Print a page of a list: as the JSON of the API, or a line for each item."""
    if as_json:
        click.echo(json.dumps(page))
        return
    for item in page["items"]:
        click.echo(line(item))
    if not page["items"]:
        click.echo(nothing, err=True)
    elif page["total"] > len(page["items"]):
        click.echo(f"… and {page['total'] - len(page['items'])} more", err=True)
