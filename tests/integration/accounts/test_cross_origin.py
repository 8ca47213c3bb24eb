"""Requests that a page of another origin makes a browser send change nothing."""

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
async def test_unsafe_requests_with_a_cookie_require_an_own_origin(
    api: httpx.AsyncClient, user: Person, page: dict[str, str]
) -> None:
    session = await sign_in(api, user.token)
    for method, path in (("POST", "/api/v1/me/tokens"), ("DELETE", "/api/v1/me")):
        answer = await api.request(method, path, headers=session.cookies | page, json={"name": "stolen"})
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
    assert (await user.client.get("/api/v1/me/tokens")).json()["total"] == 1


async def test_own_pages_can_send_unsafe_requests_with_a_cookie(
    api: httpx.AsyncClient, user: Person, base_url: str
) -> None:
    session = await sign_in(api, user.token)
    for page in ({"Origin": base_url}, {"Sec-Fetch-Site": "same-origin"}):
        answer = await api.post("/api/v1/me/tokens", headers=session.cookies | page, json={"name": "mine"})
        assert answer.status_code == 201


async def test_safe_requests_with_a_cookie_need_no_origin(api: httpx.AsyncClient, user: Person) -> None:
    session = await sign_in(api, user.token)
    assert await whoami(api, session.cookies) == 200
    answer = await api.get("/api/v1/me", headers=session.cookies | {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


async def test_requests_with_a_header_may_have_any_origin(api: httpx.AsyncClient, user: Person) -> None:
    session = await sign_in(api, user.token)
    for headers in (session.headers, {"Authorization": f"Bearer {user.token}"}):
        foreign = headers | {"Origin": "https://evil.example"}
        assert (await api.post("/api/v1/me/tokens", headers=foreign, json={"name": "mine"})).status_code == 201


@pytest.mark.parametrize("page", FOREIGN, ids=str)
async def test_a_foreign_page_can_not_sign_a_user_in_or_out(
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


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80"])
async def test_foreign_host_names_are_refused_on_loopback(api: httpx.AsyncClient, host: str) -> None:
    for path in ("/health/live", "/api/v1/me", "/sign-in"):
        answer = await api.get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (403, "unknown_host")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8000", "studio.local"])
async def test_local_host_names_are_accepted_on_loopback(api: httpx.AsyncClient, host: str) -> None:
    assert (await api.get("/health/live", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/auth/refresh", "/api/v1/auth/logout", "/api/v1/auth/sign-out", "/sign-in"])
async def test_unsafe_requests_with_any_cookie_require_an_own_origin(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.post(path, headers={"Cookie": "anything=1"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def close_code(base_url: str, headers: dict[str, str]) -> int:
    url = f"{base_url.replace('http', 'ws', 1)}/api/v1/jobs/{uuid4()}/ws"
    async with connect(url, additional_headers=headers) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def test_a_websocket_without_a_valid_credential_is_closed_with_4401(
    api: httpx.AsyncClient, base_url: str
) -> None:
    assert await close_code(base_url, {}) == 4401
    assert await close_code(base_url, {"Authorization": "Bearer tst_nothing"}) == 4401
    assert await close_code(base_url, {"Cookie": "shootout_access=stale"}) == 4401


async def test_a_websocket_with_a_cookie_requires_an_own_origin(
    api: httpx.AsyncClient, user: Person, base_url: str
) -> None:
    session = await sign_in(api, user.token)
    assert await close_code(base_url, session.cookies | {"Origin": "https://evil.example"}) == 4403
    assert await close_code(base_url, session.cookies) == 4403
    assert await close_code(base_url, session.cookies | {"Origin": base_url}) == 4404  # accepted, but no such job


async def test_a_websocket_with_a_header_may_have_any_origin(
    api: httpx.AsyncClient, base_url: str, read_token: str
) -> None:
    session = await sign_in(api, read_token)
    assert await close_code(base_url, {"Authorization": f"Bearer {read_token}"}) == 4404
    assert await close_code(base_url, session.headers | {"Origin": "https://evil.example"}) == 4404
