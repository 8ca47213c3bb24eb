"""Query parameters that an operation does not have are refused; lists answer with pages."""

import httpx
import pytest

from tests.integration.conftest import Person

V1 = "/api/v1"


@pytest.mark.parametrize(
    ("method", "path", "known"),
    [
        ("GET", "/jobs", "limit"),
        ("GET", "/auth/login", "prompt"),  # of a dependency
        ("HEAD", "/library", "kind"),
        ("POST", "/shootouts/validate", "no query parameters"),
        ("GET", "/me", "no query parameters"),
    ],
)
async def test_a_parameter_that_does_not_exist_is_named_with_those_that_do(
    user: Person, method: str, path: str, known: str
) -> None:
    answer = await user.client.request(method, f"{V1}{path}?limt=5&wrong=1&limt=6")
    assert answer.status_code == 400
    if method != "HEAD":
        problem = answer.json()
        assert problem["code"] == "unknown_parameter"
        assert [(fault["code"], fault["parameter"]) for fault in problem["errors"]] == [
            ("unknown_parameter", "limt"),
            ("unknown_parameter", "wrong"),
        ]
        assert all(known in fault["detail"] for fault in problem["errors"])


async def test_what_was_probably_meant_is_said(user: Person) -> None:
    answer = await user.client.get(f"{V1}/library?order=name")
    assert "Did you mean `order_by`?" in answer.json()["detail"]


async def test_a_sign_in_may_lead_to_any_path(user: Person) -> None:
    assert (await user.client.get(f"{V1}/me?sign_in=done&tone_id=7")).status_code == 200


async def test_nobody_learns_parameters_without_a_credential(api: httpx.AsyncClient) -> None:
    assert (await api.get(f"{V1}/jobs?limt=5")).status_code == 401


async def test_a_page_says_whether_more_follows(user: Person) -> None:
    for name in ("one", "two", "three"):
        made = await user.client.post(f"{V1}/me/tokens", json={"name": name})
        assert made.headers["location"] == made.json()["token"]["links"]["self"]
        assert (await user.client.get(made.headers["location"])).json()["name"] == name
    total = (await user.client.get(f"{V1}/me/tokens")).json()["total"]
    for offset, limit in ((0, 2), (2, total - 2), (total, 1)):
        page = (await user.client.get(f"{V1}/me/tokens", params={"offset": offset, "limit": limit})).json()
        assert (page["total"], page["limit"], page["offset"]) == (total, limit, offset)
        assert page["has_more"] is (offset + limit < total)
