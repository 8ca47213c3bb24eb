"""`shootout demo`: a complete example."""

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
    help="Data folder of the service. [a temporary folder, deleted at the end]",
)
def command(out: Path, data: Path | None) -> None:
    """Run a complete example on this machine, without installation or configuration.

    Starts the service, signs a local user in, uploads a DI track, captures and cab IRs, creates a shootout, submits it
    over REST, follows it over the WebSocket, saves the results and stops.
    """
    import tempfile

    from tone_shootout.cli._demo import DemoError, run
    from tone_shootout.cli._session import ServiceError
    from tone_shootout.cli.errors import handle_errors
    from tone_shootout.client import ClientError
    from tone_shootout.embedded.errors import EmbeddedError

    with (
        handle_errors(DemoError, ServiceError, ClientError, EmbeddedError, OSError),
        tempfile.TemporaryDirectory(prefix="shootout-demo-") as scratch,
    ):
        try:
            run(out.absolute(), data=data.absolute() if data else Path(scratch) / "data", scratch=Path(scratch))
        except KeyboardInterrupt:
            raise click.ClickException("stopped; the results are incomplete") from None
