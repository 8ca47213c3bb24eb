"""A shootout and its job are made in one request."""

from typing import Any
from uuid import UUID

import httpx

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import make_shootout
from tests.support.factories import JobFactory
from tests.support.sessions import Sessions
from tests.support.uploads import SHOOTOUTS, config
from tone_shootout.kit.settings import Settings


async def _make(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await client.post(SHOOTOUTS, json={"config": await config(client), **fields})


async def _fill(user: Person, session_maker: Sessions, settings: Settings) -> str:
    """Use up the user's limit of unfinished jobs; return the id of their shootout."""
    shootout_id = await make_shootout(user.client)
    async with session_maker.begin() as session:
        session.add_all(
            JobFactory.build(owner_id=user.id, shootout_id=UUID(shootout_id))
            for _ in range(settings.limits.queued_jobs)
        )
    return shootout_id


async def test_the_answer_has_the_whole_job(user: Person) -> None:
    made = await _make(user.client, submit=True)
    assert made.status_code == 201
    body = made.json()
    assert made.headers["location"] == body["links"]["self"]
    job = (await user.client.get(f"/api/v1/jobs/{body['job']['id']}")).json()
    assert job["shootout_id"] == body["id"]
    assert body["job"]["status"] == "pending"
    for name in ("id", "title", "attempt", "created_at", "links"):
        assert body["job"][name] == job[name]


async def test_without_submit_there_is_no_job(user: Person) -> None:
    made = await _make(user.client)
    assert made.json()["job"] is None
    assert (await user.client.get("/api/v1/jobs")).json()["total"] == 0


async def test_a_job_that_is_refused_leaves_no_shootout(
    user: Person, session_maker: Sessions, settings: Settings
) -> None:
    await _fill(user, session_maker, settings)
    refused = await _make(user.client, submit=True)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_jobs")
    assert (await user.client.get(SHOOTOUTS)).json()["total"] == 1


async def test_without_an_account_nothing_is_made(api: httpx.AsyncClient) -> None:
    refused = await api.post(SHOOTOUTS, json={"config": {}, "submit": True})
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
