"""Steps of `shootout demo`, a client of the REST API."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from tone_shootout.cli._live import show
from tone_shootout.client import Client, Job, Kind
from tone_shootout.demo import Material, Piece, write_material
from tone_shootout.embedded.service import Service
from tone_shootout.rendering.output.result_folder import INPUTS_NAME

TITLE = "Three voices, two cabs"


class DemoError(Exception):
    """A step of the demo failed."""


def run(out: Path, *, data: Path, scratch: Path) -> None:
    """Run all steps of the demo.

    Args:
        out: folder for the results.
        data: data folder of the service.
        scratch: folder for the files to upload.

    Raises:
        DemoError: a step failed.
        ClientError: the service rejected a request.
    """
    material = write_material(scratch / "material")
    click.echo("Starting PostgreSQL, Valkey, web and worker …")
    with Service(data, port=0) as service:
        click.echo(f"Ready at {service.url}.")
        with Client(service.url, _sign_in(service)) as client:
            click.echo(f"Signed in as {client.request('GET', '/me')['name']}.")
            job = _submit(client, _upload(client, material), material)
            _follow(client, job)
            client.download(job.id, out)
        # With the inputs, the result can be verified.
        shutil.copytree(scratch / "material", out / INPUTS_NAME, dirs_exist_ok=True)
        _print_summary(out)
        click.echo("Stopping …")


def _sign_in(service: Service) -> str:
    """Create a local user, sign in, and return the token of the session."""
    process = subprocess.run(
        [sys.executable, "-P", "-m", "tone_shootout", "user", "token", "demo"],
        env=service.environ,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if process.returncode:
        raise DemoError(f"the local user could not be created: {process.stderr.strip()}")
    with Client(service.url) as client:
        session = client.request("POST", "/auth/session", json={"token": process.stdout.strip()})
    return str(session["access_token"])


def _upload(client: Client, material: Material) -> dict[Path, str]:
    sources: tuple[tuple[Kind, Sequence[Piece]], ...] = (
        ("di_track", material.di_tracks),
        ("capture", material.captures),
        ("cab_ir", material.cab_irs),
    )
    files = [(piece.path, kind, piece.name) for kind, pieces in sources for piece in pieces]
    assets: dict[Path, str] = {}
    for (path, kind, name), result in zip(files, client.upload_many(files), strict=True):
        if result.item is None:
            raise DemoError(f"{path} was not uploaded: {result.problem.detail if result.problem else result.status}")
        assets[path] = str(result.item.id)
        click.echo(f"Uploaded {kind.replace('_', ' '):9} {name}")
    return assets


def _submit(client: Client, assets: dict[Path, str], material: Material) -> Job:
    config = {
        "schema": 1,
        "title": TITLE,
        "level": {"target_lufs": -16.0, "ceiling_dbtp": -1.0},
        "di_tracks": [{"name": track.name, "asset": assets[track.path]} for track in material.di_tracks],
        "grid": {
            "captures": [{"name": capture.name, "asset": assets[capture.path]} for capture in material.captures],
            "cab_irs": [{"name": cab.name, "asset": assets[cab.path]} for cab in material.cab_irs],
        },
    }
    job = client.submit(config)
    click.echo(f"Submitted job {job.id}.")
    return job


def _follow(client: Client, job: Job) -> None:
    """Show the progress of a job until it is done."""
    ended = show(client.watch(job.id))
    if ended["status"] != "completed":
        raise DemoError(f"the job {ended['status']}: {ended.get('error', {}).get('detail', '')}")


def _print_summary(out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    level = manifest["level"]
    click.echo(f"\nAll at {level['target_lufs']:.2f} LUFS, none above {level['ceiling_dbtp']:.1f} dBTP:")
    for segment in manifest["segments"]:
        measured = segment["measured"]
        click.echo(
            f"  {measured['integrated_lufs']:6.2f} LUFS {measured['true_peak_dbtp']:6.2f} dBTP "
            f"{segment['gain_db']:+6.2f} dB  {segment['file']}"
        )
    click.echo(f"\nResults in {out}:")
    for path in sorted(out.iterdir()):
        click.echo(f"  {path.name}{'/' if path.is_dir() else ''}")
    click.echo(f"To listen: open {out / 'index.html'} in a browser.")
    click.echo(f"To render it again and compare: shootout verify {shlex.quote(str(out))}")
