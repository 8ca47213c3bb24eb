"""The dashboard shows administrators the jobs themselves, and its buttons obey the jobs' laws."""

import asyncio
import re
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest
from redis.asyncio import Redis
from saq import Job as SaqJob
from saq import Status
from sqlalchemy import func, update

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.live import working
from tests.support.sessions import Sessions
from tone_shootout.composition import SCHEDULES
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.scheduling.task_log import TaskLog
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.settings import Settings


@pytest.fixture
def board(settings: Settings) -> str:
    """Where the pages read the queue."""
    return f"/saq/api/queues/{settings.queue.name}"


async def _shown(person: Person, board: str, job_id: str) -> dict[str, Any]:
    answer = await person.client.get(f"{board}/jobs/{job_id}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()["job"]
    return found


async def _become(sessions: Sessions, job_id: str, *statuses: JobStatus, **values: Any) -> None:
    """Bring a job to a status as a worker does."""
    async with sessions() as session:
        for status in statuses:
            assert await JobRepository(session).transition(
                UUID(job_id), status, heartbeat_at=func.now() + timedelta(hours=1), **values
            )
        await session.commit()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/saq"),
        ("GET", "/saq/"),
        ("GET", "/saq/api/queues"),
        ("GET", "/saq/api/queues/shootout"),
        ("GET", f"/saq/api/queues/shootout/jobs/{UUID(int=1)}"),
        ("POST", f"/saq/api/queues/shootout/jobs/{UUID(int=1)}/retry"),
        ("POST", f"/saq/api/queues/shootout/jobs/{UUID(int=1)}/abort"),
    ],
)
async def test_it_is_for_administrators(
    api: httpx.AsyncClient, user: Person, administrator: Person, method: str, path: str
) -> None:
    assert (await api.request(method, path)).status_code == 401
    refused = await user.client.request(method, path)
    assert (refused.status_code, refused.json()["code"]) == (403, "administrator_only")
    allowed = await administrator.client.request(method, path)
    assert allowed.status_code == (302 if path == "/saq" else 404 if "jobs" in path else 200)


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "next_path"),
    [
        ("/saq", "/saq"),
        ("/saq/", "/saq/"),
        (f"/saq/queues/shootout/jobs/{UUID(int=1)}?a=b", f"/saq/queues/shootout/jobs/{UUID(int=1)}?a=b"),
        ("/saq/queues/%C3%A9", "/saq/queues/%C3%A9"),
    ],
)
async def test_a_browser_without_a_session_or_of_a_user_is_led_to_the_sign_in_page(
    api: httpx.AsyncClient, user: Person, path: str, next_path: str
) -> None:
    for client in (api, user.client):
        led = await client.get(path, headers=BROWSER)
        assert (led.status_code, led.headers["vary"], led.headers["cache-control"]) == (303, "Accept", "no-store")
        assert led.headers["location"] == f"/sign-in?{urlencode({'next': next_path})}"
    stale = await api.get(path, headers={**BROWSER, "Cookie": "shootout_access=stale"})
    assert stale.status_code == 303
    program = await api.get(path)
    assert (program.status_code, program.headers["content-type"]) == (401, "application/problem+json")
    data = await api.get("/saq/api/queues", headers=BROWSER)
    assert data.status_code == 401


async def test_the_page_and_all_that_it_loads_are_there(administrator: Person) -> None:
    answer = await administrator.client.get("/saq", follow_redirects=True)
    assert answer.url.path == "/saq/"  # the only one of the two that its script knows
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = answer.text
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page)
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page)
    assert len(loaded) == 5
    for address in loaded:
        assert address.startswith(("/saq/static/", "/saq/assets/"))
        assert (await administrator.client.get(address)).status_code == 200


async def test_it_shows_every_user_s_jobs_what_waits_first(
    user: Person, other_user: Person, administrator: Person, session_maker: Sessions, board: str
) -> None:
    done, waits = await submit(user.client, title="Done"), await submit(other_user.client, title="Waits")
    await user.client.post(done["links"]["cancel"])
    later = await submit(user.client, title="Later")
    async with session_maker() as session:
        later_id = UUID(later["id"])
        await session.execute(
            update(Job).where(Job.id == later_id).values(not_before=func.now() + func.make_interval(0, 0, 0, 1))
        )
        await session.commit()
    queue, _schedules = (await administrator.client.get("/saq/api/queues")).json()["queues"]
    assert (queue["active"], queue["queued"], queue["scheduled"]) == (0, 1, 1)
    shown = (await administrator.client.get(board)).json()["queue"]["jobs"]
    assert [job["key"] for job in shown] == [later["id"], waits["id"], done["id"]]
    assert [(job["function"], job["owner"]) for job in shown] == [
        ("Later", "ada"),
        ("Waits", "bob"),
        ("Done", "ada"),
    ]
    assert shown[-1]["completed"] >= shown[-1]["queued"] > 1e12


async def test_it_shows_how_far_a_job_is_and_why_one_failed(
    user: Person, administrator: Person, session_maker: Sessions, board: str
) -> None:
    job_id = (await submit(user.client))["id"]
    async with session_maker() as session:
        await session.execute(update(Job).values(progress_done=1, progress_total=4))
        await session.commit()
    assert (await _shown(administrator, board, job_id))["progress"] == 0.25
    async with session_maker() as session:
        await session.execute(update(Job).values(status=JobStatus.QUEUED.value))
        await session.commit()
    await _become(session_maker, job_id, JobStatus.RUNNING)
    await _become(session_maker, job_id, JobStatus.FAILED, error_code="silent", error_detail="Nothing to hear.")
    shown = await _shown(administrator, board, job_id)
    assert (shown["status"], shown["error"]) == ("failed", "silent: Nothing to hear.")


async def test_abort_cancels_and_retry_begins_again_and_the_owner_sees_both(
    user: Person, administrator: Person, board: str
) -> None:
    job = await submit(user.client)
    buttons = f"{board}/jobs/{job['id']}"
    shown = await _shown(administrator, board, job["id"])
    assert (shown["can_retry"], shown["can_abort"]) == (False, True)
    for status in ("cancelled", "cancelled"):  # asking twice changes nothing
        assert (await administrator.client.post(f"{buttons}/abort")).status_code == 202
        assert (await user.client.get(job["links"]["self"])).json()["status"] == status
    shown = await _shown(administrator, board, job["id"])
    assert (shown["can_retry"], shown["can_abort"]) == (True, False)
    assert (await administrator.client.post(f"{buttons}/retry")).status_code == 202
    assert (await user.client.get(job["links"]["self"])).json()["status"] == "queued"
    refused = await administrator.client.post(f"{buttons}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_retry")


async def test_a_finished_job_is_not_unfinished_by_a_button(
    user: Person, administrator: Person, session_maker: Sessions, board: str
) -> None:
    job_id = (await submit(user.client))["id"]
    async with session_maker() as session:
        await session.execute(update(Job).values(status=JobStatus.QUEUED.value))
        await session.commit()
    await _become(session_maker, job_id, JobStatus.RUNNING, JobStatus.COMPLETED)
    shown = await _shown(administrator, board, job_id)
    assert (shown["can_retry"], shown["can_abort"]) == (False, False)
    for button, code in (("abort", "job_finished"), ("retry", "nothing_to_retry")):
        refused = await administrator.client.post(f"{board}/jobs/{job_id}/{button}")
        assert (refused.status_code, refused.json()["code"]) == (409, code)


@pytest.mark.parametrize("key", ["not-an-id", f"{UUID(int=7)}:1", str(UUID(int=7))])
async def test_what_is_no_job_is_not_found(administrator: Person, board: str, key: str) -> None:
    for method, path in (("GET", ""), ("POST", "/abort"), ("POST", "/retry")):
        assert (await administrator.client.request(method, f"{board}/jobs/{key}{path}")).status_code == 404


async def test_the_buttons_work_with_a_cookie_on_our_own_pages_and_on_no_others(
    base_url: str, user: Person, administrator: Person, board: str
) -> None:
    job = await submit(user.client)
    abort = f"{board}/jobs/{job['id']}/abort"
    async with httpx.AsyncClient(base_url=base_url, timeout=60) as browser:
        assert (await browser.post("/api/v1/auth/session", json={"token": administrator.token})).status_code == 201
        for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
            assert (await browser.post(abort, headers=headers)).status_code == 403
        assert (await user.client.get(job["links"]["self"])).json()["status"] != "cancelled"
        assert (await browser.post(abort, headers={"Origin": base_url})).status_code == 202
    assert (await user.client.get(job["links"]["self"])).json()["status"] == "cancelled"


@pytest.mark.slow
async def test_it_knows_the_workers(administrator: Person, settings: Settings, board: str) -> None:
    with working(settings):
        workers: dict[str, Any] = {}
        async with asyncio.timeout(60):
            while not workers:
                workers = (await administrator.client.get(board)).json()["queue"]["workers"]
                await asyncio.sleep(0.1)
        schedules: dict[str, Any] = {"scheduled": 0}
        async with asyncio.timeout(60):
            while schedules["scheduled"] < len(SCHEDULES):
                schedules = (await administrator.client.get("/saq/api/queues/scheduled-tasks")).json()["queue"]
                await asyncio.sleep(0.1)
    (worker,) = workers.values()
    assert set(worker["stats"]) >= {"complete", "failed", "retried", "uptime"}
    assert all(0 < task["queued"] / 1000 - time.time() <= 3600 for task in schedules["jobs"])


async def test_it_shows_the_scheduled_tasks_with_schedule_and_last_run(
    clean: None, administrator: Person, redis: Redis
) -> None:
    entry = SaqJob("thin_events", key="cron:thin_events", status=Status.COMPLETE, started=1_000, completed=2_000)
    await TaskLog(redis).record({"job": entry})  # type: ignore[typeddict-item]  # SAQ passes its worker, too
    shown = (await administrator.client.get("/saq/api/queues/scheduled-tasks")).json()["queue"]
    tasks = {task["key"]: task for task in shown["jobs"]}
    assert list(tasks) == [schedule.function.__qualname__ for schedule in SCHEDULES]
    assert (tasks["thin_events"]["owner"], tasks["thin_events"]["queued"]) == ("35 * * * *", None)
    assert (tasks["thin_events"]["started"], tasks["thin_events"]["completed"]) == (1_000, 2_000)
    assert tasks["thin_events"]["status"] == "last run: complete"
    assert tasks["delete_ended_tokens"]["status"] == "no run yet"
    for method, path in (("GET", ""), ("POST", "/abort"), ("POST", "/retry")):
        answer = await administrator.client.request(method, f"/saq/api/queues/scheduled-tasks/jobs/thin_events{path}")
        assert answer.status_code == 404
