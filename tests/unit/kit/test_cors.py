"""CORS: what a page of an allowed origin gets of a response that any origin may read."""

from typing import Any, cast

import pytest

from tone_shootout.kit.http.cors import CorsMiddleware

ALLOWED = "https://app.example"


async def _headers(origin: str) -> list[tuple[bytes, bytes]]:
    sent: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"access-control-allow-origin", b"*"), (b"vary", b"Accept")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "headers": [(b"origin", origin.encode())]}
    await CorsMiddleware(cast(Any, app), [ALLOWED], [])(cast(Any, scope), cast(Any, None), cast(Any, send))
    found: list[tuple[bytes, bytes]] = sent[0]["headers"]
    return found


@pytest.mark.parametrize(("origin", "allowed"), [(ALLOWED, ALLOWED), ("https://blog.example", "*"), ("null", "*")])
async def test_a_response_has_one_allowed_origin(origin: str, allowed: str) -> None:
    values = [value.decode() for name, value in await _headers(origin) if name == b"access-control-allow-origin"]
    assert values == [allowed]
