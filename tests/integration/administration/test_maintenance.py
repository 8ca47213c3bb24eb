"""Maintenance mode refuses what makes work, and nothing else."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.live import working
from tests.support.uploads import config, di
from tone_shootout.kit.settings import Settings

MAINTENANCE = "/api/v1/admin/maintenance"
MESSAGE = "We move to larger disks."
PAGE = {"Accept": "text/html"}


async def _until(client: httpx.AsyncClient, path: str, met: Callable[[httpx.Response], bool]) -> httpx.Response:
    """Request a path until the process knows of a change, which takes a second or two."""
    async with asyncio.timeout(60):
        while not met(answer := await client.get(path, headers=PAGE)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    return answer


async def _start(administrator: Person, **body: Any) -> None:
    answer = await administrator.client.put(MAINTENANCE, json={"message": MESSAGE, **body})
    assert (answer.status_code, answer.json()["active"]) == (200, True)
    await _until(administrator.client, "/library", lambda page: MESSAGE in page.text)


async def _end(administrator: Person) -> None:
    assert (await administrator.client.delete(MAINTENANCE)).status_code == 204
    await _until(administrator.client, "/library", lambda page: MESSAGE not in page.text)


async def test_it_is_for_administrators(api: httpx.AsyncClient, user: Person, administrator: Person) -> None:
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        assert (await api.request(method, MAINTENANCE, json=body)).status_code == 401
        refused = await user.client.request(method, MAINTENANCE, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "administrator_only")
    assert (await administrator.client.get(MAINTENANCE)).json()["active"] is False


async def test_work_is_refused_and_reading_is_not(api: httpx.AsyncClient, user: Person, administrator: Person) -> None:
    body = {"config": await config(user.client)}
    job = await submit(user.client)
    await _start(administrator, retry_after_s=900)
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("/api/v1/shootouts", {"json": body}),
        (f"{job['links']['shootout']}/jobs", {}),
        (f"{job['links']['shootout']}/duplicate", {}),
        (f"{job['links']['self']}/retry", {}),
        ("/api/v1/library", {"data": {"kind": "di_track"}, "files": {"file": ("a.wav", di(0.5, seed=5))}}),
        ("/api/v1/library/batch", {"files": {"di_track": ("a.wav", di(0.5, seed=6))}}),
        ("/api/v1/library/demo", {}),
        ("/api/v1/tones/1/models/2/import", {}),
    ]
    for path, content in attempts:
        refused = await user.client.post(path, **content)
        assert (path, refused.status_code, refused.json()["code"]) == (path, 503, "maintenance")
        assert (refused.headers["retry-after"], MESSAGE in refused.json()["detail"]) == ("900", True)
    assert (await api.post("/api/v1/shootouts", json=body)).status_code == 401
    for path in ("/api/v1/jobs", "/api/v1/library", "/api/v1/shootouts", "/health/ready", job["links"]["self"]):
        assert (await user.client.get(path)).status_code == 200
    assert (await user.client.post("/api/v1/shootouts/validate", json=body)).status_code == 200
    assert (await user.client.post(job["links"]["cancel"])).status_code == 202
    shown = (await administrator.client.get(MAINTENANCE)).json()
    assert (shown["message"], shown["retry_after_s"], shown["started_by"]) == (MESSAGE, 900, "root")
    await _end(administrator)
    assert (await user.client.post("/api/v1/shootouts", json=body)).status_code == 201
    log = (await administrator.client.get("/api/v1/admin/audit-log")).json()["items"]
    assert [event["action"] for event in log[:2]] == ["maintenance_ended", "maintenance_started"]


async def test_changing_and_ending_it_can_be_repeated(administrator: Person) -> None:
    await _start(administrator)
    first = (await administrator.client.get(MAINTENANCE)).json()
    changed = (await administrator.client.put(MAINTENANCE, json={"message": "Longer.", "retry_after_s": 5})).json()
    assert (changed["message"], changed["started_at"]) == ("Longer.", first["started_at"])
    await _end(administrator)
    await _end(administrator)
    for body in ({"retry_after_s": 0}, {"message": "x" * 501}, {"message": "\x00"}):
        assert (await administrator.client.put(MAINTENANCE, json=body)).status_code == 400


async def test_a_message_is_shown_as_text(administrator: Person) -> None:
    await administrator.client.put(MAINTENANCE, json={"message": "<b>bold</b>"})
    page = await _until(administrator.client, "/", lambda page: "bold" in page.text)
    assert "&lt;b&gt;bold&lt;/b&gt;" in page.text
    assert "<b>bold" not in page.text
    await administrator.client.delete(MAINTENANCE)
    await _until(administrator.client, "/", lambda page: "bold" not in page.text)


async def test_paused_workers_take_nothing_new_until_it_ends(
    user: Person, administrator: Person, settings: Settings
) -> None:
    job = await submit(user.client)
    path = job["links"]["self"]
    await _start(administrator, pause_workers=True)
    with working(settings):
        await _until(administrator.client, "/saq/api/queues", lambda answer: bool(_workers(answer)))
        for _ in range(20):  # it would take the job at once
            assert (await user.client.get(path)).json()["attempt"] == 0
            await asyncio.sleep(0.1)
        await _end(administrator)
        await _until(user.client, path, lambda answer: answer.json()["attempt"] > 0)
        await user.client.post(job["links"]["cancel"])


def _workers(answer: httpx.Response) -> Any:
    return answer.json()["queues"][0]["workers"]
