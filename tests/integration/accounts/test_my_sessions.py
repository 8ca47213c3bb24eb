"""List and end one's own sessions."""

from uuid import uuid4

import httpx

from tests.integration.accounts.conftest import sign_in, whoami
from tests.integration.conftest import Person

SESSIONS = "/api/v1/me/sessions"


async def test_users_list_their_sessions_with_the_current_one_marked(
    api: httpx.AsyncClient, user: Person, other_user: Person
) -> None:
    first, second = await sign_in(api, user.token), await sign_in(api, user.token)
    await sign_in(api, other_user.token)
    page = (await api.get(SESSIONS, headers=first.headers)).json()
    assert page["total"] == 2
    assert [item["current"] for item in page["items"]] == [False, True]
    assert {item["user_agent"] for item in page["items"]} == {api.headers["user-agent"]}
    by_token = (await user.client.get(SESSIONS, params={"limit": 1})).json()
    assert [item["current"] for item in by_token["items"]] == [False]
    assert by_token["items"][0]["id"] == page["items"][0]["id"]
    for secret in (first.refresh, second.access):
        assert secret not in str(page)


async def test_a_session_can_be_ended_from_another(api: httpx.AsyncClient, user: Person) -> None:
    lost, kept = await sign_in(api, user.token), await sign_in(api, user.token)
    items = (await api.get(SESSIONS, headers=kept.headers)).json()["items"]
    (other,) = [item["id"] for item in items if not item["current"]]
    assert (await api.delete(f"{SESSIONS}/{other}", headers=kept.headers)).status_code == 204
    assert await whoami(api, lost.headers) == 401
    assert await whoami(api, kept.headers) == 200
    again = await api.delete(f"{SESSIONS}/{other}", headers=kept.headers)
    assert (again.status_code, again.json()["code"]) == (404, "session_not_found")
    assert (await api.get(SESSIONS, headers=kept.headers)).json()["total"] == 1


async def test_a_session_of_another_user_is_not_found(api: httpx.AsyncClient, user: Person, other_user: Person) -> None:
    session = await sign_in(api, user.token)
    (item,) = (await user.client.get(SESSIONS)).json()["items"]
    theirs = await other_user.client.delete(f"{SESSIONS}/{item['id']}")
    nobodys = await other_user.client.delete(f"{SESSIONS}/{uuid4()}")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json() | {"request_id": ""} == nobodys.json() | {"request_id": ""}
    assert await whoami(api, session.headers) == 200


async def test_signing_out_everywhere_ends_only_the_users_own_sessions(
    api: httpx.AsyncClient, user: Person, other_user: Person
) -> None:
    mine = [await sign_in(api, user.token) for _ in range(3)]
    other = await sign_in(api, other_user.token)
    answer = await api.delete(SESSIONS, headers=mine[0].headers)
    assert answer.status_code == 204
    assert answer.headers.get_list("set-cookie")
    for session in mine:
        assert await whoami(api, session.headers) == 401
        renewal = await api.post("/api/v1/auth/refresh", json={"refresh_token": session.refresh})
        assert renewal.status_code == 401
    assert await whoami(api, other.headers) == 200
    assert (await user.client.delete(SESSIONS)).status_code == 204


async def test_a_read_token_can_not_end_sessions(api: httpx.AsyncClient, user: Person, read_token: str) -> None:
    session = await sign_in(api, user.token)
    (item,) = (await user.client.get(SESSIONS)).json()["items"]
    headers = {"Authorization": f"Bearer {read_token}"}
    for path in (SESSIONS, f"{SESSIONS}/{item['id']}"):
        assert (await api.delete(path, headers=headers)).json()["code"] == "read_only_token"
    assert await whoami(api, session.headers) == 200
