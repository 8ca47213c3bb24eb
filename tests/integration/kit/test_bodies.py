"""A body is taken for exactly what it is, and whatever is wrong with it is named."""

from typing import Any

import pytest

from tests.integration.conftest import Person

TOKENS = "/api/v1/me/tokens"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"name": "x", "expires_in_days": "7"}, "/expires_in_days", "invalid"),
        ({"name": 5}, "/name", "invalid"),
        ({}, "", "invalid"),
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


async def test_a_body_beyond_the_limit_is_refused(user: Person) -> None:
    answer = await user.client.post(TOKENS, json={"name": "x" * 300_000})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
