"""`shootout demo`: the main job, once, as a user's program would do it."""

from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("shootout-demo"),
    show_default=True,
    help="Folder for the results.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the service's data in this folder; otherwise it is gone afterwards.",
)
def command(out: Path, data: Path | None) -> None:
    """Do the main job once on this machine, with nothing installed or configured.

    Starts the service, signs a local user in, uploads a DI track, captures and cab IRs, creates a shootout, submits it
    over REST, follows it over the WebSocket, saves the results and stops.
    """
    import tempfile

    import httpx

    from tone_shootout.cli._demo import DemoError, run
    from tone_shootout.cli._session import ServiceError
    from tone_shootout.cli.errors import reporting
    from tone_shootout.embedded.errors import EmbeddedError

    with (
        reporting(DemoError, ServiceError, EmbeddedError, httpx.HTTPError, OSError),
        tempfile.TemporaryDirectory(prefix="shootout-demo-") as scratch,
    ):
        try:
            run(out.absolute(), data=data.absolute() if data else Path(scratch) / "data", scratch=Path(scratch))
        except KeyboardInterrupt:
            raise click.ClickException("stopped before it was done") from None
