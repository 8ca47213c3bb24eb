"""Invalid UTF-8 and compressed bodies are refused anywhere in a request, with or without a credential."""

import gzip
import json
import socket
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.security import World, operations
from tests.support.uploads import di

NOT_UTF_8 = [
    b'{"name": "caf\xe9"}',  # Latin-1
    b'{"na\xffme": 1}',
    '{"name": "tone"}'.encode("utf-16"),
    b'{"name": "\xed\xa0\x80"}',  # a surrogate
    b'{"name": "\xc0\xaf"}',  # longer than needed
    b"\xff",
]
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "x-gzip": gzip.compress,
    "br": bytes,
    "identity, GZIP": gzip.compress,
}
IDS = (
    "item_id",
    "shootout_id",
    "webhook_id",
    "token_id",
    "job_id",
    "test_id",
    "listening_session_id",
    "user_id",
    "announcement_id",
)
LATIN_1 = "caf\xe9".encode("latin-1")


async def _bodies(api: httpx.AsyncClient) -> list[tuple[str, str, bool]]:
    """Return method, path with made-up ids, and whether it is public, of every operation with a JSON body."""
    document = (await api.get("/openapi.json")).json()
    nothing = dict.fromkeys(IDS, "0195f3e2-7c1a-7bbb-8000-0242ac120002")
    return [
        (
            one.method,
            one.path.format_map({"model_id": 1, "tone_id": 1, "slug": "x" * 16} | nothing),
            one.public,
        )
        for one in operations(document)
        if "application/json"
        in document["paths"][one.path][one.method.lower()].get("requestBody", {}).get("content", {})
    ]


async def test_a_json_body_that_is_not_utf_8_is_refused_with_400(api: httpx.AsyncClient, administrator: Person) -> None:
    found = await _bodies(api)
    assert len(found) >= 8
    for method, path, public in found:
        for body in NOT_UTF_8:
            headers = {"Content-Type": "application/json"}
            answer = await administrator.client.request(method, path, content=body, headers=headers)
            assert answer.status_code == 400, (path, body)
            assert answer.json()["code"] in ("malformed_json", "invalid_request")
            nobody = await api.request(method, path, content=body, headers=headers)
            assert nobody.status_code == (400 if public else 401), (path, body)


async def test_a_compressed_body_is_refused_with_415(api: httpx.AsyncClient, user: Person) -> None:
    for method, path, _public in await _bodies(api):
        for coding, compress in COMPRESSED.items():
            content = compress(json.dumps({"name": "new"}).encode())
            for client in (user.client, api):
                answer = await client.request(method, path, content=content, headers={"Content-Encoding": coding})
                assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), (path, coding)
                assert answer.headers["accept-encoding"] == "identity"
    form = {"data": {"kind": "di_track"}, "files": {"file": ("new.wav", di(seed=7))}}
    answer = await user.client.post("/api/v1/library", headers={"Content-Encoding": "gzip"}, **form)  # type: ignore[arg-type]
    assert answer.status_code == 415


async def test_identity_encoding_and_an_encoded_empty_body_are_accepted(user: Person) -> None:
    answer = await user.client.post("/api/v1/me/tokens", json={"name": "a"}, headers={"Content-Encoding": "identity"})
    assert answer.status_code == 201
    assert (await user.client.get("/api/v1/me", headers={"Content-Encoding": "gzip"})).status_code == 200


async def test_a_url_that_is_not_utf_8_is_refused(world: World, api: httpx.AsyncClient) -> None:
    base = str(api.base_url)
    for query in ("q=%ff", "%e9=1", "limit=%c0%af"):
        for path in ("/api/v1/library", "/api/v1/jobs", "/openapi.json", "/health/live", "/api/v1/auth/login"):
            for client in (api, world.person.client):
                assert (await client.get(f"{base}{path}?{query}")).status_code == 400, (path, query)
    for path in ("jobs/%ff", "tones/%e9", f"jobs/{world.values['job_id']}/artifacts/caf%e9.png"):
        for client in (api, world.person.client):
            assert (await client.get(f"{base}/api/v1/{path}")).status_code in (400, 401, 404), path


HEADERS: dict[str, tuple[bytes, ...]] = {
    "Authorization": (b"", b"Bearer ", b"Bearer tst_"),
    "Cookie": (b"", b"shootout_access="),
    "Content-Type": (b"", b"multipart/form-data; boundary="),
    **dict.fromkeys(("Idempotency-Key", "If-None-Match", "If-Range", "Range", "Last-Event-ID", "Origin"), (b"",)),
    **dict.fromkeys(("Accept", "User-Agent", "X-Forwarded-For", "Sec-Fetch-Site", "Content-Encoding"), (b"",)),
}
"""With what comes before the text that is not ASCII."""


async def test_a_non_ascii_header_is_never_a_server_error(world: World, api: httpx.AsyncClient) -> None:
    paths = [
        ("GET", f"/api/v1/jobs/{world.values['job_id']}/artifacts/manifest.json"),
        ("GET", "/api/v1/me"),
        ("POST", "/api/v1/me/tokens"),
        ("POST", "/api/v1/auth/session"),
        ("POST", "/api/v1/library"),
    ]
    for method, path in paths:
        for name, prefixes in HEADERS.items():
            for prefix in prefixes:
                for client in (api, world.person.client):
                    headers: Any = {name.encode(): prefix + LATIN_1}
                    answer = await client.request(method, path, headers=headers, content=b'{"name": "x"}')
                    assert answer.status_code < 500, (path, name, prefix)


@pytest.mark.parametrize("target", [b"/api/v1/jobs/caf\xe9", b"/api/v1/library?q=caf\xe9", b"/\xff"])
def test_raw_bytes_in_a_request_target_are_refused(base_url: str, target: bytes) -> None:
    where = urlsplit(base_url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=30) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.split(b" ")[1] in (b"400", b"404")


def _form(*parts: bytes, boundary: bytes = b"limit") -> dict[str, Any]:
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"
    return {"content": body, "headers": {b"Content-Type": b"multipart/form-data; boundary=" + boundary}}


KIND = b'Content-Disposition: form-data; name="kind"\r\n\r\ndi_track'


def _file(disposition: bytes, more: bytes = b"") -> bytes:
    return b'Content-Disposition: form-data; name="file"; ' + disposition + b"\r\n" + more + b"\r\n" + di(seed=7)


@pytest.mark.parametrize(
    "form",
    [
        _form(b'Content-Disposition: form-data; name="caf\xe9"\r\n\r\nx', KIND),
        _form(b'Content-Disposition: form-data; name="name"\r\n\r\ncaf\xe9', KIND),
        _form(KIND, _file(b'filename="caf\xe9.wav"')),
        _form(KIND, _file(b'filename="a.wav"', b"X-Caf\xe9: 1\r\n")),
        _form(KIND, _file(b'filename="a.wav"'), boundary=b"caf\xe9"),
    ],
    ids=["name of a field", "field", "name of a file", "name of a header", "boundary"],
)
async def test_a_form_that_is_not_utf_8_is_refused_with_400(api: httpx.AsyncClient, user: Person, form: Any) -> None:
    answer = await user.client.post("/api/v1/library", **form)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert (await api.post("/api/v1/library", **form)).status_code == 401


async def test_a_compressed_part_is_refused_with_415(user: Person) -> None:
    for more in (b"Content-Transfer-Encoding: base64\r\n", b"Content-Encoding: gzip\r\n"):
        answer = await user.client.post("/api/v1/library", **_form(KIND, _file(b'filename="a.wav"', more)))
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b"filename*=UTF-8''caf%C3%A9%20%E2%99%AF.wav", "café ♯.wav"),
        (b"filename*=utf-8'en'riff.wav", "riff.wav"),
        (b"filename*=ISO-8859-1''caf%E9.wav", "café.wav"),
        (b"filename=\"caf_.wav\"; filename*=UTF-8''caf%C3%A9.wav", "café.wav"),
        (b"filename*=UTF-8''caf%E9.wav; filename=\"cafe.wav\"", "cafe.wav"),  # not what it says it is
        (b"filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
        (b"filename*=UTF-8''a%0D%0Ab.wav", "ab.wav"),
        (b"filename*=nonsense", "unnamed"),
    ],
)
async def test_an_encoded_file_name_is_decoded(user: Person, disposition: bytes, name: str) -> None:
    answer = await user.client.post("/api/v1/library", **_form(KIND, _file(disposition)))
    assert answer.status_code == 201
    assert answer.json()["filename"] == name
