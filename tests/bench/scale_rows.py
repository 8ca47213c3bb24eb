"""Rows of the scale benchmark: users with libraries and shootouts, and a queue of their jobs."""

import asyncio
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from tests.support.library_rows import library_items, typical_config
from tests.support.uploads import SHOOTOUTS
from tone_shootout.accounts.services import AccountService
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.shootouts.library.services import storage_key

HEAVY_USERS = 5
"""Users who have half of the queue; the others share the rest evenly."""
_TEMPLATE = """
CREATE TABLE bench_job AS SELECT * FROM job;
"""
_EMPTY = "DELETE FROM job; TRUNCATE saq.saq_jobs;"
_FILL = """
INSERT INTO job (id, owner_id, shootout_id, title, inputs, cost_s, status, attempt, interruptions, event_seq,
  progress_done, progress_total, created_at, updated_at, queued_at)
SELECT uuidv7(), owner_id, shootout_id, title, inputs, cost_s, 'queued', 0, 0, 1, 0, 0, now(), now(),
  now() - interval '1 minute'
FROM (SELECT *, row_number() OVER (ORDER BY owner_id) AS number FROM bench_job) j,
  LATERAL generate_series(1, CASE WHEN number <= {heavy} THEN {of_heavy} ELSE {of_light} END);
INSERT INTO job_event (job_id, seq, type, at, data)
SELECT id, 1, 'status', now(), '{{"status": "queued", "attempt": 0}}' FROM job;
"""


class Submitter(NamedTuple):
    """A user's request that submits a job."""

    path: str
    token: str


async def make_users(settings: Settings, engine: AsyncEngine, url: str, count: int) -> list[Submitter]:
    """Make users with a shootout each, and a submitted job that becomes the pattern of the queue."""
    sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
    users: list[tuple[str, dict[str, str]]] = []
    stored: list[str] = []
    async with sessions.begin() as session:
        accounts = AccountService(session)
        for number in range(count):
            user = await accounts.create_user(f"scale-{number}", role="user")
            items = library_items(user.id)
            session.add_all(items)
            token = (await accounts.issue_token(user, name="bench", scope="write")).secret
            users.append((token, {item.kind: str(item.id) for item in items}))
            stored += [storage_key(user.id, item.sha256) for item in items]
    await _store(settings, stored)
    waiting = asyncio.Semaphore(8)

    async def make(client: httpx.AsyncClient, token: str, items: dict[str, str]) -> Submitter:
        async with waiting:
            headers = {"Authorization": f"Bearer {token}"}
            body = {"config": typical_config(items), "submit": True}
            answer = await client.post(SHOOTOUTS, headers=headers, json=body)
        return Submitter(answer.raise_for_status().json()["links"]["jobs"], token)

    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        made = await asyncio.gather(*(make(client, *user) for user in users))
    await run_script(engine, _TEMPLATE)
    return made


async def _store(settings: Settings, keys: Sequence[str]) -> None:
    """Store a file under each key: a worker looks whether the storage has some of them."""
    storage = Storage.from_settings(settings)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"nothing")
        file.flush()
        for key in keys:
            await storage.put(key, Path(file.name))
    await storage.aclose()


async def fill_queue(engine: AsyncEngine, users: int, jobs: int) -> None:
    """Replace all jobs by so many queued ones, half of them of `HEAVY_USERS` users."""
    script = _EMPTY
    if jobs:
        of_heavy = max(1, jobs // 2 // HEAVY_USERS)
        of_light = max(1, jobs // 2 // (users - HEAVY_USERS))
        script += _FILL.format(heavy=HEAVY_USERS, of_heavy=of_heavy, of_light=of_light)
    await run_script(engine, script)
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute("VACUUM ANALYZE")


async def run_script(engine: AsyncEngine, script: str) -> None:
    """Run statements that have no parameters."""
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute(script)


async def completed_by_user(engine: AsyncEngine, since: float, until: float) -> dict[UUID, int]:
    """Count the jobs that were completed within a time, by their owners who have more waiting; seconds since 1970."""
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        rows = await driver.fetch(
            "SELECT owner_id, count(*) FILTER (WHERE status = 'completed' AND finished_at BETWEEN to_timestamp($1)"
            " AND to_timestamp($2)) AS done FROM job GROUP BY owner_id HAVING bool_or(status = 'queued')",
            since,
            until,
        )
    return {row["owner_id"]: row["done"] for row in rows}


async def one_value(engine: AsyncEngine, statement: str) -> float:
    """Return the number that a statement finds."""
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        found = await driver.fetchval(statement)
        return float(json.loads(str(found)))
