"""What a page of somebody else's can make a browser do: nothing that changes anything."""

from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.integration.accounts.conftest import sign_in, whoami
from tests.integration.conftest import Person

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("page", [*FOREIGN, {}], ids=str)
async def test_a_cookie_changes_nothing_for_a_page_that_is_not_known_to_be_ours(
    api: httpx.AsyncClient, user: Person, page: dict[str, str]
) -> None:
    session = await sign_in(api, user.token)
    for method, path in (("POST", "/api/v1/me/tokens"), ("DELETE", "/api/v1/me")):
        answer = await api.request(method, path, headers=session.cookies | page, json={"name": "stolen"})
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
    assert (await user.client.get("/api/v1/me/tokens")).json()["total"] == 1


async def test_a_cookie_changes_things_for_our_own_pages(api: httpx.AsyncClient, user: Person, base_url: str) -> None:
    session = await sign_in(api, user.token)
    for page in ({"Origin": base_url}, {"Sec-Fetch-Site": "same-origin"}):
        answer = await api.post("/api/v1/me/tokens", headers=session.cookies | page, json={"name": "mine"})
        assert answer.status_code == 201


async def test_reading_by_cookie_needs_no_origin(api: httpx.AsyncClient, user: Person) -> None:
    session = await sign_in(api, user.token)
    assert await whoami(api, session.cookies) == 200
    answer = await api.get("/api/v1/me", headers=session.cookies | {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


async def test_a_program_is_no_page(api: httpx.AsyncClient, user: Person) -> None:
    session = await sign_in(api, user.token)
    for headers in (session.headers, {"Authorization": f"Bearer {user.token}"}):
        foreign = headers | {"Origin": "https://evil.example"}
        assert (await api.post("/api/v1/me/tokens", headers=foreign, json={"name": "mine"})).status_code == 201


@pytest.mark.parametrize("page", FOREIGN, ids=str)
async def test_a_foreign_page_neither_signs_anybody_in_nor_out(
    api: httpx.AsyncClient, user: Person, page: dict[str, str]
) -> None:
    session = await sign_in(api, user.token)
    content = f'{{"token": "{user.token}"}}'
    form = await api.post("/api/v1/auth/session", headers=page | {"Content-Type": "text/plain"}, content=content)
    renewal = await api.post("/api/v1/auth/refresh", headers=session.cookies | page)
    end = await api.post("/api/v1/auth/logout", headers=session.cookies | page)
    for answer in (form, renewal, end):
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
        assert "set-cookie" not in answer.headers
    assert await whoami(api, session.headers) == 200


async def close_code(base_url: str, headers: dict[str, str]) -> int:
    url = f"{base_url.replace('http', 'ws', 1)}/api/v1/jobs/{uuid4()}/ws"
    async with connect(url, additional_headers=headers) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def test_a_socket_of_nobody_is_closed_with_4401(api: httpx.AsyncClient, base_url: str) -> None:
    assert await close_code(base_url, {}) == 4401
    assert await close_code(base_url, {"Authorization": "Bearer tst_nothing"}) == 4401
    assert await close_code(base_url, {"Cookie": "shootout_access=stale"}) == 4401


async def test_a_socket_by_cookie_is_for_our_own_pages_only(
    api: httpx.AsyncClient, user: Person, base_url: str
) -> None:
    session = await sign_in(api, user.token)
    assert await close_code(base_url, session.cookies | {"Origin": "https://evil.example"}) == 4403
    assert await close_code(base_url, session.cookies) == 4403
    assert await close_code(base_url, session.cookies | {"Origin": base_url}) == 4404  # as far as the job


async def test_a_socket_by_header_may_come_from_anywhere(
    api: httpx.AsyncClient, base_url: str, read_token: str
) -> None:
    session = await sign_in(api, read_token)
    assert await close_code(base_url, {"Authorization": f"Bearer {read_token}"}) == 4404
    assert await close_code(base_url, session.headers | {"Origin": "https://evil.example"}) == 4404
