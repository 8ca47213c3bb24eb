"""`shootout serve`: run the whole service."""

import subprocess
import sys
import webbrowser
from collections.abc import Generator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tone_shootout.kit.private_files import write_private

if TYPE_CHECKING:
    from tone_shootout.embedded.service import Service

REDIRECT = "sign-in.html"
"""File in the data folder that leads a browser to the address that signs it in."""


@click.command("serve")
@click.option("--host", default=None, help="Address to listen on. [SHOOTOUT_SERVER_HOST, else 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0: a free one. [SHOOTOUT_SERVER_PORT, else 8000]")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder. [SHOOTOUT_DATA]")
@click.option("--open", "open_", is_flag=True, help="Open the service in the browser, signed in.")
@click.option("--fake-tone3000", is_flag=True, help="Run a stand-in for TONE3000 and use it.")
def command(host: str | None, port: int | None, data: Path | None, open_: bool, fake_tone3000: bool) -> None:
    """Run the whole service: web, worker, and PostgreSQL and Valkey unless their URLs are set.

    Prints an address that signs the administrator in, once. Ctrl-C shuts the service down.
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
                address = _sign_in_address(service)
                click.echo(f"  Sign in, within 15 minutes  {address or 'shootout user link'}")
                click.echo(f"  Sign in later               shootout user link --data '{folder}'")
                click.echo(f"  API and its documentation   {service.url}/docs")
                click.echo(f"  Data                        {folder}")
                click.echo(f"  Tokens for programs         shootout user token NAME --data '{folder}'")
                if fake_tone3000:
                    stand_in = service.environ["SHOOTOUT_TONE3000_BASE_URL"]
                    click.echo(f"  Stand-in for TONE3000       {stand_in} (users and tones are fictional)")
                click.echo("Press Ctrl-C to stop.")
                with _browser(folder / REDIRECT, address if open_ else None):
                    service.wait()
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)


def _sign_in_address(service: "Service") -> str | None:
    """Return an address that signs the administrator in; None if it could not be made, which is reported."""
    process = subprocess.run(
        [sys.executable, "-P", "-m", "tone_shootout", "user", "link"],
        env=service.environ,
        cwd=service.environ["SHOOTOUT_DATA"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if process.returncode:
        click.echo(process.stderr.strip(), err=True)
        return None
    return process.stdout.strip()


@contextmanager
def _browser(redirect: Path, address: str | None) -> Generator[None, None, None]:
    """Open an address in the browser, None: do not.

    The browser gets the path of a private file that redirects to the address, because all users of a machine can read
    the arguments of its programs. The file exists as long as the context.
    """
    if address is None:
        yield
        return
    target = escape(address)
    write_private(
        redirect,
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Tone Shootout</title>\n'
        f'<meta http-equiv="refresh" content="0; url={target}"></head>\n'
        f'<body><p><a href="{target}">Sign in to Tone Shootout</a></p></body></html>\n',
    )
    try:
        if not webbrowser.open(redirect.as_uri()):
            click.echo("No browser could be opened. Open the address yourself.", err=True)
        yield
    finally:
        redirect.unlink(missing_ok=True)
