"""What can be edited has an entity tag, and nobody overwrites what they have not seen."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.uploads import SHOOTOUTS, config, di, upload

WITHOUT_TAG = {"/api/v1/admin/users/{user_id}"}
"""Shows usage, which changes by itself: a tag would refuse changes of what nobody else has changed."""
NO_SUCH_TAG = '"00000000000000000000000000000000"'


@dataclass(frozen=True)
class Editable:
    """Something that PATCH can change: its URL, the response that made it, and two changes."""

    url: str
    made: httpx.Response
    changes: tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture
async def editables(user: Person) -> list[Editable]:
    """A shootout, a library item that nothing uses, and a webhook."""
    client = user.client
    made = await client.post(SHOOTOUTS, json={"config": await config(client), "metadata": {"session": "1", "a": "b"}})
    changes: tuple[dict[str, Any], dict[str, Any]] = ({"metadata": {"longer name": "1"}}, {"metadata": {"c": "3"}})
    item = await upload(client, "di_track", di(seed=5))
    webhook = await client.post("/api/v1/webhooks", json={"url": "https://hooks.example/"})
    return [
        Editable(made.headers["location"], made, changes),
        Editable(item.headers["location"], item, ({"name": "One"}, {"name": "Two"})),
        Editable(webhook.headers["location"], webhook, ({"description": "one"}, {"description": "two"})),
    ]


async def test_the_tag_is_that_of_the_state_and_changes_with_each_change(
    user: Person, editables: list[Editable]
) -> None:
    for each in editables:
        tags = [each.made.headers["etag"]]
        assert (await user.client.get(each.url)).headers["etag"] == tags[0]
        for change in each.changes:
            tags.append((await user.client.patch(each.url, json=change)).headers["etag"])
            assert (await user.client.get(each.url)).headers["etag"] == tags[-1]
        assert len(set(tags)) == 3, each.url
        assert all(tag.startswith('"') for tag in tags), "strong"


async def test_who_has_the_current_state_gets_304(user: Person, editables: list[Editable]) -> None:
    for each in editables:
        tag = each.made.headers["etag"]
        for known in (tag, f"{NO_SUCH_TAG}, W/{tag}", "*"):
            answer = await user.client.get(each.url, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        await user.client.patch(each.url, json=each.changes[0])
        assert (await user.client.get(each.url, headers={"If-None-Match": tag})).status_code == 200


async def test_a_change_of_another_state_is_refused_and_changes_nothing(
    user: Person, other_user: Person, editables: list[Editable]
) -> None:
    for each in editables:
        tag = each.made.headers["etag"]
        for condition in (NO_SUCH_TAG, "nothing", tag.strip('"')):
            answer = await user.client.patch(each.url, json=each.changes[0], headers={"If-Match": condition})
            assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
            assert answer.headers["etag"] == tag
        assert (await user.client.get(each.url)).headers["etag"] == tag
        hidden = await other_user.client.patch(each.url, json=each.changes[0], headers={"If-Match": NO_SUCH_TAG})
        assert hidden.status_code == 404
        # A proxy that compresses marks tags.
        for condition in (f"{NO_SUCH_TAG}, {tag}", "*", "W/{}", '"{}-gzip"'):
            current = (await user.client.get(each.url)).headers["etag"]
            condition = condition.replace(tag, current).replace("W/{}", f"W/{current}")
            condition = condition.replace("{}", current.strip('"'))
            answer = await user.client.patch(each.url, json=each.changes[0], headers={"If-Match": condition})
            assert answer.status_code == 200, condition


async def test_another_state_is_not_deleted(user: Person, editables: list[Editable]) -> None:
    for each in editables:
        await user.client.patch(each.url, json=each.changes[0])
        stale = await user.client.delete(each.url, headers={"If-Match": each.made.headers["etag"]})
        assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
        current = (await user.client.get(each.url)).headers["etag"]
        assert (await user.client.delete(each.url, headers={"If-Match": current})).status_code == 204
        gone = await user.client.delete(each.url, headers={"If-Match": current})
        assert gone.status_code == 404


async def test_of_two_who_change_the_same_state_at_once_one_is_refused(user: Person, editables: list[Editable]) -> None:
    for each in editables:
        condition = {"If-Match": each.made.headers["etag"]}
        answers = await asyncio.gather(
            *(user.client.patch(each.url, json=change, headers=condition) for change in each.changes)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412], each.url
        (done,) = (answer for answer in answers if answer.status_code == 200)
        assert (await user.client.get(each.url)).json() == done.json()


async def test_every_operation_that_edits_documents_its_condition(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    edited = {path: item for path, item in paths.items() if "patch" in item and path not in WITHOUT_TAG}
    assert len(edited) >= 3
    for path, item in edited.items():
        for method, header, status in (
            ("get", "If-None-Match", "304"),
            ("patch", "If-Match", "412"),
            ("delete", "If-Match", "412"),
        ):
            assert header in {parameter["name"] for parameter in item[method]["parameters"]}, f"{method} {path}"
            assert status in item[method]["responses"], f"{method} {path}"
