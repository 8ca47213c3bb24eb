"""The library: listing, showing, renaming, deleting, and its files' content."""

import asyncio
import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.sessions import Sessions
from tests.support.uploads import (
    LIBRARY,
    SHOOTOUTS,
    add,
    capture,
    config,
    di,
    eventually,
    ir,
    upload,
)
from tone_shootout.accounts.services import AccountService

NOWHERE = "01a20548-80f5-7234-a4f7-90e2925fd2a5"
ROUTES = [
    ("GET", "", None),
    ("PATCH", "", {"name": "mine"}),
    ("DELETE", "", None),
    ("GET", "/content", None),
    ("GET", "/usage", None),
    ("HEAD", "/content", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_an_item_needs_credentials(
    method: str, path: str, body: dict[str, str] | None, api: httpx.AsyncClient
) -> None:
    response = await api.request(method, f"{LIBRARY}/{NOWHERE}{path}", json=body)
    assert response.status_code == 401


async def test_the_list_needs_credentials(api: httpx.AsyncClient) -> None:
    assert (await api.get(LIBRARY)).status_code == 401


async def test_missing_and_foreign_ids_give_the_same_error(user: Person, other_user: Person) -> None:
    mine = await add(user.client, "di_track", di())
    for method, path, body in ROUTES:
        answers = []
        for item_id in (mine, NOWHERE):
            response = await other_user.client.request(method, f"{LIBRARY}/{item_id}{path}", json=body)
            assert response.status_code == 404, (method, path)
            answers.append(response.text.replace(item_id, "…").replace(response.headers["x-request-id"], "…"))
        assert answers[0] == answers[1]
    assert (await other_user.client.get(LIBRARY)).json()["total"] == 0
    item = (await user.client.get(f"{LIBRARY}/{mine}")).json()
    assert item["name"] != "mine"


async def listed(person: Person, **query: str | int) -> list[str]:
    response = await person.client.get(LIBRARY, params=query)
    assert response.status_code == 200, response.text
    return [item["name"] for item in response.json()["items"]]


async def test_the_list_can_be_filtered_sorted_and_paged(user: Person) -> None:
    await add(user.client, "di_track", di(0.5), name="b 100%")
    await add(user.client, "cab_ir", ir(), name="A_1")
    await add(user.client, "capture", capture(), name="c riff")
    assert await listed(user) == ["c riff", "A_1", "b 100%"]
    assert await listed(user, order_by="created_at") == ["b 100%", "A_1", "c riff"]
    assert await listed(user, order_by="name") == ["A_1", "b 100%", "c riff"]
    assert await listed(user, order_by="-name") == ["c riff", "b 100%", "A_1"]
    assert await listed(user, order_by="size_bytes") == ["c riff", "A_1", "b 100%"]
    assert await listed(user, order_by="-size_bytes") == ["b 100%", "A_1", "c riff"]
    assert await listed(user, kind="cab_ir") == ["A_1"]
    assert await listed(user, q="RIFF") == ["c riff"]
    assert await listed(user, q="%") == ["b 100%"]
    assert await listed(user, q="_") == ["A_1"]
    assert await listed(user, q="\\") == []
    page = (await user.client.get(LIBRARY, params={"limit": 1, "offset": 1})).json()
    assert (len(page["items"]), page["total"], page["limit"], page["offset"]) == (1, 3, 1, 1)
    beyond = (await user.client.get(LIBRARY, params={"offset": 7})).json()
    assert (beyond["items"], beyond["total"]) == ([], 3)


@pytest.mark.parametrize(
    "query",
    [
        {"order_by": "owner_id"},
        {"order_by": ""},
        {"kind": "song"},
        {"limit": "0"},
        {"limit": "101"},
        {"offset": "-1"},
        {"q": ""},
        {"q": "x" * 81},
        {"q": "\x00"},
        {"tag": ""},
        {"tag": "x" * 41},
        {"size_class": "\x00"},
        {"gear": ""},
    ],
)
async def test_an_undocumented_query_is_rejected(query: dict[str, str], user: Person) -> None:
    response = await user.client.get(LIBRARY, params=query)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


async def test_name_and_notes_can_be_updated_separately(user: Person) -> None:
    path = f"{LIBRARY}/{await add(user.client, 'di_track', di(), name='Old', notes='kept')}"
    before = (await user.client.get(path)).json()
    renamed = (await user.client.patch(path, json={"name": "New"})).json()
    assert (renamed["name"], renamed["notes"]) == ("New", "kept")
    noted = (await user.client.patch(path, json={"notes": ""})).json()
    assert (noted["name"], noted["notes"]) == ("New", "")
    assert noted["updated_at"] > before["updated_at"]
    assert noted["created_at"] == before["created_at"]
    assert (await user.client.patch(path, json={})).json() == noted == (await user.client.get(path)).json()


NO_CHANGES: list[Any] = [
    {"name": ""},
    {"name": "   "},
    {"name": "x" * 81},
    {"name": "two\nlines"},
    {"name": "ends in a line break\n"},
    {"name": None},
    {"name": 7},
    {"notes": "x" * 2001},
    {"notes": "a\x00b"},
    {"kind": "song"},
    {"kind": None},
    {"tags": ["x"] * 21},
    {"tags": ["x" * 41]},
    {"tags": [""]},
    {"tags": ["a\nb"]},
    {"tags": None},
    {"tags": "clean"},
    {"gear": "kazoo"},
    [],
]


async def test_a_rejected_update_changes_nothing(user: Person) -> None:
    path = f"{LIBRARY}/{await add(user.client, 'capture', capture())}"
    before = (await user.client.get(path)).json()
    for body in NO_CHANGES:
        response = await user.client.patch(path, json=body)
        assert response.status_code == 400, body
        assert response.json()["errors"], body
    assert (await user.client.get(path)).json() == before


async def test_an_update_has_the_body_limit_of_json(user: Person) -> None:
    path = f"{LIBRARY}/{await add(user.client, 'capture', capture())}"
    response = await user.client.patch(path, json={"notes": "x" * 1_000_000})
    assert response.status_code == 413


async def test_deleting_an_item_deletes_its_file(user: Person, blobs: Callable[[UUID], list[str]]) -> None:
    path = f"{LIBRARY}/{await add(user.client, 'di_track', di())}"
    deleted = await user.client.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await user.client.get(path)).status_code == 404
    assert (await user.client.get(f"{path}/content")).status_code == 404
    assert (await user.client.delete(path)).status_code == 404
    await eventually(lambda: blobs(user.id) == [])
    again = await upload(user.client, "di_track", di())
    assert again.status_code == 201
    assert (await user.client.get(again.json()["links"]["content"])).content == di()


async def test_an_item_in_use_can_not_be_deleted_and_its_shootouts_are_named(user: Person) -> None:
    chosen = await config(user.client, title="First one")
    shootouts = [
        (await user.client.post(SHOOTOUTS, json={"config": chosen | {"title": title}})).json()
        for title in ("First one", "Second one")
    ]
    path = f"{LIBRARY}/{chosen['di_tracks'][0]['asset']}"
    refused = await user.client.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert "“Second one”, “First one”" in refused.json()["detail"]
    assert shootouts[0]["links"]["self"] in refused.text
    assert (await user.client.get(f"{path}/content")).status_code == 200
    for shootout in shootouts:
        assert (await user.client.delete(shootout["links"]["self"])).status_code == 204
    assert (await user.client.delete(path)).status_code == 204


async def test_an_item_of_a_queued_job_can_not_be_deleted(user: Person) -> None:
    chosen = await config(user.client)
    shootout = (await user.client.post(SHOOTOUTS, json={"config": chosen, "submit": True})).json()
    other = await add(user.client, "di_track", di(seed=9))
    changed = chosen | {"di_tracks": [{"name": "Other", "asset": other}]}
    assert (await user.client.patch(shootout["links"]["self"], json={"config": changed})).status_code == 200
    path = f"{LIBRARY}/{chosen['di_tracks'][0]['asset']}"
    refused = await user.client.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert (await user.client.post(f"{shootout['job']['links']['self']}/cancel")).status_code == 202
    assert (await user.client.delete(path)).status_code == 204


@pytest.mark.parametrize("attempt", range(3))
async def test_concurrent_use_and_deletion_of_an_item_exclude_each_other(attempt: int, user: Person) -> None:
    chosen = await config(user.client)
    path = f"{LIBRARY}/{chosen['di_tracks'][0]['asset']}"
    calls = [user.client.delete(path), user.client.post(SHOOTOUTS, json={"config": chosen})]
    random.Random(attempt).shuffle(calls)
    statuses = {(await_.request.method, await_.status_code) for await_ in await asyncio.gather(*calls)}
    assert statuses in ({("DELETE", 204), ("POST", 422)}, {("DELETE", 409), ("POST", 201)})


async def test_deleting_an_account_deletes_items_and_shootouts(user: Person, session_maker: Sessions) -> None:
    await user.client.post(SHOOTOUTS, json={"config": await config(user.client)})
    async with session_maker() as session:
        await AccountService(session).delete_user(user.id)
        await session.commit()
    assert (await user.client.get(LIBRARY)).status_code == 401


RANGES = [
    ("bytes=0-0", 206, 0, 1),
    ("bytes=10-19", 206, 10, 20),
    ("bytes=1000-", 206, 1000, None),
    ("bytes=-5", 206, -5, None),
    ("bytes=0-99999999999", 206, 0, None),
    ("bytes=-99999999999", 206, 0, None),
    ("bytes=0-1,5-6", 200, 0, None),
    ("lines=1-2", 200, 0, None),
    ("bytes=-", 200, 0, None),
    ("bytes=5-4", 200, 0, None),
    (f"bytes={'9' * 5000}-", 200, 0, None),
]


async def test_content_is_served_in_ranges(user: Person) -> None:
    content = di(0.5)
    path = f"{LIBRARY}/{await add(user.client, 'di_track', content)}/content"
    for requested, status, start, stop in RANGES:
        response = await user.client.get(path, headers={"Range": requested})
        assert response.status_code == status, requested
        assert response.content == content[start:stop], requested
        assert response.headers["accept-ranges"] == "bytes"
        assert response.headers["content-type"] == "audio/wav"
        if status == 206:
            first = start if start >= 0 else len(content) + start
            last = first + len(response.content) - 1
            assert response.headers["content-range"] == f"bytes {first}-{last}/{len(content)}"


async def test_a_range_beyond_the_end_is_rejected(user: Person) -> None:
    content = di(0.5)
    path = f"{LIBRARY}/{await add(user.client, 'di_track', content)}/content"
    for requested in (f"bytes={len(content)}-", "bytes=99999999-", "bytes=-0"):
        response = await user.client.get(path, headers={"Range": requested})
        assert response.status_code == 416, requested
        assert response.headers["content-range"] == f"bytes */{len(content)}"
        assert response.json()["code"] == "range_not_satisfiable"


async def test_cached_content_is_not_sent_again(user: Person) -> None:
    item = (await upload(user.client, "di_track", di(), filename="x.wav")).json()
    path = item["links"]["content"]
    first = await user.client.get(path)
    assert first.headers["etag"] == f'"{item["sha256"]}"'
    for tag in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
        known = await user.client.get(path, headers={"If-None-Match": tag})
        assert (known.status_code, known.content) == (304, b"")
        assert known.headers["etag"] == first.headers["etag"]
    assert (await user.client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_if_range_with_another_etag_gives_the_whole_content(user: Person) -> None:
    path = f"{LIBRARY}/{await add(user.client, 'di_track', di())}/content"
    tag = (await user.client.head(path)).headers["etag"]
    same = await user.client.get(path, headers={"Range": "bytes=0-9", "If-Range": tag})
    other = await user.client.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (same.status_code, len(same.content)) == (206, 10)
    assert (other.status_code, other.content) == (200, di())


async def test_head_gives_the_headers_of_get(user: Person) -> None:
    path = f"{LIBRARY}/{await add(user.client, 'cab_ir', ir())}/content"
    requested, sent = await user.client.head(path, headers={"Range": "bytes=0-9"}), await user.client.get(path)
    assert (requested.status_code, requested.content) == (200, b"")
    for header in ("content-length", "content-type", "etag", "accept-ranges", "content-disposition"):
        assert requested.headers[header] == sent.headers[header]


async def test_content_is_served_as_a_download(user: Person) -> None:
    metadata = {"name": "<script>alert(1)</script>", "gear_type": "amp"}
    item = (await upload(user.client, "capture", capture(metadata=metadata), filename="x.html")).json()
    headers = (await user.client.get(item["links"]["content"])).headers
    assert headers["content-type"].startswith("application/json")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox")
    assert headers["cache-control"].startswith("private")
