"""A body is taken for exactly what it is, and whatever is wrong with it is named."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.live import serving
from tone_shootout.kit.settings import Settings

TOKENS = "/api/v1/me/tokens"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"name": "x", "expires_in_days": "7"}, "/expires_in_days", "invalid"),
        ({"name": 5}, "/name", "invalid"),
        ({}, "/name", "missing"),
        ({"name": "x", "colour": "blue"}, "/colour", "unknown_field"),
        ({"name": "x", "a/b": 1}, "/a~1b", "unknown_field"),
        ([], "", "invalid"),
        (None, "", "invalid"),
    ],
)
async def test_what_is_not_as_described_is_refused_with_its_place(
    user: Person, body: Any, pointer: str, code: str
) -> None:
    answer = await user.client.post(TOKENS, json=body)
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["code"] == "invalid_request"
    assert [(fault["pointer"], fault["code"]) for fault in problem["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b'{"name": NaN}', b"[" * 100_000, b'{"name": "x"} trailing', b"name=x"]
)
async def test_what_is_not_json_is_refused(user: Person, body: bytes) -> None:
    answer = await user.client.post(TOKENS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in ("malformed_json", "invalid_request")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "x"])
async def test_a_body_that_is_declared_as_something_else_than_json_is_refused(user: Person, media_type: str) -> None:
    answer = await user.client.post(TOKENS, content=b'{"name": "x"}', headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize("media_type", [None, "application/json; charset=utf-8", "application/merge-patch+json"])
async def test_json_is_taken_by_each_of_its_media_types(user: Person, media_type: str | None) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    answer = await user.client.post(TOKENS, content=b'{"name": "x"}', headers=headers)
    assert answer.status_code == 201


async def test_a_body_beyond_the_limit_is_refused(user: Person, settings: Settings) -> None:
    answer = await user.client.post(TOKENS, json={"name": "x" * 300_000})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "too_large"
    assert f"at most {settings.limits.body_bytes} bytes" in answer.json()["detail"]
    document = (await user.client.get("/openapi.json")).json()
    assert "413" in document["paths"][TOKENS]["post"]["responses"]


@pytest.fixture(scope="module")
def impatient(settings: Settings) -> Generator[str, None, None]:
    """A service that does not wait for bodies."""
    limits = replace(settings.limits, body_grace_s=0.3, body_bytes_per_s=1000)
    with serving(replace(settings, limits=limits)) as url:
        yield url


@pytest.mark.parametrize("sent", [b"", b'{"name": '], ids=["nothing", "the beginning"])
@pytest.mark.parametrize("path", [TOKENS, "/api/v1/library"])
async def test_who_trickles_a_body_in_is_not_waited_for(impatient: str, user: Person, path: str, sent: bytes) -> None:
    address = urlsplit(impatient)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    kind = "application/json" if path == TOKENS else "multipart/form-data; boundary=b"
    head = f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {user.token}\r\n"
    writer.write(f"{head}Content-Type: {kind}\r\nContent-Length: 5000\r\n\r\n".encode() + sent)
    answer = await reader.read()  # until the other side closes
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer
    assert b'"too_slow"' in answer


async def test_a_body_may_take_as_long_as_it_keeps_coming(impatient: str, user: Person) -> None:
    async def slowly() -> AsyncGenerator[bytes, None]:
        text = b'{"name": "slow"' + b" " * 3000
        for start in range(0, len(text), 400):
            yield text[start : start + 400]
            await asyncio.sleep(0.1)  # 4000 bytes a second, for three times as long as a body has to begin
        yield b"}"

    async with httpx.AsyncClient(base_url=impatient, timeout=60) as client:
        headers = {"Authorization": f"Bearer {user.token}", "Content-Type": "application/json"}
        assert (await client.post(TOKENS, content=slowly(), headers=headers)).status_code == 201
