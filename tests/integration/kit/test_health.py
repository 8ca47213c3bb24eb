"""Health tells the truth about each part."""

import asyncio
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.live import serving, web_process
from tests.support.s3 import s3_process
from tone_shootout import migrations
from tone_shootout.embedded.servers import Servers
from tone_shootout.kit.readiness import OutdatedError, check_migrations
from tone_shootout.kit.settings import DatabaseSettings, QueueSettings, RedisSettings, Settings, StorageSettings

PARTS = ("database", "broker", "storage", "disk", "migrations", "queue")


async def test_a_service_with_all_its_parts_is_ready(api: httpx.AsyncClient) -> None:
    answer = await api.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": dict.fromkeys(PARTS, "ok"),
    }
    assert (await api.get("/health/live")).json()["status"] == "ok"


async def test_many_who_ask_at_once_share_a_look(api: httpx.AsyncClient, redis: Redis) -> None:
    async def looks() -> int:
        """Each asks the broker once; nothing else does."""
        stats = await redis.info("commandstats")
        return int(stats["cmdstat_ping"]["calls"])

    await api.get("/health/ready")
    before = await looks()
    answers = await asyncio.gather(*(api.get("/health/ready") for _ in range(60)))
    assert {answer.status_code for answer in answers} == {200}
    assert 1 <= await looks() - before <= 30


def _checks(settings: Settings) -> tuple[int, dict[str, str]]:
    with serving(settings) as url:
        assert httpx.get(f"{url}/health/live", timeout=30).status_code == 200
        answer = httpx.get(f"{url}/health/ready", timeout=30)
        return answer.status_code, answer.json()["checks"]


def test_without_its_broker_it_lives_and_is_not_ready(settings: Settings, tmp_path: Path) -> None:
    away = replace(settings, redis=RedisSettings(url=f"unix://{tmp_path}/nothing.sock"))
    assert _checks(away) == (
        503,
        {part: "unavailable" if part == "broker" else "ok" for part in PARTS},
    )


def test_on_a_database_that_was_never_migrated_it_is_not_ready(settings: Settings, servers: Servers) -> None:
    empty = replace(settings, database=DatabaseSettings(url=servers.create_database(f"empty_{uuid4().hex}")))
    status, checks = _checks(empty)
    assert status == 503
    assert checks["migrations"] == "outdated"
    assert checks["database"] == "ok"


async def test_during_an_upgrade_an_older_version_stays_ready_and_a_newer_one_is_not(engine: AsyncEngine) -> None:
    found = await check_migrations(engine, migrations.head_revision(), migrations.has_revision)
    assert found == migrations.head_revision()
    assert await check_migrations(engine, "0001", lambda revision: revision == "0001") == found
    with pytest.raises(OutdatedError, match="not 9999"):
        await check_migrations(engine, "9999", lambda _revision: True)


def test_without_its_database_it_lives_and_is_not_ready(settings: Settings) -> None:
    away = replace(settings, database=DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/nothing"))
    status, checks = _checks(away)
    assert status == 503
    assert checks["database"] == "unavailable"
    assert checks["broker"] == "ok"


def test_without_its_storage_it_lives_and_is_not_ready(settings: Settings) -> None:
    away = replace(
        settings,
        storage=StorageSettings(
            url="s3://bucket",
            options={
                "aws_endpoint": "http://127.0.0.1:1",
                "allow_http": "true",
                "aws_access_key_id": "x",
                "aws_secret_access_key": "x",
                "aws_region": "x",
            },
        ),
    )
    status, checks = _checks(away)
    assert status == 503
    assert checks["storage"] == "unavailable"


def test_each_part_that_fails_is_named_and_each_change_is_logged_once_with_its_reason(
    settings: Settings, tmp_path: Path
) -> None:
    with s3_process() as s3:
        storage = replace(s3.settings("nowhere"), free_bytes=1 << 62)
        away = replace(settings, storage=storage, queue=QueueSettings(url=f"unix://{tmp_path}/nothing.sock"))
        with web_process(away) as web:
            answers = [httpx.get(f"{web.url}/health/ready", timeout=30) for _ in range(3)]
            s3.create("nowhere")
            answers.append(httpx.get(f"{web.url}/health/ready", timeout=30))
    whole = dict.fromkeys(PARTS, "ok")
    away_parts = {"storage": "unavailable", "disk": "low", "queue": "unavailable"}
    assert [answer.status_code for answer in answers] == [503] * 4
    assert [answer.json()["checks"] for answer in answers[:3]] == [whole | away_parts] * 3
    assert answers[3].json()["checks"] == whole | away_parts | {"storage": "ok"}
    failed = [line for line in web.log if "dependency_failed" in line]
    assert len(failed) == 3
    for part, reason in (("storage", "NoSuchBucket"), ("disk", "free some space"), ("queue", "nothing.sock")):
        (line,) = [line for line in failed if part in line]
        assert reason in line
    assert len([line for line in web.log if "dependency_recovered" in line]) == 1


def test_a_storage_folder_that_is_gone_is_unavailable(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "objects"
    with serving(replace(settings, storage=StorageSettings(url=folder.as_uri()))) as url:
        folder.rmdir()
        assert httpx.get(f"{url}/health/ready", timeout=30).json()["checks"]["storage"] == "unavailable"
        folder.mkdir()
        assert httpx.get(f"{url}/health/ready", timeout=30).json()["checks"]["storage"] == "ok"
