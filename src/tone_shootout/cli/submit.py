"""`shootout submit`: send a local spec to a service."""

import sys
from pathlib import Path

import click

from tone_shootout.cli._session import ServiceError, open_session, session_options
from tone_shootout.cli.errors import handle_errors


@click.command("submit")
@click.argument("spec", metavar="SPEC", type=click.Path(path_type=Path))
@click.option("--watch", is_flag=True, help="Follow the job until it is done.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to download the results into, when the job is done. Implies --watch.",
)
@click.option("--json", "as_json", is_flag=True, help="Write the job as JSON, then its events, one per line.")
@click.option("--quiet", is_flag=True, help="Write only the id of the job, and errors.")
@session_options
def command(
    spec: Path,
    watch: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    url: str | None,
    token: str | None,
    data: Path | None,
) -> None:
    """Submit SPEC, the TOML or JSON file that `shootout render` takes, to a service.

    Uploads the files that your library does not have, creates the shootout and submits it. Exit code 0: the job was
    submitted and, if it was followed, completed.
    """
    from tone_shootout.cli._live import follow
    from tone_shootout.cli.render import check_structure
    from tone_shootout.client import LibraryItem

    def report(item: LibraryItem) -> None:
        if not (as_json or quiet):
            click.echo(f"{'Uploaded' if item.is_new else 'Found'} {item.kind.replace('_', ' '):9} {item.name}")

    check_structure(spec)  # so that the errors of a spec are those of `render`
    with handle_errors(ServiceError), open_session(url, token, data).client() as client:
        job = client.submit_spec(spec, on_upload=report)
        if as_json:
            import json

            click.echo(json.dumps(client.request("GET", f"/jobs/{job.id}")))
        else:
            click.echo(str(job.id) if quiet else f"Submitted job {job.id}.")
        if not (watch or out):
            return
        ended = follow(client, str(job.id), as_json=as_json, quiet=quiet)
        if ended["status"] != "completed":
            sys.exit(1)
        if out is not None:
            files = client.download(job.id, out)
            if not (as_json or quiet):
                click.echo(f"{len(files)} files in {out}")
