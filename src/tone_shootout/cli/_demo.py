"""Steps of `shootout demo`, a client of the REST API."""

import hashlib
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import httpx

from tone_shootout.cli._live import follow, show
from tone_shootout.cli._session import Session, parse_response
from tone_shootout.demo import Material, write_material
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
        ServiceError: the service rejected a request.
    """
    material = write_material(scratch / "material")
    click.echo("Starting PostgreSQL, Valkey, web and worker …")
    with Service(data, port=0) as service:
        click.echo(f"Ready at {service.url}.")
        with httpx.Client(base_url=f"{service.url}/api/v1", timeout=60) as client:
            access = _sign_in(client, service)
            assets = _upload(client, material)
            job = _submit(client, assets, material)
            _follow(Session(service.url, access), job["id"])
            _save(client, job, out)
        # With the inputs, the result can be verified.
        shutil.copytree(scratch / "material", out / INPUTS_NAME, dirs_exist_ok=True)
        _print_summary(out)
        click.echo("Stopping …")


def _sign_in(client: httpx.Client, service: Service) -> str:
    process = subprocess.run(
        [sys.executable, "-P", "-m", "tone_shootout", "user", "token", "demo"],
        env=service.environ,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if process.returncode:
        raise DemoError(f"the local user could not be created: {process.stderr.strip()}")
    session = parse_response(client.post("/auth/session", json={"token": process.stdout.strip()}))
    access = str(session["access_token"])
    client.headers["Authorization"] = f"Bearer {access}"
    click.echo(f"Signed in as {parse_response(client.get('/me'))['name']}.")
    return access


def _upload(client: httpx.Client, material: Material) -> dict[Path, str]:
    assets: dict[Path, str] = {}
    for kind, sources in (
        ("di_track", material.di_tracks),
        ("capture", material.captures),
        ("cab_ir", material.cab_irs),
    ):
        for source in sources:
            with source.path.open("rb") as file:
                item = parse_response(
                    client.post(
                        "/library",
                        data={"kind": kind, "name": source.name},
                        files={"file": (source.path.name, file)},
                    )
                )
            assets[source.path] = item["id"]
            click.echo(f"Uploaded {kind.replace('_', ' '):9} {source.name}")
    return assets


def _submit(client: httpx.Client, assets: dict[Path, str], material: Material) -> dict[str, Any]:
    config = {
        "schema": 1,
        "title": TITLE,
        "level": {"target_lufs": -16.0, "ceiling_dbtp": -1.0},
        "di_tracks": [{"name": track.name, "asset": assets[track.path]} for track in material.di_tracks],
        "chains": [
            {
                "name": f"{capture.name}, {cab.name}",
                "blocks": [
                    {"type": "capture", "asset": assets[capture.path]},
                    {"type": "cab_ir", "asset": assets[cab.path]},
                ],
            }
            for capture in material.captures
            for cab in material.cab_irs
        ],
    }
    shootout = parse_response(client.post("/shootouts", json={"config": config}))
    plan = parse_response(client.get(f"/shootouts/{shootout['id']}/plan"))
    click.echo(f"Planned {len(plan['segments'])} segments.")
    job = parse_response(client.post(f"/shootouts/{shootout['id']}/jobs"))
    click.echo(f"Submitted job {job['id']}.")
    return dict(job)


def _follow(session: Session, job_id: str) -> None:
    """Show the progress of a job until it is done."""
    ended = show(follow(session, job_id))
    if ended["status"] != "completed":
        raise DemoError(f"the job {ended['status']}: {ended.get('error', {}).get('detail', '')}")


def _save(client: httpx.Client, job: dict[str, Any], out: Path) -> None:
    """Download all artifacts of a job and check their hashes."""
    items = parse_response(client.get(f"/jobs/{job['id']}/artifacts"))["items"]
    for item in items:
        path = out / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with client.stream("GET", f"/jobs/{job['id']}/artifacts/{item['path']}") as response, path.open("wb") as file:
            if response.status_code != 200:
                raise DemoError(f"{item['path']} could not be downloaded: status {response.status_code}")
            for chunk in response.iter_bytes():
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != item["sha256"]:
            raise DemoError(f"the hash of {item['path']} differs from the one in its record")


def _print_summary(out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    level = manifest["level"]
    click.echo(f"\nAll at {level['target']:.1f} LUFS, none above {level['ceiling']:.1f} dBTP:")
    for segment in manifest["segments"]:
        measured = segment["measured"]
        click.echo(
            f"  {measured['integrated_lufs']:6.2f} LUFS {measured['true_peak_dbtp']:6.2f} dBTP "
            f"{segment['gain_db']:+6.2f} dB  {segment['file']}"
        )
    click.echo(f"\nResults in {out}:")
    for path in sorted(out.iterdir()):
        click.echo(f"  {path.name}{'/' if path.is_dir() else ''}")
    click.echo(f"To render it again and compare: shootout verify {shlex.quote(str(out))}")
