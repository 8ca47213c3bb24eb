"""`shootout tone3000`: is TONE3000 as we expect it?"""

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
    """Look at the TONE3000 that the settings name."""


@command.command()
@click.option(
    "--token",
    envvar="TONE3000_TOKEN",
    show_envvar=True,
    help="Access token, or your own secret key (t3k_cs_…). [signs you in as a device]",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON: a list with an object per promise.")
def check(token: str | None, as_json: bool) -> None:
    """Try every promise that we rely on, with your own key, and change nothing.

    It asks some fifty times and fetches two files. The exit code is 1 when a promise is broken. What has no example in
    what is trending, latest or among your favourites is left out.
    """
    from tone_shootout.cli.errors import reporting
    from tone_shootout.kit.settings import load_settings
    from tone_shootout.tone3000.errors import Tone3000Error

    with reporting(Tone3000Error):
        findings = asyncio.run(_check(load_settings(), token, told=not as_json))
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(findings)))
    broken = sum(finding.verdict == "broken" for finding in findings)
    if broken:
        raise click.ClickException(f"{broken} of {len(findings)} promises are broken")
    if not as_json:
        click.echo(f"{sum(finding.verdict == 'kept' for finding in findings)} of {len(findings)} promises are kept.")


async def _check(settings: "Settings", token: str | None, *, told: bool) -> "list[Finding]":
    from tone_shootout.tone3000.contract import Subject, examine
    from tone_shootout.tone3000.types import plain

    deprecations: list[str] = []
    findings = []
    async with _calls(settings, deprecations) as calls:
        subject = Subject(calls, token or await _sign_in(calls), deprecations)
        async for finding in examine(subject):
            findings.append(finding)
            if told:
                click.echo(f"{_MARKS[finding.verdict]} {finding.promise}\n    {plain(finding.detail)}")
    return findings


@asynccontextmanager
async def _calls(settings: "Settings", deprecations: list[str]) -> "AsyncGenerator[HttpClient, None]":
    """Yield a client of TONE3000 that shares the rate limit of the installation, if there is one.

    A client of its own, because the one of `Services` only logs deprecations.
    """
    from tone_shootout.composition import Services
    from tone_shootout.tone3000.http_client import HttpClient

    async with Services(settings) as services:
        redis = services.redis if settings.redis.url else None
        async with HttpClient(settings.tone3000, redis, on_deprecation=deprecations.append) as client:
            yield client


async def _sign_in(calls: "HttpClient") -> str:
    """Let somebody sign this command in, and return an access token, which is kept nowhere."""
    from tone_shootout.tone3000.errors import GrantError
    from tone_shootout.tone3000.oauth import SignIn

    sign_in = SignIn(calls)
    device = await sign_in.start_device()
    click.echo(f"Open {device.verification_uri_complete} and enter {device.user_code}.", err=True)
    interval_s = float(device.interval)
    while True:
        await asyncio.sleep(interval_s)
        try:
            return (await sign_in.poll_device(device.device_code)).access_token
        except GrantError as error:
            if error.is_final:
                raise click.ClickException(f"TONE3000 did not let this command in ({error.error})") from None
            interval_s += 5.0 if error.error == "slow_down" else 0.0
