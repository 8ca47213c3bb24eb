"""What `shootout demo` does, step by step, as a client of the REST API."""

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
from tone_shootout.cli._session import Session, answered
from tone_shootout.demo import Material, write_material
from tone_shootout.embedded.service import Service
from tone_shootout.rendering.output.result_folder import INPUTS_NAME

TITLE = "Three voices, two cabs"


class DemoError(Exception):
    """The demo did not do what it promises."""


def run(out: Path, *, data: Path, scratch: Path) -> None:
    """Do it all.

    Args:
        out: folder for the results.
        data: data folder of the service.
        scratch: folder for what is uploaded.

    Raises:
        DemoError: a step did not end as it should.
        ServiceError: the service refused one.
    """
    material = write_material(scratch / "material")
    _say("Starting PostgreSQL, Valkey, web and worker …")
    with Service(data, port=0) as service:
        _say(f"Ready at {service.url}.")
        with httpx.Client(base_url=f"{service.url}/api/v1", timeout=60) as client:
            access = _sign_in(client, service)
            assets = _upload(client, material)
            job = _submit(client, assets, material)
            _follow(Session(service.url, access), job["id"])
            _save(client, job, out)
        # With what went in beside it, anybody can make the result again.
        shutil.copytree(scratch / "material", out / INPUTS_NAME, dirs_exist_ok=True)
        _summarise(out)
        _say("Stopping …")


def _sign_in(client: httpx.Client, service: Service) -> str:
    made = subprocess.run(
        [sys.executable, "-P", "-m", "tone_shootout", "user", "token", "demo"],
        env=service.environ,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if made.returncode:
        raise DemoError(f"no local user could be made: {made.stderr.strip()}")
    session = answered(client.post("/auth/session", json={"token": made.stdout.strip()}))
    access = str(session["access_token"])
    client.headers["Authorization"] = f"Bearer {access}"
    _say(f"Signed in as {answered(client.get('/me'))['name']}.")
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
                item = answered(
                    client.post(
                        "/library",
                        data={"kind": kind, "name": source.name},
                        files={"file": (source.path.name, file)},
                    )
                )
            assets[source.path] = item["id"]
            _say(f"Uploaded {kind.replace('_', ' '):9} {source.name}")
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
    shootout = answered(client.post("/shootouts", json={"config": config}))
    plan = answered(client.get(f"/shootouts/{shootout['id']}/plan"))
    _say(f"Planned {len(plan['segments'])} segments.")
    answer = client.post(f"/shootouts/{shootout['id']}/jobs")
    job = answered(answer)
    _say(f"Submitted job {job['id']}.")
    return dict(job)


def _follow(session: Session, job_id: str) -> None:
    """Show the job's progress until it is done."""
    ended = show(follow(session, job_id))
    if ended["status"] != "completed":
        raise DemoError(f"the job {ended['status']}: {ended.get('error', {}).get('detail', '')}")


def _save(client: httpx.Client, job: dict[str, Any], out: Path) -> None:
    """Fetch every result and check its hash."""
    items = answered(client.get(f"/jobs/{job['id']}/artifacts"))["items"]
    for item in items:
        path = out / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with client.stream("GET", f"/jobs/{job['id']}/artifacts/{item['path']}") as answer, path.open("wb") as file:
            if answer.status_code != 200:
                raise DemoError(f"{item['path']} could not be fetched: {answer.status_code}")
            for chunk in answer.iter_bytes():
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != item["sha256"]:
            raise DemoError(f"{item['path']} is not what was published")


def _summarise(out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    level = manifest["level"]
    _say(f"\nAll at {level['target']:.1f} LUFS, none above {level['ceiling']:.1f} dBTP:")
    for segment in manifest["segments"]:
        measured = segment["measured"]
        _say(
            f"  {measured['integrated_lufs']:6.2f} LUFS {measured['true_peak_dbtp']:6.2f} dBTP "
            f"{segment['gain_db']:+6.2f} dB  {segment['file']}"
        )
    _say(f"\nResults in {out}:")
    for path in sorted(out.iterdir()):
        _say(f"  {path.name}{'/' if path.is_dir() else ''}")
    _say(f"To render it again and compare: shootout verify {shlex.quote(str(out))}")


def _say(line: str) -> None:
    click.echo(line)
