"""Administrators list the jobs of all users, and retry or cancel many at once."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from uuid_utils.compat import uuid7

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.factories import JobFactory, ShootoutFactory
from tests.support.sessions import Sessions
from tone_shootout.jobs.status import JobStatus

JOBS = "/api/v1/admin/jobs"
TWO = datetime(2026, 11, 29, 14, 0, tzinfo=UTC)

AddJobs = Callable[..., Awaitable[list[str]]]


@pytest.fixture
def add_jobs(session_maker: Sessions) -> AddJobs:
    """Adds finished jobs of a user, one for each code, which ended a minute after the other from 13:59 on."""

    async def add(person: Person, *codes: str, status: JobStatus = JobStatus.FAILED) -> list[str]:
        async with session_maker.begin() as session:
            shootout = ShootoutFactory.build(owner_id=person.id)
            session.add(shootout)
            await session.flush()
            jobs = [
                JobFactory.build(
                    id=uuid7(),
                    owner_id=person.id,
                    shootout_id=shootout.id,
                    status=status,
                    error_code=code,
                    error_detail="It failed.",
                    finished_at=TWO + timedelta(minutes=number - 1),
                    phase=None,
                )
                for number, code in enumerate(codes)
            ]
            for job in jobs:
                session.add(job)
                await session.flush()
        return [str(job.id) for job in jobs]

    return add


async def _list(administrator: Person, **query: Any) -> list[dict[str, Any]]:
    answer = await administrator.client.get(JOBS, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    assert answer.json()["total"] == len(found)
    return found


async def _change(administrator: Person, action: str, chosen: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await administrator.client.post(f"{JOBS}/{action}", json={"filter": chosen, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", JOBS),
        ("GET", f"{JOBS}/{UUID(int=1)}"),
        ("POST", f"{JOBS}/{UUID(int=1)}/retry"),
        ("POST", f"{JOBS}/{UUID(int=1)}/cancel"),
        ("POST", f"{JOBS}/retry"),
        ("POST", f"{JOBS}/cancel"),
    ],
)
async def test_they_are_for_administrators(
    api: httpx.AsyncClient, user: Person, administrator: Person, method: str, path: str
) -> None:
    body = {"filter": {"status": "failed"}} if method == "POST" and str(UUID(int=1)) not in path else None
    assert (await api.request(method, path, json=body)).status_code == 401
    refused = await user.client.request(method, path, json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "administrator_only")
    allowed = await administrator.client.request(method, path, json=body)
    assert allowed.status_code == (404 if str(UUID(int=1)) in path else 200)


async def test_the_list_has_jobs_of_all_users_and_is_filtered(
    user: Person, other_user: Person, administrator: Person, add_jobs: AddJobs
) -> None:
    waiting = await submit(other_user.client, title="Waits")
    before, after = await add_jobs(user, "storage_unavailable", "storage_unavailable")
    (silent,) = await add_jobs(user, "silent")
    assert {job["id"] for job in await _list(administrator)} == {waiting["id"], before, after, silent}
    (shown,) = await _list(administrator, owner_id=str(other_user.id))
    assert (shown["id"], shown["owner_name"], shown["title"]) == (waiting["id"], "bob", "Waits")
    assert (shown["links"]["retry"], shown["links"]["cancel"]) == (None, f"{JOBS}/{waiting['id']}/cancel")
    assert {job["id"] for job in await _list(administrator, error_code="storage_unavailable")} == {before, after}
    assert {
        job["id"] for job in await _list(administrator, status="failed", finished_since="2026-11-29T14:00:00Z")
    } == {after}
    assert {job["id"] for job in await _list(administrator, finished_until="2026-11-29T14:00:00Z")} == {before, silent}
    assert await _list(administrator, created_until="2026-01-01T00:00:00Z") == []
    assert {job["id"] for job in await _list(administrator, created_since="2026-01-01T00:00:00Z")} >= {before}


async def test_all_that_failed_with_a_code_since_a_time_are_retried(
    user: Person, other_user: Person, administrator: Person, add_jobs: AddJobs
) -> None:
    before, after = await add_jobs(user, "storage_unavailable", "storage_unavailable")
    (silent,) = await add_jobs(other_user, "silent")
    chosen = {"error_code": "storage_unavailable", "finished_since": "2026-11-29T14:00:00Z"}
    dry = await _change(administrator, "retry", chosen, dry_run=True)
    assert (dry["matched"], dry["done"], dry["remaining"]) == (1, [], 1)
    assert (await user.client.get(f"/api/v1/jobs/{after}")).json()["status"] == "failed"
    done = await _change(administrator, "retry", chosen)
    assert (done["matched"], done["done"], done["left"], done["remaining"]) == (1, [after], [], 0)
    assert (await user.client.get(f"/api/v1/jobs/{after}")).json()["status"] in ("pending", "queued")
    for person, job_id in ((user, before), (other_user, silent)):
        assert (await person.client.get(f"/api/v1/jobs/{job_id}")).json()["status"] == "failed"
    (event,) = (await administrator.client.get("/api/v1/admin/audit-log", params={"action": "job_retried"})).json()[
        "items"
    ]
    assert (event["actor_name"], event["user_name"], event["object_id"]) == ("root", "ada", after)
    again = await _change(administrator, "retry", chosen)
    assert (again["matched"], again["done"]) == (0, [])


async def test_jobs_that_can_not_be_retried_are_left_with_the_reason_and_the_next_call_goes_on(
    user: Person, other_user: Person, administrator: Person, add_jobs: AddJobs
) -> None:
    jobs = await add_jobs(user, *["silent"] * 3)
    await add_jobs(other_user, "silent")
    path = f"/api/v1/admin/users/{user.id}"
    await administrator.client.patch(path, json={"quota": {"queued_jobs": 1}})
    first = await _change(administrator, "retry", {"error_code": "silent"}, limit=2)
    assert (first["matched"], first["done"], first["remaining"]) == (4, [jobs[0]], 2)
    assert [(left["job_id"], left["code"]) for left in first["left"]] == [(jobs[1], "too_many_jobs")]
    rest = await _change(administrator, "retry", {"error_code": "silent"}, after=first["next_after"])
    assert (len(rest["done"]), [left["job_id"] for left in rest["left"]], rest["next_after"]) == (1, [jobs[2]], None)


async def test_cancelled_jobs_are_retried_only_if_the_filter_says_so(
    user: Person, administrator: Person, add_jobs: AddJobs
) -> None:
    (job,) = await add_jobs(user, "silent", status=JobStatus.CANCELLED)
    owner = {"owner_id": str(user.id)}
    assert (await _change(administrator, "retry", owner))["matched"] == 0
    assert (await _change(administrator, "retry", {**owner, "status": "completed"}))["matched"] == 0
    assert (await _change(administrator, "retry", {**owner, "status": "cancelled"}))["done"] == [job]


async def test_waiting_jobs_are_cancelled(user: Person, administrator: Person, add_jobs: AddJobs) -> None:
    await add_jobs(user, "silent")
    jobs = [(await submit(user.client))["id"] for _ in range(2)]
    done = await _change(administrator, "cancel", {"owner_id": str(user.id)})
    assert (sorted(done["done"]), done["left"]) == (sorted(jobs), [])
    assert (await user.client.get(f"/api/v1/jobs/{jobs[0]}")).json()["status"] == "cancelled"


async def test_one_job_is_cancelled_and_retried_by_the_rules_of_its_owner(user: Person, administrator: Person) -> None:
    job = f"{JOBS}/{(await submit(user.client))['id']}"
    cancelled = await administrator.client.post(f"{job}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    retried = await administrator.client.post(f"{job}/retry")
    assert retried.status_code == 202
    assert retried.json()["status"] in ("pending", "queued")
    refused = await administrator.client.post(f"{job}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_retry")


async def test_a_change_of_many_jobs_needs_a_criterion(administrator: Person) -> None:
    for action in ("retry", "cancel"):
        answer = await administrator.client.post(f"{JOBS}/{action}", json={"filter": {}})
        assert (answer.status_code, answer.json()["code"]) == (422, "empty_filter")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"filter": {"finished_since": "2026-11-29T14:00:00"}}, "/filter/finished_since"),
        ({"filter": {"finished_since": "0001-01-01T00:00:00Z"}}, "/filter/finished_since"),
        ({"filter": {"error_code": "DROP"}}, "/filter/error_code"),
        ({"filter": {"status": "failed"}, "limit": 501}, "/limit"),
        ({"filter": {"since": "2026-11-29T14:00:00Z"}}, "/filter/since"),
    ],
)
async def test_a_malformed_filter_is_refused(administrator: Person, body: dict[str, Any], pointer: str) -> None:
    answer = await administrator.client.post(f"{JOBS}/retry", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
