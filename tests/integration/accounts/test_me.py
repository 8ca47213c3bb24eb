import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.integration.accounts.conftest import IssueToken, Sql, sign_in, whoami
from tests.integration.conftest import Person
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage

TOKENS = "/api/v1/me/tokens"


async def test_users_see_their_own_account(user: Person, administrator: Person) -> None:
    mine, other = (await user.client.get("/api/v1/me")).json(), (await administrator.client.get("/api/v1/me")).json()
    assert (mine["id"], mine["name"], mine["role"], mine["scope"]) == (str(user.id), user.name, "user", "write")
    assert (other["id"], other["role"]) == (str(administrator.id), "administrator")
    assert datetime.fromisoformat(mine["created_at"]).utcoffset() == timedelta(0)


async def test_a_new_token_works_and_is_shown_once(api: httpx.AsyncClient, user: Person) -> None:
    answer = await user.client.post(TOKENS, json={"name": "studio", "scope": "write", "expires_in_days": 90})
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert await whoami(api, {"Authorization": f"Bearer {made['secret']}"}) == 200
    listed = await user.client.get(TOKENS)
    newest = listed.json()["items"][0]
    assert made["secret"] not in listed.text
    assert made["secret"].startswith(newest["prefix"])
    assert (newest["id"], newest["name"], newest["scope"]) == (made["token"]["id"], "studio", "write")
    left = datetime.fromisoformat(newest["expires_at"]) - datetime.now(UTC)
    assert abs(left - timedelta(days=90)) < timedelta(minutes=1)


async def test_a_token_has_read_scope_and_no_expiry_by_default(user: Person) -> None:
    made = (await user.client.post(TOKENS, json={"name": "script"})).json()["token"]
    assert (made["scope"], made["expires_at"], made["last_used_at"]) == ("read", None, None)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "a\n"}, "/name"),
        ({"name": 7}, "/name"),
        ({"name": "x", "scope": "admin"}, "/scope"),
        ({"name": "x", "expires_in_days": 0}, "/expires_in_days"),
        ({"name": "x", "expires_in_days": 3651}, "/expires_in_days"),
        ({"name": "x", "expires_in_days": 1.5}, "/expires_in_days"),
        ({"name": "x", "expires_in_days": "soon"}, "/expires_in_days"),
        ({"name": "x", "user_id": "0195f3e2-7c1a-7bbb-8000-0242ac120002"}, None),
    ],
    ids=str,
)
async def test_an_invalid_token_request_names_the_field(
    user: Person, body: dict[str, Any], pointer: str | None
) -> None:
    answer = await user.client.post(TOKENS, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    if pointer is not None:
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert (await user.client.get(TOKENS)).json()["total"] == 1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"name": "\\ud800"}'])
async def test_a_body_that_is_not_json_is_a_bad_request(user: Person, content: bytes) -> None:
    answer = await user.client.post(TOKENS, content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


async def test_a_read_token_can_not_create_tokens(api: httpx.AsyncClient, read_token: str) -> None:
    for scope in ("read", "write"):
        answer = await api.post(
            TOKENS, headers={"Authorization": f"Bearer {read_token}"}, json={"name": "x", "scope": scope}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "read_only_token")


async def test_tokens_are_listed_newest_first_in_pages(user: Person, other_user: Person) -> None:
    for name in ("one", "two", "three"):
        await user.client.post(TOKENS, json={"name": name})
    page = (await user.client.get(TOKENS, params={"limit": 2, "offset": 1})).json()
    assert ([item["name"] for item in page["items"]], page["total"]) == (["two", "one"], 4)
    assert (await other_user.client.get(TOKENS)).json()["total"] == 1
    for bad in ({"limit": 0}, {"limit": 101}, {"offset": -1}, {"limit": "x"}):
        assert (await user.client.get(TOKENS, params=bad)).status_code == 400


async def test_a_revoked_token_is_invalid_at_once(api: httpx.AsyncClient, user: Person) -> None:
    made = (await user.client.post(TOKENS, json={"name": "lost"})).json()
    headers = {"Authorization": f"Bearer {made['secret']}"}
    session = await sign_in(api, made["secret"])
    assert await whoami(api, headers) == await whoami(api, session.headers) == 200
    path = f"{TOKENS}/{made['token']['id']}"
    assert (await user.client.delete(path)).status_code == 204
    assert await whoami(api, headers) == await whoami(api, session.headers) == 401
    assert (await api.post("/api/v1/auth/session", json={"token": made["secret"]})).status_code == 401
    assert (await user.client.get(TOKENS)).json()["total"] == 1
    assert (await user.client.delete(path)).json()["code"] == "token_not_found"


async def test_a_token_of_another_user_is_not_found(api: httpx.AsyncClient, user: Person, other_user: Person) -> None:
    made = (await user.client.post(TOKENS, json={"name": "mine"})).json()
    theirs = await other_user.client.delete(f"{TOKENS}/{made['token']['id']}")
    nobodys = await other_user.client.delete(f"{TOKENS}/{uuid4()}")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json() | {"request_id": ""} == nobodys.json() | {"request_id": ""}
    assert await whoami(api, {"Authorization": f"Bearer {made['secret']}"}) == 200


async def test_the_last_use_of_a_token_is_stored_at_most_once_a_minute(user: Person, sql: Sql) -> None:
    async def last_use(ago_s: int) -> float:
        """Return the seconds since the stored last use, after a request `ago_s` seconds after the previous one."""
        await sql("UPDATE api_token SET last_used_at = now() - make_interval(secs => :ago)", ago=ago_s)
        await user.client.get("/api/v1/me")
        ((seconds,),) = await sql("SELECT extract(epoch FROM now() - last_used_at)::float FROM api_token")
        return float(seconds)

    await user.client.get("/api/v1/me")
    assert (await sql("SELECT count(*) FROM api_token WHERE last_used_at > now() - interval '10 s'")) == [(1,)]
    assert await last_use(30) >= 30
    assert await last_use(61) < 30


async def test_a_deleted_account_leaves_no_data(
    api: httpx.AsyncClient, user: Person, other_user: Person, settings: Settings, sql: Sql, issue_token: IssueToken
) -> None:
    storage = Storage.from_settings(settings)
    own = [f"users/{user.id}/blobs/{'0' * 64}", f"users/{user.id}/jobs/{uuid4()}/manifest.json"]
    others = f"users/{other_user.id}/blobs/{'0' * 64}"
    for key in (*own, others):
        await storage.put(key, b"content")
    session = await sign_in(api, await issue_token(user))
    answer = await user.client.delete("/api/v1/me")
    assert (answer.status_code, answer.content) == (204, b"")
    assert await whoami(api, session.headers) == 401
    assert (await user.client.get("/api/v1/me")).status_code == 401
    assert (await user.client.delete("/api/v1/me")).status_code == 401
    async with asyncio.timeout(30):  # objects are deleted after the response
        for key in own:
            while await storage.exists(key):
                pass
    assert await storage.exists(others)
    tables = await sql(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name IN ('user_id', 'owner_id')"
        " AND table_name <> 'audit_event'"  # `test_audit_log` tells what is left there
    )
    assert {("api_token", "user_id"), ("user_session", "user_id"), ("library_item", "owner_id")} <= set(tables)
    for table, column in tables:
        assert await sql(f"SELECT count(*) FROM {table} WHERE {column} = :id", id=user.id) == [(0,)]
    assert await sql("SELECT name FROM user_account") == [(other_user.name,)]
    assert (await other_user.client.get("/api/v1/me")).status_code == 200


async def test_a_read_token_can_not_delete_the_account(api: httpx.AsyncClient, user: Person, read_token: str) -> None:
    answer = await api.delete("/api/v1/me", headers={"Authorization": f"Bearer {read_token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "read_only_token")
    assert (await user.client.get("/api/v1/me")).status_code == 200
