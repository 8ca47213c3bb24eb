"""`shootout storage reconcile` lists rows without objects, and objects without rows, and changes nothing."""

import asyncio
import json
from pathlib import Path
from uuid import UUID, uuid4

from click.testing import CliRunner, Result
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import Person
from tests.support.finished_jobs import add_finished_job, result_key
from tests.support.live import environ_of
from tests.support.sessions import Sessions
from tests.support.uploads import SHOOTOUTS, config
from tone_shootout.cli import main
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage


async def _reconcile(settings: Settings, *options: str) -> Result:
    command = ["storage", "reconcile", *options]
    return await asyncio.to_thread(CliRunner().invoke, main, command, env=environ_of(settings))


async def test_each_difference_is_listed_and_a_lost_object_is_a_failure(
    user: Person, settings: Settings, session_maker: Sessions, engine: AsyncEngine, tmp_path: Path
) -> None:
    storage = Storage.from_settings(settings)
    await storage.delete_prefix("users")  # of other tests
    shootout = (await user.client.post(SHOOTOUTS, json={"config": await config(user.client)})).json()
    files = {"whole.txt": b"whole", "lost.txt": b"lost", "cut.txt": b"cut short"}
    job = await add_finished_job(storage, session_maker, user, UUID(shootout["id"]), files)
    cached, orphan = f"users/{user.id}/cache/{'a' * 64}", f"users/{uuid4()}/blobs/{'b' * 64}"
    for key in (cached, orphan):
        await storage.put(key, b"12345")
    async with engine.begin() as connection:
        insert = "INSERT INTO render_cache (owner_id, key, size, last_used_at) VALUES (:owner, :key, 5, now())"
        await connection.execute(text(insert), {"owner": user.id, "key": "a" * 64})
    whole = await _reconcile(settings)
    assert whole.exit_code == 0, whole.output
    assert "1 objects without a row yet (5 bytes)" in whole.stdout

    await storage.delete([result_key(job, "lost.txt")])
    await storage.put(result_key(job, "cut.txt"), b"cut")
    found = await _reconcile(settings, "--json")
    assert found.exit_code == 1
    assert [json.loads(line) for line in found.stdout.splitlines()] == [
        {"kind": "size", "key": result_key(job, "cut.txt"), "size_bytes": 3},
        {"kind": "missing", "key": result_key(job, "lost.txt"), "size_bytes": 4},
        {"kind": "recent", "key": orphan, "size_bytes": 5},
    ]
    assert await storage.size_of(orphan) == 5
