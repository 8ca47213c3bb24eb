"""`shootout doctor` names what does not work, and what to do."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tone_shootout import doctor
from tone_shootout.composition import Services
from tone_shootout.doctor import Finding, examine
from tone_shootout.kit.settings import Settings

NOBODY = "postgresql://nobody:secret-password@127.0.0.1:9/none"


def _with(settings: Settings, group: str, **fields: Any) -> Settings:
    return dataclasses.replace(settings, **{group: dataclasses.replace(getattr(settings, group), **fields)})


async def _examine(settings: Settings) -> dict[str, Finding]:
    async with Services(settings) as services:
        return {finding.name: finding async for finding in examine(services)}


async def test_everything_that_works_is_ok(settings: Settings) -> None:
    found = await _examine(settings)
    assert list(found) == [check.name for check in doctor.CHECKS]
    assert {name: finding.detail for name, finding in found.items() if finding.status == "failed"} == {}
    assert found["database"].detail.startswith("PostgreSQL ")
    assert "written, read and deleted" in found["storage"].detail
    assert all(finding.advice for finding in found.values() if finding.status == "warning")


async def test_a_server_that_does_not_respond_is_named_with_the_setting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "TIMEOUT_S", 2.0)
    broken = _with(_with(settings, "database", url=NOBODY), "redis", url="redis://127.0.0.1:9/0")
    found = await _examine(broken)
    assert found["database"].status == found["broker"].status == "failed"
    assert "SHOOTOUT_DATABASE_URL" in found["database"].advice
    assert "SHOOTOUT_REDIS_URL" in found["broker"].advice
    assert not {"clock", "schema"} & found.keys(), "they say nothing without a database"
    assert found["storage"].status == "ok"
    assert "secret-password" not in str(found)


async def test_a_storage_that_can_not_be_written_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "objects").write_bytes(b"a file, not a folder")
    found = await _examine(_with(settings, "storage", url=(tmp_path / "objects").as_uri()))
    assert found["storage"].status == "failed"
    assert "SHOOTOUT_STORAGE_URL" in found["storage"].advice


async def test_too_little_space_is_named(settings: Settings) -> None:
    found = await _examine(_with(settings, "storage", free_bytes=2**60))
    assert (found["disk"].status, "GB left" in found["disk"].detail) == ("failed", True)


async def test_an_old_schema_is_named_with_the_command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "head_revision", lambda: "9999")
    found = await _examine(settings)
    assert (found["schema"].status, found["schema"].advice) == ("failed", "Run: shootout db upgrade")
    assert "not 9999" in found["schema"].detail


async def test_an_embedded_database_that_is_not_migrated_is_no_failure(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "head_revision", lambda: "9999")
    async with Services(settings) as services:
        found = {finding.name: finding async for finding in examine(services, migrates=True)}
    assert (found["schema"].status, found["schema"].advice) == ("ok", "")
    assert "`shootout serve` migrates it" in found["schema"].detail
    assert "db upgrade" not in found["schema"].detail
    assert "queue" not in found, "its tables come with the schema"


async def test_a_newer_schema_is_a_warning(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "head_revision", lambda: "0001")
    monkeypatch.setattr(doctor, "has_revision", lambda revision: revision == "0001")
    found = await _examine(settings)
    assert (found["schema"].status, "newer than 0001" in found["schema"].detail) == ("warning", True)


async def test_different_clocks_and_unsafe_addresses_are_warnings(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "CLOCK_S", -1.0)
    found = await _examine(_with(settings, "server", public_url="http://tones.example"))
    assert (found["clock"].status, found["address"].status) == ("warning", "warning")
    assert "TLS" in found["address"].advice
    local = await _examine(_with(settings, "server", public_url="", host="0.0.0.0"))
    assert local["address"].status == "warning"


async def test_tone3000_that_does_not_respond_is_a_warning(settings: Settings) -> None:
    found = await _examine(_with(settings, "tone3000", client_id="t3k_pub_x", base_url="http://127.0.0.1:9"))
    assert found["TONE3000"].status == "warning"


def test_the_exit_code_tells_scripts(tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "SHOOTOUT_DATA": str(tmp_path),
        "SHOOTOUT_DATABASE_URL": NOBODY,
        "SHOOTOUT_REDIS_URL": "redis://127.0.0.1:9/0",
        "SHOOTOUT_QUEUE_URL": "redis://127.0.0.1:9/0",
    }
    command = [sys.executable, "-m", "tone_shootout", "doctor", "--json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    found = {finding["name"]: finding["status"] for finding in map(json.loads, done.stdout.splitlines())}
    assert (found["python"], found["database"]) == ("ok", "failed")
    assert done.stderr == ""
