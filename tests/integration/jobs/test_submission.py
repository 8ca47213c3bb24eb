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


async def test_a_valid_config_is_planned_and_nothing_is_made(user: Person) -> None:
    chosen = await config(user.client)
    answer = await user.client.post(f"{SHOOTOUTS}/validate", json={"config": chosen, "submit": True})
    found = answer.json()
    assert (answer.status_code, found["valid"], found["errors"]) == (200, True, [])
    assert [segment["chain"] for segment in found["plan"]["segments"]] == ["Low", "High"]
    assert found["plan"]["estimated_s"] > 0
    for place in (SHOOTOUTS, "/api/v1/jobs"):
        assert (await user.client.get(place)).json()["total"] == 0


async def test_all_errors_of_a_config_are_found_at_once(user: Person) -> None:
    chosen = await config(user.client)
    chosen["di_tracks"][0]["asset"] = "01900000-0000-7000-8000-000000000000"
    chosen["chains"][0]["blocks"][0] = {"type": "capture"}
    chosen["chains"][1]["blocks"].pop()
    found = (await user.client.post(f"{SHOOTOUTS}/validate", json={"config": chosen})).json()
    assert (found["valid"], found["plan"]) == (False, None)
    assert {error["pointer"]: error["code"] for error in found["errors"]} == {
        "/config/chains/0/blocks/0": "one_source",
        "/config/di_tracks/0/asset": "missing_asset",
        "/config/chains/1/blocks": "ir_required",
    }
    refused = await user.client.post(SHOOTOUTS, json={"config": chosen})
    assert refused.status_code == 422
    assert refused.json()["errors"] == found["errors"]


async def test_a_duplicate_is_a_private_shootout_with_the_same_config(user: Person) -> None:
    made = (await _make(user.client, visibility="public")).json()
    answer = await user.client.post(f"{made['links']['self']}/duplicate")
    copy = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, copy["links"]["self"])
    assert copy["id"] != made["id"]
    assert (copy["title"], copy["visibility"], copy["job"]) == ("Two crunches (copy)", "private", None)
    assert copy["config"] == {**made["config"], "title": copy["title"]}
    named = await user.client.post(f"{made['links']['self']}/duplicate", json={"title": "Louder", "submit": True})
    assert (named.json()["title"], named.json()["job"]["title"]) == ("Louder", "Louder")


async def test_a_duplicate_of_the_longest_title_is_not_too_long(user: Person) -> None:
    made = await make_shootout(user.client, title="x" * 120)
    copy = (await user.client.post(f"{SHOOTOUTS}/{made}/duplicate")).json()
    assert copy["title"] == f"{'x' * 113} (copy)"


async def test_a_duplication_that_is_sent_again_is_one(user: Person) -> None:
    address = f"{SHOOTOUTS}/{await make_shootout(user.client)}/duplicate"
    first, again = [await user.client.post(address, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert first.json() == again.json()


async def test_nobody_duplicates_the_shootout_of_another(user: Person, other_user: Person) -> None:
    made = await make_shootout(user.client)
    refused = await other_user.client.post(f"{SHOOTOUTS}/{made}/duplicate")
    assert (refused.status_code, refused.json()["code"]) == (404, "shootout_not_found")


async def test_a_job_has_the_metadata_of_its_shootout_at_submission(user: Person) -> None:
    made = (await _make(user.client, metadata={"session": "one"}, submit=True)).json()
    assert made["metadata"] == made["job"]["metadata"] == {"session": "one"}
    changed = await user.client.patch(made["links"]["self"], json={"metadata": {"session": "two", "take": ""}})
    assert changed.json()["metadata"] == {"session": "two", "take": ""}
    assert (await user.client.get(made["job"]["links"]["self"])).json()["metadata"] == {"session": "one"}
    copy = (await user.client.post(f"{made['links']['self']}/duplicate", json={"submit": True})).json()
    assert copy["metadata"] == copy["job"]["metadata"] == changed.json()["metadata"]


async def test_metadata_has_bounds(user: Person) -> None:
    chosen = await config(user.client)
    fits = {f"{number:040}": "x" * 500 for number in range(20)}
    assert (await user.client.post(SHOOTOUTS, json={"config": chosen, "metadata": fits})).json()["metadata"] == fits
    for wrong in (
        {**fits, "more": ""},
        {"x" * 41: ""},
        {"": ""},
        {"x": "y" * 501},
        {"x": 1},
        {"x": "\0"},
        {"a\nb": ""},
    ):
        refused = await user.client.post(SHOOTOUTS, json={"config": chosen, "metadata": wrong})
        assert refused.status_code in (400, 422), wrong
