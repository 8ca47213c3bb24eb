"""`shootout admin`: administer a service."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tone_shootout.cli._admin import (
    AmountType,
    TimeType,
    event_line,
    find_user,
    job_line,
    print_page,
    quota_change,
    user_line,
)
from tone_shootout.cli._session import ServiceError, open_session, session_options
from tone_shootout.cli.errors import handle_errors
from tone_shootout.cli.jobs import STATUSES

if TYPE_CHECKING:
    from tone_shootout.client import Client

F = TypeVar("F", bound=Callable[..., Any])

_json = click.option("--json", "as_json", is_flag=True, help="Write the JSON of the API.")
_limit = click.option("--limit", type=click.IntRange(1, 100), default=20, help="Number of items. [20]")


def _job_filter(command: F) -> F:
    """Add the options that choose jobs, as `chosen`."""
    for option in (
        click.option("--until", type=TimeType(), help="Only jobs that ended before this time."),
        click.option("--since", type=TimeType(), help="Only jobs that ended at this time or later, such as 14:00."),
        click.option("--owner", help="Only jobs of this user."),
        click.option("--code", help="Only jobs that failed with this error code."),
        click.option("--status", type=click.Choice(STATUSES), help="Only jobs in this status."),
    ):
        command = option(command)
    return command


def _chosen(
    client: "Client", status: str | None, code: str | None, owner: str | None, since: str | None, until: str | None
) -> dict[str, Any]:
    values = {
        "status": status,
        "error_code": code,
        "owner_id": None if owner is None else find_user(client, owner)["id"],
        "finished_since": since,
        "finished_until": until,
    }
    return {name: value for name, value in values.items() if value is not None}


@click.group("admin")
def command() -> None:
    """Administer a service: jobs of all users, users, quotas, maintenance, announcements, audit log."""


@command.command()
@_job_filter
@_limit
@_json
@session_options
def jobs(
    status: str | None,
    code: str | None,
    owner: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    as_json: bool,
    url: str | None,
    token: str | None,
    data: Path | None,
) -> None:
    """List jobs of all users, newest first."""
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        query = _chosen(client, status, code, owner, since, until)
        page = client.request("GET", "/admin/jobs", params={"limit": limit, **query})
    print_page(page, job_line, "no jobs", as_json=as_json)


def _bulk(action: str, options: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    """Change all jobs that are chosen, in as many calls as that takes; exit with code 1 if some were left."""
    total: dict[str, Any] = {"dry_run": dry_run, "matched": 0, "done": [], "left": []}
    session = open_session(options.pop("url"), options.pop("token"), options.pop("data"))
    with session.client() as client:
        body: dict[str, Any] = {"filter": _chosen(client, **options), "dry_run": dry_run}
        is_first = True
        while is_first or body["after"] is not None:
            answer = client.request("POST", f"/admin/jobs/{action}", json=body)
            total["matched"] += answer["matched"] if is_first else 0
            total["done"] += answer["done"]
            total["left"] += answer["left"]
            body["after"] = None if dry_run else answer["next_after"]
            is_first = False
    if as_json:
        click.echo(json.dumps(total))
    elif dry_run:
        click.echo(f"{total['matched']} jobs match")
    else:
        for left in total["left"]:
            click.echo(f"{left['job_id']}  {left['code']}: {left['detail']}", err=True)
        done = {"retry": "retried", "cancel": "cancelled"}[action]
        click.echo(f"{len(total['done'])} jobs {done}, {len(total['left'])} left")
    if total["left"]:
        sys.exit(1)


_dry_run = click.option("--dry-run", is_flag=True, help="Only count the jobs.")


@command.command()
@_job_filter
@_dry_run
@_json
@session_options
def retry(dry_run: bool, as_json: bool, **options: Any) -> None:
    """Retry all failed jobs that match, or cancelled ones with `--status cancelled`. One option is needed."""
    with handle_errors(ServiceError):
        _bulk("retry", options, dry_run=dry_run, as_json=as_json)


@command.command()
@_job_filter
@_dry_run
@_json
@session_options
def cancel(dry_run: bool, as_json: bool, **options: Any) -> None:
    """Cancel all unfinished jobs that match. One option is needed."""
    with handle_errors(ServiceError):
        _bulk("cancel", options, dry_run=dry_run, as_json=as_json)


@command.command()
@click.argument("text", required=False)
@_limit
@_json
@session_options
def users(text: str | None, limit: int, as_json: bool, url: str | None, token: str | None, data: Path | None) -> None:
    """List users with usage and quotas, or those whose names contain TEXT."""
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        query: dict[str, str | int] = {"limit": limit} | ({"q": text} if text else {})
        page = client.request("GET", "/admin/users", params=query)
    print_page(page, user_line, "no users", as_json=as_json)


@command.command()
@click.argument("name")
@click.option("--storage", type=AmountType(is_size=True), help="Library and results together, such as 50GB.")
@click.option("--items", type=AmountType(), help="Items in the library.")
@click.option("--jobs", "queued_jobs", type=AmountType(), help="Unfinished jobs.")
@_json
@session_options
def quota(
    name: str,
    storage: int | str | None,
    items: int | str | None,
    queued_jobs: int | str | None,
    as_json: bool,
    url: str | None,
    token: str | None,
    data: Path | None,
) -> None:
    """Show the user NAME, and set limits that replace those of the settings. `default` takes one back."""
    changes = quota_change(storage_bytes=storage, library_items=items, queued_jobs=queued_jobs)
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        user = find_user(client, name)
        if changes:
            user = client.request("PATCH", f"/admin/users/{user['id']}", json={"quota": changes})
    click.echo(json.dumps(user) if as_json else user_line(user))


@command.command()
@click.option("--action", help="Only this action, such as sign_in_refused.")
@click.option("--user", help="Only what concerns this user.")
@click.option("--actor", help="Only what this user did.")
@click.option("--since", type=TimeType(), help="Only events at this time or later, such as 14:00.")
@click.option("--until", type=TimeType(), help="Only events before this time.")
@_limit
@_json
@session_options
def audit(
    action: str | None,
    user: str | None,
    actor: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    as_json: bool,
    url: str | None,
    token: str | None,
    data: Path | None,
) -> None:
    """List the audit log, newest first: time, action, actor, user, address, details."""
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        ids = {key: find_user(client, name)["id"] for key, name in (("user_id", user), ("actor_id", actor)) if name}
        times = {key: value for key, value in (("action", action), ("since", since), ("until", until)) if value}
        page = client.request("GET", "/admin/audit-log", params={"limit": limit, **ids, **times})
    print_page(page, event_line, "no events", as_json=as_json)


@command.command()
@click.argument("mode", type=click.Choice(["on", "off"]), required=False)
@click.option("--message", default="", help="What users are told.")
@click.option("--retry-after", type=click.IntRange(1, 86_400), default=600, help="Retry-After in seconds. [600]")
@click.option("--pause-workers", is_flag=True, help="Let workers finish what runs and take nothing new.")
@_json
@session_options
def maintenance(
    mode: str | None,
    message: str,
    retry_after: int,
    pause_workers: bool,
    as_json: bool,
    url: str | None,
    token: str | None,
    data: Path | None,
) -> None:
    """Show maintenance mode, or turn it `on` or `off`."""
    path = "/admin/maintenance"
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        if mode == "on":
            body = {"message": message, "retry_after_s": retry_after, "pause_workers": pause_workers}
            client.request("PUT", path, json=body)
        elif mode == "off":
            client.request("DELETE", path)
        found = client.request("GET", path)
    if as_json:
        click.echo(json.dumps(found))
    elif found["active"]:
        workers = ", workers take nothing new" if found["workers_paused"] else ""
        click.echo(f"on since {found['started_at'][:16].replace('T', ' ')} UTC{workers}: {found['message'] or '–'}")
    else:
        click.echo("off")


@command.command()
@click.argument("text", required=False)
@click.option("--severity", type=click.Choice(["info", "warning", "critical"]), default="info", help="[info]")
@click.option("--from", "starts_at", type=TimeType(), help="From when it is shown. [now]")
@click.option("--until", "ends_at", type=TimeType(), help="Until when it is shown. [until it is deleted]")
@click.option("--delete", "deleted", metavar="ID", help="Delete the announcement with this id.")
@_json
@session_options
def announce(
    text: str | None,
    severity: str,
    starts_at: str | None,
    ends_at: str | None,
    deleted: str | None,
    as_json: bool,
    url: str | None,
    token: str | None,
    data: Path | None,
) -> None:
    """Show TEXT to everybody in pages; without TEXT, list the announcements."""
    path = "/admin/announcements"
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        if deleted is not None:
            client.request("DELETE", f"{path}/{deleted}")
        if text is not None:
            body = {"text": text, "severity": severity, "starts_at": starts_at, "ends_at": ends_at}
            made = client.request("POST", path, json=body)
            click.echo(json.dumps(made) if as_json else made["id"])
            return
        page = client.request("GET", path, params={"limit": 100})
    print_page(page, _announcement_line, "no announcements", as_json=as_json)


def _announcement_line(item: dict[str, Any]) -> str:
    until = item["ends_at"][:16] if item["ends_at"] else "–"
    return f"{item['id']}  {item['severity']:<8} {item['starts_at'][:16]} to {until}  {item['text']}"
