"""Every response carries the id of its request, and so do problems."""

import re

import httpx
import pytest

from tests.integration.conftest import Person

MADE = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health/live", 200),
        ("HEAD", "/openapi.json", 200),
        ("GET", "/api/v1/me", 401),
        ("GET", "/nothing/here", 404),
        ("DELETE", "/health/live", 405),
        ("GET", "/api/v1/me?q=%ff", 400),
    ],
)
async def test_every_response_has_an_id_that_its_problem_repeats(
    api: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answers = [await api.request(method, path, headers={"Accept": "application/json"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert all(map(MADE.fullmatch, ids))
    assert ids[0] != ids[1]
    if status >= 400:
        assert [answer.json()["request_id"] for answer in answers] == ids


async def test_an_id_of_the_client_is_kept(user: Person) -> None:
    answer = await user.client.post("/api/v1/me/tokens", json={}, headers={"X-Request-ID": "my-app.7_A"})
    assert (answer.headers["x-request-id"], answer.json()["request_id"]) == ("my-app.7_A", "my-app.7_A")


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "a/b", "<b>", "é"])
async def test_an_id_that_could_break_a_log_is_replaced(api: httpx.AsyncClient, sent: str) -> None:
    answer = await api.get("/health/live", headers={b"X-Request-ID": sent.encode()})
    assert MADE.fullmatch(answer.headers["x-request-id"])
