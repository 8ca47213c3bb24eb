"""`shootout doctor`: check an installation."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tone_shootout.cli.errors import handle_errors

if TYPE_CHECKING:
    from tone_shootout.doctor import Finding
    from tone_shootout.kit.settings import Settings


@click.command("doctor")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder. [SHOOTOUT_DATA]")
@click.option("--json", "as_json", is_flag=True, help="Write each finding as a line of JSON.")
def command(data: Path | None, as_json: bool) -> None:
    """Check everything that the service needs, and tell what to do.

    Addresses, credentials, TLS, schema, queue, writing and reading of the storage, clocks, disks, fonts. Servers that
    the environment does not name run for the duration of the check. The exit code is 1 if a check has failed.
    """
    import asyncio
    import logging

    from tone_shootout.embedded.errors import EmbeddedError
    from tone_shootout.embedded.service import use_servers
    from tone_shootout.kit.settings import load_settings

    logging.disable()  # the findings say it all
    settings = load_settings()
    with handle_errors(EmbeddedError, OSError), use_servers(data or settings.data) as environ:
        migrates = not settings.database.url
        failed = asyncio.run(_run(load_settings(environ), migrates=migrates, as_json=as_json))
    if failed:
        sys.exit(1)


async def _run(settings: "Settings", *, migrates: bool, as_json: bool) -> int:
    from tone_shootout.composition import Services
    from tone_shootout.doctor import examine

    failed = 0
    services = Services(settings)
    async for finding in examine(services, migrates=migrates):
        failed += finding.status == "failed"
        _show(finding, as_json=as_json)
    with suppress(Exception):  # what can't be reached can't be closed
        await services.aclose()
    if not as_json:
        click.echo(f"{failed} checks have failed." if failed else "Everything that is needed works.")
    return failed


def _show(finding: "Finding", *, as_json: bool) -> None:
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(finding).decode())
        return
    line = f"{finding.status:<8} {finding.name:<12} {finding.detail}"
    click.echo(f"{line}\n{'':<21} → {finding.advice}" if finding.advice else line)
