"""`shootout jobs`: manage jobs of a service."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tone_shootout.cli._session import ServiceError, Session, open_session, session_options
from tone_shootout.cli.errors import handle_errors

if TYPE_CHECKING:
    from tone_shootout.client import Artifact, Client

STATUSES = ["pending", "queued", "running", "cancelling", "completed", "failed", "cancelled"]
_json = click.option("--json", "as_json", is_flag=True, help="Write the JSON of the API.")
_quiet = click.option("--quiet", is_flag=True, help="Write only errors.")
_watch = click.option("--watch", is_flag=True, help="Follow the job until it is done.")


@click.group("jobs")
def command() -> None:
    """List, follow, cancel, retry and download your jobs. JOB is the id of a job, or `latest`."""


@command.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only jobs in this status.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, help="Number of jobs. [20]")
@_json
@session_options
def list_(status: str | None, limit: int, as_json: bool, url: str | None, token: str | None, data: Path | None) -> None:
    """List your jobs, newest first."""
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        query: dict[str, str | int] = {"limit": limit} | ({"status": status} if status else {})
        page = client.request("GET", "/jobs", params=query)
    if as_json:
        click.echo(json.dumps(page))
        return
    for job in page["items"]:
        click.echo(_line(job))
    if not page["items"]:
        click.echo("no jobs", err=True)
    elif page["total"] > len(page["items"]):
        click.echo(f"… and {page['total'] - len(page['items'])} more", err=True)


@command.command()
@click.argument("job")
@_watch
@_json
@session_options
def show(job: str, watch: bool, as_json: bool, url: str | None, token: str | None, data: Path | None) -> None:
    """Show a job: status, progress, error and artifacts."""
    with handle_errors(ServiceError):
        session = open_session(url, token, data)
        with session.client() as client:
            found = client.request("GET", f"/jobs/{_id(client, job)}")
            files = client.request("GET", f"/jobs/{found['id']}/artifacts")["items"]
        if as_json:
            click.echo(json.dumps({**found, "artifacts": files}))
        else:
            click.echo(_line(found))
            click.echo(f"  attempt {found['attempt']}, {found['phase'] or 'no phase'}")
            if found["error"]:
                click.echo(f"  {found['error']['code']}: {found['error']['detail']}")
            for file in files:
                click.echo(f"  {file['size_bytes']:>12,} {file['path']}")
        if watch:
            _follow(session, found["id"], as_json=as_json)


@command.command()
@click.argument("job")
@_json
@_quiet
@session_options
def watch(job: str, as_json: bool, quiet: bool, url: str | None, token: str | None, data: Path | None) -> None:
    """Follow a job until it is done. Exit code 0: it completed; 1: it failed or was cancelled."""
    with handle_errors(ServiceError):
        session = open_session(url, token, data)
        with session.client() as client:
            job_id = _id(client, job)
        _follow(session, job_id, as_json=as_json, quiet=quiet)


@command.command()
@click.argument("job")
@_watch
@_json
@_quiet
@session_options
def cancel(
    job: str, watch: bool, as_json: bool, quiet: bool, url: str | None, token: str | None, data: Path | None
) -> None:
    """Cancel a job. A running job is cancelled when its worker has stopped."""
    _act("cancel", job, watch, as_json, quiet, lambda: open_session(url, token, data))


@command.command()
@click.argument("job")
@_watch
@_json
@_quiet
@session_options
def retry(
    job: str, watch: bool, as_json: bool, quiet: bool, url: str | None, token: str | None, data: Path | None
) -> None:
    """Retry a failed or cancelled job. It continues from the segments that are complete."""
    _act("retry", job, watch, as_json, quiet, lambda: open_session(url, token, data))


@command.command()
@click.argument("job")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the results.")
@click.option("--json", "as_json", is_flag=True, help="Write an event as JSON for each file, one per line.")
@_quiet
@session_options
def download(
    job: str, out: Path, as_json: bool, quiet: bool, url: str | None, token: str | None, data: Path | None
) -> None:
    """Download the results of a job. Files that are complete are kept, so that the command can be run again."""
    import msgspec

    def report(artifact: "Artifact") -> None:
        if as_json:
            click.echo(json.dumps({"type": "artifact", "data": msgspec.to_builtins(artifact)}))
        elif not quiet:
            click.echo(artifact.path)

    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        files = client.download(_id(client, job), out, on_file=report)
    if not (quiet or as_json):
        click.echo(f"{len(files)} files in {out}", err=True)


def _act(action: str, job: str, watch: bool, as_json: bool, quiet: bool, session_of: Callable[[], Session]) -> None:
    with handle_errors(ServiceError):
        session = session_of()
        with session.client() as client:
            changed = client.request("POST", f"/jobs/{_id(client, job)}/{action}")
        if not (quiet or (watch and as_json)):  # with both, every line is an event
            click.echo(json.dumps(changed) if as_json else _line(changed))
        if watch:
            wanted = "cancelled" if action == "cancel" else "completed"
            _follow(session, changed["id"], as_json=as_json, quiet=quiet, wanted=wanted)


def _follow(session: Session, job_id: str, *, as_json: bool, quiet: bool = False, wanted: str = "completed") -> None:
    """Show the events of a job until it is done; exit with code 1 if its status is not `wanted`."""
    from tone_shootout.cli._live import follow

    with session.client() as client:
        ended = follow(client, job_id, as_json=as_json, quiet=quiet)
    if ended["status"] != wanted:
        sys.exit(1)


def _id(client: "Client", job: str) -> str:
    """Return the id of a job, given as id or `latest`.

    Raises:
        ServiceError: `job` is not an id, or there is no job.
    """
    from uuid import UUID

    if job == "latest":
        items = client.jobs(limit=1)
        if not items:
            raise ServiceError("you have no jobs")
        return str(items[0].id)
    try:
        return str(UUID(job))
    except ValueError:
        raise ServiceError(f"{job} is not a job id: expected an id or `latest`") from None


def _line(job: dict[str, Any]) -> str:
    percent, created = job["progress"]["percent"], job["created_at"][:16].replace("T", " ")
    return f"{job['id']}  {job['status']:<10} {percent:5.1f} %  {created}  {job['title']}"
