"""`shootout serve`: run the whole service."""

from pathlib import Path

import click


@click.command("serve")
@click.option("--host", default=None, help="Address to listen on. [SHOOTOUT_SERVER_HOST, else 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0: a free one. [SHOOTOUT_SERVER_PORT, else 8000]")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder. [SHOOTOUT_DATA]")
@click.option("--fake-tone3000", is_flag=True, help="Run a stand-in for TONE3000 and use it.")
def command(host: str | None, port: int | None, data: Path | None, fake_tone3000: bool) -> None:
    """Run the whole service: web, worker, and PostgreSQL and Valkey unless their URLs are set.

    Ctrl-C shuts it down.
    """
    from tone_shootout.cli.errors import handle_errors
    from tone_shootout.embedded.errors import EmbeddedError
    from tone_shootout.embedded.service import Service
    from tone_shootout.kit.settings import load_settings

    with handle_errors(EmbeddedError):
        settings = load_settings()
        folder = (data or settings.data).absolute()
        service = Service(
            folder,
            host=host or settings.server.host,
            port=settings.server.port if port is None else port,
            fake_tone3000=fake_tone3000,
            on_event=lambda line: click.echo(line, err=True),
            on_output=lambda line: click.echo(line, err=True),
        )
        try:
            with service:
                click.echo(f"Tone Shootout is ready at {service.url}")
                click.echo(f"  API and its documentation   {service.url}/docs")
                click.echo(f"  Data                        {folder}")
                click.echo(f"  Sign in with a token from   shootout user token NAME --data '{folder}'")
                if fake_tone3000:
                    stand_in = service.environ["SHOOTOUT_TONE3000_BASE_URL"]
                    click.echo(f"  Stand-in for TONE3000       {stand_in} (users and tones are fictional)")
                click.echo("Press Ctrl-C to stop.")
                service.wait()
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
