"""The drill: an installation is lost, and its backup, restored elsewhere, gives back a result that is exact."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from click.testing import CliRunner, Result

from tests.integration.conftest import Person
from tests.support.live import environ_of, serving, working
from tests.support.uploads import SHOOTOUTS, config
from tone_shootout.cli import main
from tone_shootout.embedded.servers import Servers
from tone_shootout.kit.settings import DatabaseSettings, Settings

pytestmark = pytest.mark.slow

KEY = "correct horse battery staple"


@pytest.fixture(scope="module")
def worker(settings: Settings) -> Generator[None, None, None]:
    with working(settings):
        yield


async def _run(settings: Settings, *arguments: object) -> Result:
    environ = {**environ_of(settings), "SHOOTOUT_BACKUP_KEY": KEY}
    result = await asyncio.to_thread(CliRunner().invoke, main, [str(each) for each in arguments], env=environ)
    assert result.exit_code == 0, (result.output, result.exception)
    return result


async def test_a_result_of_a_lost_installation_is_restored_and_verified_as_exact(
    user: Person, worker: None, servers: Servers, settings: Settings, tmp_path: Path
) -> None:
    body = {"config": {**await config(user.client), "output": {"video": False}}, "submit": True}
    job = (await user.client.post(SHOOTOUTS, json=body)).json()["job"]
    assert "event: done" in (await user.client.get(job["links"]["events"], params={"after": 0})).text
    await _run(settings, "backup", tmp_path / "backup")

    url = servers.create_database(f"drill_{uuid4().hex}")
    restored = replace(settings, data=tmp_path / "restored", database=DatabaseSettings(url=url))
    await _run(restored, "restore", tmp_path / "backup")
    with serving(restored) as base_url:
        async with httpx.AsyncClient(base_url=base_url, timeout=60, headers=user.client.headers) as client:
            assert (await client.get("/api/v1/me")).json()["name"] == user.name
            there = (await client.get(job["links"]["self"])).json()
            assert there["status"] == "completed"
            items = (await client.get(there["links"]["artifacts"], params={"limit": 100})).json()["items"]
            for item in items:
                content = (await client.get(item["links"]["content"])).content
                assert content == (await user.client.get(item["links"]["content"])).content
                assert len(content) == item["size_bytes"]
            bundle = await client.get(there["links"]["bundle"])
    (tmp_path / "bundle.zip").write_bytes(bundle.content)
    command = (sys.executable, "-m", "tone_shootout", "verify", str(tmp_path / "bundle.zip"))
    verification = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    output, errors = await verification.communicate()
    assert verification.returncode == 0, errors.decode()
    assert output.count(b"exact") >= 2
