"""Administrators see users with their usage, and set role, limits and whether a user is disabled."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.uploads import add, di

USERS = "/api/v1/admin/users"


def _path(person: Person) -> str:
    return f"{USERS}/{person.id}"


@pytest.mark.parametrize(("method", "path"), [("GET", USERS), ("GET", ""), ("PATCH", "")])
async def test_they_are_for_administrators(
    api: httpx.AsyncClient, user: Person, administrator: Person, method: str, path: str
) -> None:
    address, body = path or _path(user), {} if method == "PATCH" else None
    assert (await api.request(method, address, json=body)).status_code == 401
    refused = await user.client.request(method, address, json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "administrator_only")
    assert (await administrator.client.request(method, address, json=body)).status_code == 200
    if not path:
        missing = await administrator.client.request(method, f"{USERS}/{UUID(int=1)}", json={"active": True})
        assert (missing.status_code, missing.json()["code"]) == (404, "user_not_found")


async def test_users_are_listed_with_usage(user: Person, other_user: Person, administrator: Person) -> None:
    await add(user.client, "di_track", di(0.5, seed=1))
    job = await submit(user.client)
    await user.client.post(job["links"]["cancel"])
    page = (await administrator.client.get(USERS)).json()
    assert [item["name"] for item in page["items"]] == ["ada", "bob", "root"]
    ada, bob, root = page["items"]
    assert ada["jobs"] == {"cancelled": 1}
    usage = (await user.client.get("/api/v1/library/usage")).json()
    assert (ada["library_bytes"], ada["library_items"]) == (usage["library_bytes"], usage["used_items"])
    assert ada["last_seen_at"] is not None
    assert (bob["jobs"], bob["library_bytes"], bob["last_seen_at"]) == ({}, 0, None)
    assert ada["quota"] == {"storage_bytes": None, "library_items": None, "queued_jobs": None}
    assert (root["role"], root["active"]) == ("administrator", True)
    found = (await administrator.client.get(USERS, params={"q": "AD"})).json()
    assert [item["name"] for item in found["items"]] == ["ada"]
    found = (await administrator.client.get(USERS, params={"role": "administrator", "active": "true"})).json()
    assert (found["total"], found["items"][0]["name"]) == (1, "root")
    assert (await administrator.client.get(ada["links"]["jobs"])).json()["items"][0]["id"] == job["id"]


async def test_a_quota_replaces_the_limit_of_the_settings_until_it_is_null(user: Person, administrator: Person) -> None:
    path = _path(user)
    limits = (await user.client.get("/api/v1/limits")).json()
    changed = await administrator.client.patch(path, json={"quota": {"queued_jobs": 1, "storage_bytes": 10}})
    assert changed.json()["quota"] == {"storage_bytes": 10, "library_items": None, "queued_jobs": 1}
    now = (await user.client.get("/api/v1/limits")).json()
    assert (now["jobs"]["max_unfinished"], now["storage"]["max_bytes"]) == (1, 10)
    assert now["storage"]["max_items"] == limits["storage"]["max_items"]
    upload: dict[str, Any] = {"data": {"kind": "di_track"}, "files": {"file": ("riff.wav", di(0.5, seed=2))}}
    refused = await user.client.post("/api/v1/library", **upload)
    assert (refused.status_code, refused.json()["code"]) == (403, "quota_exceeded")
    await administrator.client.patch(path, json={"quota": {"storage_bytes": None}})
    assert (await user.client.post("/api/v1/library", **upload)).status_code == 201
    job = await submit(user.client)
    second = await user.client.post(f"{job['links']['shootout']}/jobs")
    assert (second.status_code, second.json()["code"]) == (429, "too_many_jobs")
    await administrator.client.patch(path, json={"quota": {"queued_jobs": None}})
    assert (await user.client.get("/api/v1/limits")).json()["jobs"] == {**limits["jobs"], "unfinished": 1}
    assert (await user.client.post(f"{job['links']['shootout']}/jobs")).status_code == 202
    log = {"params": {"action": "quota_changed"}}
    events = (await administrator.client.get("/api/v1/admin/audit-log", **log)).json()["items"]
    assert [event["data"]["quota"] for event in events] == [
        {"queued_jobs": None},
        {"storage_bytes": None},
        {"storage_bytes": 10, "queued_jobs": 1},
    ]


async def test_a_quota_of_zero_allows_nothing(user: Person, administrator: Person) -> None:
    await administrator.client.patch(_path(user), json={"quota": {"storage_bytes": 0, "library_items": 0}})
    storage = (await user.client.get("/api/v1/limits")).json()["storage"]
    assert (storage["max_bytes"], storage["free_bytes"], storage["max_items"]) == (0, 0, 0)


async def test_a_disabled_user_is_refused_and_loses_waiting_jobs(user: Person, administrator: Person) -> None:
    job = await submit(user.client)
    assert (await administrator.client.patch(_path(user), json={"active": False})).json()["active"] is False
    assert (await user.client.get("/api/v1/me")).status_code == 401
    await administrator.client.patch(_path(user), json={"active": True})
    while (shown := (await user.client.get(job["links"]["self"])).json())["status"] != "cancelled":
        assert shown["status"] in ("pending", "queued")  # it is cancelled after the response
    assert (await administrator.client.get(_path(user))).json()["active"] is True


async def test_roles_are_given_and_taken(user: Person, administrator: Person) -> None:
    for role, status in (("administrator", 200), ("user", 403)):
        assert (await administrator.client.patch(_path(user), json={"role": role})).json()["role"] == role
        assert (await user.client.get(USERS)).status_code == status
    events = (await administrator.client.get("/api/v1/admin/audit-log", params={"action": "role_changed"})).json()[
        "items"
    ]
    assert [event["data"]["role"] for event in events] == ["user", "administrator"]


async def test_administrators_can_not_lock_themselves_out(administrator: Person) -> None:
    for change in ({"role": "user"}, {"active": False}):
        refused = await administrator.client.patch(_path(administrator), json=change)
        assert (refused.status_code, refused.json()["code"]) == (409, "own_account")
    same = {"role": "administrator", "active": True, "quota": {"queued_jobs": 3}}
    assert (await administrator.client.patch(_path(administrator), json=same)).status_code == 200


@pytest.mark.parametrize(
    "change", [{"quota": {"storage_bytes": -1}}, {"role": "god"}, {"name": "eve"}, {"active": None}]
)
async def test_a_malformed_change_is_refused(user: Person, administrator: Person, change: dict[str, Any]) -> None:
    assert (await administrator.client.patch(_path(user), json=change)).status_code == 400
