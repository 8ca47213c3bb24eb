from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from litestar.connection import ASGIConnection

from tone_shootout.accounts.guards import origin_allowed
from tone_shootout.kit.settings import ServerSettings, Settings

LOCAL = Settings(data=Path("data"), server=ServerSettings(port=8000))
PUBLIC = replace(
    LOCAL,
    server=ServerSettings(
        port=8000, public_url="https://tones.example", allowed_origins=["https://studio.example:8443"]
    ),
)


def connection(
    headers: dict[str, str], *, scheme: str = "http", server: tuple[str, int | None] | None = ("127.0.0.1", 8000)
) -> ASGIConnection[Any, Any, Any, Any]:
    scope: Any = {
        "type": "http",
        "scheme": scheme,
        "server": server,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    }
    return ASGIConnection(scope)


@pytest.mark.parametrize(
    "origin",
    [
        "https://tones.example",
        "https://tones.example:443",
        "https://TONES.example",
        "https://studio.example:8443",
    ],
)
def test_the_public_url_and_the_allowed_origins_are_allowed(origin: str) -> None:
    assert origin_allowed(connection({"host": "tones.example", "origin": origin}), PUBLIC)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "https://evil.example",
        "http://tones.example",
        "https://tones.example:8443",
        "https://tones.example.evil.example",
        "https://evil-tones.example",
        "https://sub.tones.example",
        "https://studio.example",
        "https://tones.example@evil.example",
        "https://tones.example:port",
        "https://[tones.example",
        "tones.example",
        "file://tones.example",
        "https://",
        "ht\xe9",
    ],
)
def test_other_origins_are_not_allowed(origin: str) -> None:
    assert not origin_allowed(connection({"host": "tones.example", "origin": origin}), PUBLIC)


@pytest.mark.parametrize(
    ("host", "scheme", "server"),
    [
        ("127.0.0.1:8123", "http", ("127.0.0.1", 8123)),
        ("localhost:8123", "http", ("127.0.0.1", 8123)),
        ("localhost:8123", "http", ("::1", 8123)),
        ("[::1]:8123", "ws", ("::1", 8123)),
        ("192.168.1.7", "http", ("192.168.1.7", 80)),
        ("192.168.1.7", "wss", ("192.168.1.7", 443)),
    ],
)
def test_the_address_of_the_connection_is_allowed(host: str, scheme: str, server: tuple[str, int]) -> None:
    origin = f"{'https' if scheme == 'wss' else 'http'}://{host}"
    assert origin_allowed(connection({"host": host, "origin": origin}, scheme=scheme, server=server), PUBLIC)


@pytest.mark.parametrize(
    ("headers", "server"),
    [
        ({"host": "evil.example:8123", "origin": "http://evil.example:8123"}, ("127.0.0.1", 8123)),
        ({"host": "127.0.0.1:8123", "origin": "http://evil.example:8123"}, ("127.0.0.1", 8123)),
        ({"host": "127.0.0.1:8123", "origin": "http://127.0.0.1:9999"}, ("127.0.0.1", 8123)),
        ({"host": "127.0.0.1:8123", "origin": "https://127.0.0.1:8123"}, ("127.0.0.1", 8123)),
        ({"origin": "http://127.0.0.1:8123"}, ("127.0.0.1", 8123)),
        ({"host": "evil.example", "origin": "http://evil.example"}, ("/run/web.sock", None)),
    ],
)
def test_a_rebound_dns_name_is_not_allowed(headers: dict[str, str], server: tuple[str, int | None] | None) -> None:
    assert not origin_allowed(connection(headers, server=server), LOCAL)


@pytest.mark.parametrize("host", ["localhost:8123", "127.0.0.1:8123", "studio:8123", "studio.local:8123"])
@pytest.mark.parametrize("server", [("192.168.1.7", 8123), ("/run/web.sock", None), None])
def test_a_host_outside_of_public_dns_is_allowed(host: str, server: tuple[str, int | None] | None) -> None:
    assert origin_allowed(connection({"host": host, "origin": f"http://{host}"}, server=server), LOCAL)


def test_the_listening_address_is_allowed_without_a_public_url() -> None:
    assert origin_allowed(connection({"host": "proxy", "origin": "http://127.0.0.1:8000"}), LOCAL)


@pytest.mark.parametrize(
    ("site", "allowed"), [("same-origin", True), ("none", True), ("same-site", False), ("cross-site", False)]
)
def test_sec_fetch_site_decides_without_an_origin(site: str, allowed: bool) -> None:
    assert origin_allowed(connection({"host": "tones.example", "sec-fetch-site": site}), PUBLIC) is allowed


def test_the_origin_overrides_sec_fetch_site() -> None:
    headers = {"host": "tones.example", "origin": "https://evil.example", "sec-fetch-site": "same-origin"}
    assert not origin_allowed(connection(headers), PUBLIC)


def test_a_request_without_origin_headers_is_not_allowed() -> None:
    assert not origin_allowed(connection({"host": "tones.example"}), PUBLIC)
