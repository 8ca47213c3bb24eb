"""The service under every name of its host, behind a prefix, and for pages of other origins."""

import asyncio
import os
import resource
import signal
import socket
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.accounts.conftest import sign_in
from tests.integration.conftest import Person
from tests.support.live import serving, web_process, working
from tone_shootout.kit.http.web_server import server_options
from tone_shootout.kit.settings import ServerSettings, Settings

ALLOWED = "https://App.example:443"
ORIGIN = "https://app.example"
PREFIX = "/shootout"


@pytest.fixture(scope="module")
def behind(settings: Settings) -> Generator[str, None, None]:
    """A service that trusts a proxy on this machine, and lets pages of another origin in."""
    server = ServerSettings(trusted_proxies=["127.0.0.1"], allowed_origins=[ALLOWED])
    with serving(replace(settings, server=server)) as url:
        yield url


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "0.0.0.0", "192.168.1.5", "[::1]", "studio", "studio.local"]
)
async def test_a_page_signs_in_under_every_local_spelling_of_the_host(
    api: httpx.AsyncClient, user: Person, base_url: str, host: str
) -> None:
    place = f"{host}:{urlsplit(base_url).port}"
    page = {"Host": place, "Origin": f"http://{place}"}
    assert (await api.get("/docs", headers=page)).status_code == 200
    answer = await api.post("/api/v1/auth/session", headers=page, json={"token": user.token})
    assert answer.status_code == 201
    foreign = {"Host": place, "Origin": "http://elsewhere.example"}
    assert (await api.post("/api/v1/auth/session", headers=foreign, json={"token": user.token})).status_code == 403


async def test_a_public_name_that_was_made_to_point_here_is_not_ours(api: httpx.AsyncClient, user: Person) -> None:
    page = {"Host": "rebound.example", "Origin": "http://rebound.example"}
    answer = await api.post("/api/v1/auth/session", headers=page, json={"token": user.token})
    assert (answer.status_code, answer.json()["code"]) == (403, "unknown_host")


@pytest.mark.parametrize("strips", [True, False])
async def test_behind_a_prefix_all_addresses_have_it(behind: str, clean: None, user: Person, strips: bool) -> None:
    headers = {"X-Forwarded-Prefix": f"{PREFIX}/", "Authorization": f"Bearer {user.token}"}
    where = "" if strips else PREFIX
    async with httpx.AsyncClient(base_url=behind, headers=headers) as client:
        for page in ("/docs", "/docs/assets/swagger-ui.css", "/openapi.json", "/api/v1/me"):
            assert (await client.get(f"{where}{page}")).status_code == 200
            assert (await client.head(f"{where}{page}")).status_code == 200
        made = await client.post(f"{where}/api/v1/webhooks", json={"url": "https://hooks.example/"})
        assert made.headers["location"].startswith(f"{PREFIX}/api/v1/webhooks/")
        session = await client.post(f"{where}/api/v1/auth/session", json={"token": user.token})
        paths = {part.partition("Path=")[2].partition(";")[0] for part in session.headers.get_list("set-cookie")}
        assert paths == {PREFIX, f"{PREFIX}/api/v1/auth"}


@pytest.mark.parametrize("prefix", ["/api", "/docs", "/saq", "/shootout"])
async def test_a_prefix_that_a_path_of_ours_begins_with_is_not_taken_off_twice(
    behind: str, clean: None, administrator: Person, prefix: str
) -> None:
    headers = {"X-Forwarded-Prefix": prefix, "Authorization": f"Bearer {administrator.token}"}
    async with httpx.AsyncClient(base_url=behind, headers=headers) as client:
        for path in ("/api/v1/me", "/docs", "/openapi.json", "/saq/", "/sign-in"):
            assert (await client.get(path)).status_code == 200, path
        assert f'"{prefix}/saq/static/app.js"' in (await client.get("/saq/")).text
        page = (await client.get("/sign-in")).text
        assert f'action="{prefix}/sign-in"' in page
        assert f'href="{prefix}/static/pages.css"' in page


async def test_a_prefix_counts_from_trusted_proxies_and_well_formed_only(
    behind: str, api: httpx.AsyncClient, user: Person
) -> None:
    body = {"url": "https://hooks.example/"}
    answer = await user.client.post("/api/v1/webhooks", json=body, headers={"X-Forwarded-Prefix": PREFIX})
    assert answer.headers["location"].startswith("/api/v1/")
    for prefix in ("//evil.example", "/a b", "/../x", "https://evil.example", "/a%0d"):
        headers = {"X-Forwarded-Prefix": prefix, "Authorization": f"Bearer {user.token}"}
        async with httpx.AsyncClient(base_url=behind, headers=headers) as client:
            answer = await client.get("/saq", headers={"Accept": "text/html"})
            assert "evil" not in answer.headers.get("location", "")


async def test_pages_of_allowed_origins_may_use_the_api(behind: str, clean: None, user: Person) -> None:
    async with httpx.AsyncClient(base_url=behind) as client:
        asking = {
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        before = await client.options("/api/v1/library/x", headers={"Origin": ORIGIN, **asking})
        assert before.status_code == 204
        assert before.headers["access-control-allow-origin"] == ORIGIN
        assert before.headers["access-control-allow-credentials"] == "true"
        assert "PATCH" in before.headers["access-control-allow-methods"]
        assert {"authorization", "content-type"} <= set(
            before.headers["access-control-allow-headers"].lower().split(", ")
        )
        for headers, status in (({}, 401), ({"Authorization": f"Bearer {user.token}"}, 200)):
            answer = await client.get("/api/v1/me", headers={"Origin": ORIGIN, **headers})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert "origin" in answer.headers["vary"].lower()
            exposed = answer.headers["access-control-expose-headers"].lower()
            assert all(name in exposed for name in ("location", "etag", "content-range", "retry-after"))
        packed = await client.post(
            "/api/v1/me/tokens", content=b"x", headers={"Origin": ORIGIN, "Content-Encoding": "br"}
        )
        assert (packed.status_code, packed.headers["access-control-allow-origin"]) == (415, ORIGIN)
        session = await sign_in(client, user.token)
        page = session.cookies | {"Origin": ORIGIN}
        assert (await client.post("/api/v1/me/tokens", headers=page, json={"name": "page"})).status_code == 201


async def test_a_cache_keeps_answers_apart_by_all_that_they_depend_on(behind: str, clean: None) -> None:
    async with httpx.AsyncClient(base_url=behind) as client:
        for path, expected in (("/", {"accept", "origin"}), ("/saq", {"accept", "origin"}), ("/api/v1/me", {"origin"})):
            for headers in ({}, {"Origin": ORIGIN}, {"Origin": "https://evil.example"}):
                for accept in ("text/html", "application/json"):
                    answer = await client.get(path, headers=headers | {"Accept": accept})
                    (vary,) = answer.headers.get_list("vary")
                    assert set(vary.lower().split(", ")) >= expected, (path, headers, accept)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://app.example", "https://app.example.evil.example"]
)
async def test_pages_of_other_origins_may_not(behind: str, clean: None, origin: str) -> None:
    async with httpx.AsyncClient(base_url=behind) as client:
        for method in ("OPTIONS", "GET"):
            headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            answer = await client.request(method, "/api/v1/me", headers=headers)
            assert "access-control-allow-origin" not in answer.headers


async def test_without_allowed_origins_nobody_is_let_in(api: httpx.AsyncClient) -> None:
    answer = await api.options("/api/v1/me", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "GET"})
    assert "access-control-allow-origin" not in answer.headers


def test_the_address_of_the_command_line_is_the_one_that_the_service_has() -> None:
    listening = {"0.0.0.0": "127.0.0.1", "::1": "[::1]", "studio": "studio"}
    for host, shown in listening.items():
        server = ServerSettings(host=host, port=8123)
        assert Settings(data=Path(), server=server).public_url == f"http://{shown}:8123"
    public = ServerSettings(host="0.0.0.0", public_url="https://tones.example", root_path="/a")
    assert Settings(data=Path(), server=public).public_url == "https://tones.example/a"


async def test_without_file_descriptors_connections_are_refused_and_the_log_stays_short(
    settings: Settings, clean: None
) -> None:
    with web_process(settings) as web, ExitStack() as stack:
        limit = 96
        resource.prlimit(web.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        where = urlsplit(web.url)
        address = (where.hostname or "", where.port or 0)
        clients = [stack.enter_context(socket.create_connection(address, timeout=30)) for _ in range(2 * limit)]
        await asyncio.to_thread(clients[-1].settimeout, 30)
        assert (await asyncio.to_thread(clients[-1].recv, 12)) in (b"HTTP/1.1 503", b"")
        for client in clients:
            client.close()
        while True:  # as soon as the closed ones are noticed
            try:
                async with httpx.AsyncClient(base_url=web.url, timeout=30) as asking:
                    if (await asking.get("/health/live")).status_code == 200:
                        break
            except httpx.TransportError:
                continue
    refused = [line for line in web.log if "connections_refused" in line]
    assert 1 <= len(refused) <= 5
    assert not [line for line in web.log if "Traceback" in line]


async def test_an_ordinary_stop_of_a_worker_warns_of_nothing(
    settings: Settings, clean: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "worker.log"
    with path.open("w+") as log, working(settings, log) as process:
        while "worker_ready" not in path.read_text():
            assert process.poll() is None
            await asyncio.sleep(0.05)
        os.kill(process.pid, signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 30) == 0
    stated = path.read_text().lower()
    assert "warning" not in stated
    assert "error" not in stated


def test_the_web_process_gets_the_time_to_stop_that_is_set(settings: Settings) -> None:
    patient = replace(settings, server=replace(settings.server, grace_s=77))
    assert server_options(patient)["timeout_graceful_shutdown"] == 77
