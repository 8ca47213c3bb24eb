"""`shootout tone3000`: check the API of TONE3000."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tone_shootout.kit.settings import Settings
    from tone_shootout.tone3000.contract import Finding
    from tone_shootout.tone3000.http_client import HttpClient

_MARKS = {"kept": "✓", "broken": "✗", "left out": "–"}


@click.group("tone3000")
def command() -> None:
    """Check the API of the TONE3000 in the settings."""


@command.command()
@click.option(
    "--token",
    envvar="TONE3000_TOKEN",
    show_envvar=True,
    help="Access token or secret key (t3k_cs_…). [sign in with a device code]",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON: a list with an object per promise.")
def check(token: str | None, as_json: bool) -> None:
    """Check every promise of the API that the service relies on. Nothing is changed.

    Sends about fifty requests and downloads two files. The exit code is 1 if a promise is broken. Promises without an
    example among trending, latest and your favorite tones are skipped.
    """
    from tone_shootout.cli.errors import handle_errors
    from tone_shootout.kit.settings import load_settings
    from tone_shootout.tone3000.errors import Tone3000Error

    with handle_errors(Tone3000Error):
        findings = asyncio.run(_check(load_settings(), token, verbose=not as_json))
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(findings)))
    broken = sum(finding.verdict == "broken" for finding in findings)
    if broken:
        raise click.ClickException(f"{broken} of {len(findings)} promises are broken")
    if not as_json:
        click.echo(f"{sum(finding.verdict == 'kept' for finding in findings)} of {len(findings)} promises are kept.")


async def _check(settings: "Settings", token: str | None, *, verbose: bool) -> "list[Finding]":
    from tone_shootout.tone3000.contract import Target, check_promises
    from tone_shootout.tone3000.types import plain

    deprecations: list[str] = []
    findings = []
    async with _http_client(settings, deprecations) as client:
        target = Target(client, token or await _sign_in(client), deprecations)
        async for finding in check_promises(target):
            findings.append(finding)
            if verbose:
                click.echo(f"{_MARKS[finding.verdict]} {finding.promise}\n    {plain(finding.detail)}")
    return findings


@asynccontextmanager
async def _http_client(settings: "Settings", deprecations: list[str]) -> "AsyncGenerator[HttpClient, None]":
    """Yield a client of TONE3000 that shares the rate limit of the installation, if there is one.

    The client of `Services` is not used, because it only logs deprecations.
    """
    from tone_shootout.composition import Services
    from tone_shootout.tone3000.http_client import HttpClient

    async with Services(settings) as services:
        redis = services.redis if settings.redis.url else None
        async with HttpClient(settings.tone3000, redis, on_deprecation=deprecations.append) as client:
            yield client


async def _sign_in(client: "HttpClient") -> str:
    """Sign in with a device code and return the access token, which is not saved."""
    from tone_shootout.tone3000.errors import GrantError
    from tone_shootout.tone3000.oauth import OAuthClient

    oauth = OAuthClient(client)
    device = await oauth.start_device()
    click.echo(f"Open {device.verification_uri_complete} and enter {device.user_code}.", err=True)
    interval_s = float(device.interval)
    while True:
        await asyncio.sleep(interval_s)
        try:
            return (await oauth.poll_device(device.device_code)).access_token
        except GrantError as error:
            if error.is_final:
                raise click.ClickException(f"the sign-in with TONE3000 failed ({error.error})") from None
            interval_s += 5.0 if error.error == "slow_down" else 0.0
