"""Attacks with paths, headers and compressed bodies."""

import gzip
import json

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.security import World

TRAVERSALS = [
    "../manifest.json",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "..%5c..%5cwindows%5cwin.ini",
    "%2fetc%2fpasswd",
    "manifest.json%00.txt",
    "./manifest.json%2f..%2f..",
    "file:%2f%2f%2fetc%2fpasswd",
]


@pytest.mark.slow
async def test_artifact_paths_can_not_leave_the_job(world: World) -> None:
    job = world.values["job_id"]
    client = world.person.client
    assert (await client.get(f"/api/v1/jobs/{job}/artifacts/manifest.json")).status_code == 200
    for path in TRAVERSALS:
        address = httpx.URL(str(client.base_url)).copy_with(raw_path=f"/api/v1/jobs/{job}/artifacts/{path}".encode())
        answer = await client.send(client.build_request("GET", address))
        assert (path, answer.status_code) in ((path, 400), (path, 404))
        assert "root:" not in answer.text


@pytest.mark.parametrize("next_page", ["/x%0d%0aSet-Cookie:%20stolen=1", "/%0d%0a%0d%0a<script>", "/%0aX-Evil:%201"])
async def test_line_breaks_can_not_be_injected_into_headers(api: httpx.AsyncClient, next_page: str) -> None:
    answer = await api.get(f"/api/v1/auth/login?next={next_page}")
    assert answer.status_code == 400
    assert "x-evil" not in answer.headers
    assert "stolen" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(("host", "status"), [("evil.example", 403), ("evil.local", 201)])
async def test_a_foreign_host_header_is_not_reflected(user: Person, host: str, status: int) -> None:
    answer = await user.client.post("/api/v1/webhooks", json={"url": "https://hooks.example/"}, headers={"Host": host})
    assert answer.status_code == status
    assert answer.headers.get("location", "/").startswith("/")
    assert host not in answer.text + str(answer.headers)


async def test_a_compressed_body_is_not_decompressed(user: Person) -> None:
    bomb = gzip.compress(json.dumps({"name": "x" * 50_000_000}).encode())
    assert len(bomb) < 100_000
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = await user.client.post("/api/v1/me/tokens", content=bomb, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
