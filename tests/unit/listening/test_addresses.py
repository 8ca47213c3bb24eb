"""Addresses of shares for other hosts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from litestar import Request

from tone_shootout.kit.http.prefix import PREFIX
from tone_shootout.kit.settings import ServerSettings, Settings
from tone_shootout.listening.shares.addresses import base_url, checked_slug
from tone_shootout.listening.shares.errors import ShareNotFoundError

SETTINGS = Settings(data=Path("data"), server=ServerSettings(host="127.0.0.1", port=8000))


def _request(host: str, prefix: str = "") -> Request[Any, Any, Any]:
    scope: Any = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", host.encode())],
        "server": ("127.0.0.1", 8000),
        "state": {PREFIX: prefix} if prefix else {},
    }
    return Request(scope)


def test_without_a_public_url_addresses_are_those_of_the_server() -> None:
    assert base_url(_request("127.0.0.1:8000"), SETTINGS) == "http://127.0.0.1:8000"
    assert base_url(_request("localhost:8000"), SETTINGS) == "http://localhost:8000"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1:1", "", "a@b", "[", "x" * 300])
def test_another_host_is_never_repeated(host: str) -> None:
    assert base_url(_request(host), SETTINGS) == "http://127.0.0.1:8000"


def test_a_public_url_comes_first_and_a_prefix_of_a_proxy_is_part_of_it() -> None:
    public = replace(SETTINGS, server=replace(SETTINGS.server, public_url="https://tones.example/"))
    assert base_url(_request("127.0.0.1:8000"), public) == "https://tones.example"
    assert base_url(_request("127.0.0.1:8000", "/tones"), public) == "https://tones.example/tones"


@pytest.mark.parametrize(
    "text", ["", "short", "a" * 17, "abcdefghijklmno\x00", "abcdefghijklmno\n", "../../../../../..", "é" * 16]
)
def test_what_is_no_slug_is_not_found(text: str) -> None:
    with pytest.raises(ShareNotFoundError):
        checked_slug(text)


def test_a_slug_is_returned() -> None:
    assert checked_slug("q3ZlN7c0Yx8aB1-_") == "q3ZlN7c0Yx8aB1-_"
