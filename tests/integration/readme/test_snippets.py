"""The shell commands of docs/api.md, docs/webhooks.md and docs/operating.md do what the text says."""

import asyncio
import json
import os
import zipfile
from pathlib import Path

import pytest

from tests.integration.conftest import Person
from tests.support.documents import blocks
from tests.support.readme import served
from tests.support.shared import PROJECT
from tests.support.uploads import capture, di, ir
from tone_shootout.migrations import head_revision

SETTINGS = ("SHOOTOUT_STORAGE_OPTIONS=", "SHOOTOUT_DATABASE_POOLER=", "SHOOTOUT_WEBHOOKS_ALLOWED_NETWORKS=")


def shell(name: str) -> list[str]:
    """Return the shell commands of a document, without settings, which `tests/unit/test_snippets.py` reads."""
    found = blocks(PROJECT / "docs" / name)
    return [block.text for block in found if block.language == "sh" and not block.text.startswith(SETTINGS)]


async def run(commands: str, folder: Path, **environ: str) -> str:
    """Run commands, all of which must succeed; return their output."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", commands),
        cwd=folder,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), 150)
    assert process.returncode == 0, errors.decode()
    return out.decode()


async def test_files_are_uploaded_at_once(base_url: str, user: Person, tmp_path: Path) -> None:
    for name, content in {"riff.wav": di(), "plexi.nam": capture(), "v30.wav": ir()}.items():
        (tmp_path / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as pack:
        pack.writestr("combo.nam", capture(0.7))
    (commands,) = shell("api.md")
    answer = json.loads(await run(commands, tmp_path, SHOOTOUT_URL=base_url, SHOOTOUT_TOKEN=user.token))
    assert [(item["status"], item["item"]["kind"], item["item"]["tags"]) for item in answer["results"]] == [
        ("created", kind, ["studio"]) for kind in ("di_track", "capture", "cab_ir", "capture")
    ]


async def test_a_webhook_is_created(base_url: str, user: Person, tmp_path: Path) -> None:
    (commands,) = shell("webhooks.md")
    webhook = json.loads(await run(commands, tmp_path, SHOOTOUT_URL=base_url, SHOOTOUT_TOKEN=user.token))
    assert webhook["webhook"]["url"] == "https://studio.example.org/hooks/shootout"
    assert webhook["secret"].startswith("whsec_")


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_an_installation_is_checked_saved_and_restored(
    folder: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    doctor, routes, save, restore = [
        commands.replace("/mnt/backup", str(tmp_path)) for commands in shell("operating.md")
    ]
    with served("shootout serve", folder, environ):
        await run("shootout user token me", tmp_path, **environ)
        assert "Everything that is needed works." in await run(doctor, tmp_path, **environ)
        assert "/api/v1/jobs" in await run(routes, tmp_path, **environ, **_of_a_web_process())
        await run(save, tmp_path, **environ)
    elsewhere = environ | {"SHOOTOUT_DATA": str(tmp_path / "restored")}
    assert f"revision {head_revision()}" in await run(restore, tmp_path, **elsewhere)
    assert "me" in (await run("shootout user list", tmp_path, **elsewhere)).split()


def _of_a_web_process() -> dict[str, str]:
    """Return the settings that a web process needs; `litestar routes` reaches no server."""
    return {
        "SHOOTOUT_DATABASE_URL": "postgresql://localhost/none",
        "SHOOTOUT_REDIS_URL": "redis://localhost/0",
        "SHOOTOUT_SECURITY_SECRET": "x" * 48,
        "SHOOTOUT_SECURITY_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    }
