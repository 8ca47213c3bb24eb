"""HEAD returns the status and headers of GET without a body, even for endless responses."""

import httpx

from tests.integration.security.test_matrix import ROWS
from tests.support.security import World, operations

PAGES = ("/docs", "/docs/assets/swagger-ui.css", "/openapi.json", "/metrics", "/health/live", "/health/ready")
VARYING = {"date", "set-cookie", "location", "x-request-id", "ratelimit", "transfer-encoding"}
"""Headers that contain a time, an id, a secret or the count of one request, and how a body is sent."""
GET_ONLY = {"finish_sign_in"}
"""Operations with side effects, which HEAD must not have."""
GROWING = {"/metrics", "/api/v1/me/sessions", "/api/v1/me/export"}
"""Responses that describe the requests themselves, so that their length can change."""


async def test_head_equals_get_without_the_body(world: World, api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    requests: list[tuple[str, dict[str, str]]] = [(path, {}) for path in PAGES]
    requests += [
        (world.path(one, {}), ROWS[one.id].query)
        for one in operations(document)
        if one.method == "GET" and one.id not in GET_ONLY
    ]
    assert len(requests) > 30
    for path, query in requests:
        async with world.person.client.stream("GET", path, params=query) as got:
            endless = got.headers.get("content-type", "").startswith("text/event-stream")
            body = b"" if endless else await got.aread()
        head = await world.person.client.head(path, params=query)
        assert head.status_code == got.status_code, path
        assert head.content == b""
        ignored = VARYING | ({"content-length"} if path in GROWING else set())
        assert {name: value for name, value in head.headers.items() if name not in ignored} == {
            name: value for name, value in got.headers.items() if name not in ignored
        }, path
        if "content-length" in got.headers and path not in GROWING:
            assert int(head.headers["content-length"]) == len(body), path


async def test_head_requires_the_credential_and_route_of_get(api: httpx.AsyncClient) -> None:
    assert (await api.head("/api/v1/jobs")).status_code == 401
    assert (await api.head("/nothing")).status_code == 404
    assert (await api.head("/api/v1/auth/logout")).status_code == 405


async def test_the_allow_header_has_head_wherever_it_has_get(api: httpx.AsyncClient) -> None:
    for path, methods in (
        ("/api/v1/jobs", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("/health/live", {"GET", "HEAD", "OPTIONS"}),
        ("/api/v1/auth/logout", {"POST", "OPTIONS"}),
        ("/api/v1/auth/callback", {"GET", "OPTIONS"}),
    ):
        answer = await api.patch(path)
        assert answer.status_code == 405
        named = set(answer.headers["allow"].split(", "))
        assert named <= methods
        assert ("HEAD" in named) == ("HEAD" in methods), path


async def test_head_of_a_get_with_side_effects_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.head("/api/v1/auth/callback", params={"state": "x", "code": "y"})
    assert answer.status_code == 405


async def test_head_ignores_range(world: World) -> None:
    path = f"/api/v1/library/{world.values['item_id']}/content"
    whole = await world.person.client.head(path)
    part = await world.person.client.head(path, headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.headers["content-length"]) == (200, whole.headers["content-length"])
