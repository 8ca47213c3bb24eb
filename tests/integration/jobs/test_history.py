"""No statement of requests, workers and maintenance takes longer because of jobs that have finished long ago."""

import secrets
from dataclasses import replace
from pathlib import Path

import anyio.to_thread
import httpx
import pytest

from tests.integration.conftest import Person, somebody
from tests.support.empty_rendering import empty_rendering
from tests.support.history import write_history
from tests.support.library_rows import typical_config
from tests.support.live import serving
from tests.support.statements import Visits, recording, visits
from tests.support.uploads import LIBRARY, SHOOTOUTS, add, capture, di, ir
from tone_shootout import migrations
from tone_shootout.composition import Services, run_maintenance
from tone_shootout.embedded.servers import Servers
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.scheduling.queue import prepare_queue
from tone_shootout.kit.settings import DatabaseSettings, Settings

MOST_ROWS = 800
"""Rows that a statement may visit in a plan of all its nodes; there are a few dozen that are not history."""
MOST_PAGES = 1_500
"""Pages that a statement may visit, of samples too."""
LISTS = (
    "/api/v1/jobs",
    "/api/v1/jobs?order_by=-finished_at",
    "/api/v1/jobs?status=completed",
    SHOOTOUTS,
    f"{SHOOTOUTS}?q=three",
    f"{SHOOTOUTS}/public",
    LIBRARY,
    f"{LIBRARY}?kind=capture",
    "/api/v1/limits",
    "/api/v1/me",
    "/api/v1/me/tokens",
    "/api/v1/shares",
    "/api/v1/shares/public",
    "/api/v1/webhooks",
    "/api/v1/admin/audit-log",
    "/api/v1/admin/announcements",
    "/metrics",
    "/health/ready",
)
ENDPOINT = {"url": "https://127.0.0.1:9/", "events": ["job.completed"], "description": ""}


@pytest.fixture
async def made(servers: Servers, settings: Settings, tmp_path: Path) -> Settings:
    """An installation of its own, whose tables no other test has to empty."""
    url = servers.create_database(f"history_{secrets.token_hex(4)}")
    made = replace(settings, data=tmp_path, database=DatabaseSettings(url=url))
    await anyio.to_thread.run_sync(migrations.upgrade, url)
    await prepare_queue(made)
    return made


async def _use_everything(services: Services, url: str) -> None:
    """Do what users, workers, the sweep and maintenance do."""
    async for person in somebody(services.session_maker, url, "administrator", "administrator"):
        await _use(services, person)


async def _use(services: Services, person: Person) -> None:
    client = person.client
    items = {}
    for kind, content in (("di_track", di()), ("capture", capture()), ("cab_ir", ir())):
        items[kind] = await add(client, kind, content)
    endpoint = (await client.post("/api/v1/webhooks", json=ENDPOINT)).raise_for_status().json()
    config = typical_config(items)
    jobs = []
    for _ in range(4):
        answer = await client.post(SHOOTOUTS, json={"config": config, "submit": True})
        jobs.append(answer.raise_for_status().json()["job"]["links"])
    (await client.post(jobs[0]["cancel"])).raise_for_status()

    async def alive(_job: Job) -> None:
        """Nothing waits for this worker's heartbeats."""

    await services.queue.connect()
    await services.dispatcher.sweep()
    async with services.availability.watched(services.dispatcher.requeue):
        await services.availability.wait()
        with empty_rendering(0.6):  # longer than the time between two heartbeats
            await services.runner.run_until_idle(alive)
    assert (await client.get(jobs[1]["self"])).json()["status"] == "completed"
    await services.dispatcher.sweep()
    async with services.deliverer.delivering():
        await _succeeds(client, f"/api/v1/webhooks/{endpoint['webhook']['id']}/deliveries")
    of_job = [jobs[1][name] for name in ("self", "events", "artifacts")]
    for path in (*LISTS, *of_job, "/saq/api/queues", "/saq/api/queues/shootout", "/explore", "/"):
        await _succeeds(client, path)
    (await client.post(f"{jobs[1]['self']}/share", json={"visibility": "public", "title": "x"})).raise_for_status()
    await _succeeds(client, "/api/v1/shares/public")
    deleted = await run_maintenance(services)
    assert None not in deleted.values()
    (await client.delete(jobs[2]["self"])).raise_for_status()


async def _succeeds(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, follow_redirects=True)
    assert answer.is_success, (path, answer.text)


async def _measured(settings: Settings) -> dict[str, Visits]:
    with recording() as statements:
        # In a thread, because the service that is stopped closes its connections.
        service = serving(settings)
        url = await anyio.to_thread.run_sync(service.__enter__)
        try:
            async with Services(settings) as services:
                await _use_everything(services, url)
        finally:
            await anyio.to_thread.run_sync(service.__exit__, None, None, None)
    async with Services(settings) as services:
        found = {text: await visits(services.engine, text, arguments) for text, arguments in statements.items()}
    assert all(text.startswith(("INSERT", "WITH")) for text, visited in found.items() if visited is None)
    return {text: visited for text, visited in found.items() if visited is not None}


def _too_many(found: dict[str, Visits]) -> list[str]:
    return [
        f"{visited.rows} rows, {visited.pages} pages:\n{text}\n{visited.plan}\n"
        for text, visited in found.items()
        if (visited.rows > MOST_ROWS and "TABLESAMPLE" not in text) or visited.pages > MOST_PAGES
    ]


@pytest.mark.parametrize(
    "jobs", [pytest.param(12_000, id="12000"), pytest.param(250_000, id="250000", marks=pytest.mark.thorough)]
)
async def test_no_statement_visits_the_history(made: Settings, jobs: int, clean: None) -> None:
    async with Services(made) as services:
        await write_history(services.engine, jobs)
    found = await _measured(made)
    assert len(found) > 60
    assert not _too_many(found), "\n".join(_too_many(found))
