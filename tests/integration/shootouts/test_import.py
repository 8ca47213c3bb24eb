"""Bringing a model of TONE3000 into the library."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.integration.conftest import Connect, Person
from tests.support.tone3000 import StandIn
from tests.support.uploads import LIBRARY, SHOOTOUTS, add, di, eventually, ir, upload
from tone_shootout.demo import bundled_capture

BLUEBIRD, KITCHEN_FUZZ, NIGHTJAR, OPEN_BACK, BACK_ROOM, RACK, BROKEN = (
    900101,
    900102,
    900103,
    900201,
    900301,
    900401,
    900901,
)
CLEAN = (BLUEBIRD, 910001)


def _sha256(name: str) -> str:
    return hashlib.sha256(bundled_capture(name)).hexdigest()


async def _import(person: Person, tone_id: int, model_id: int) -> httpx.Response:
    return await person.client.post(f"/api/v1/tones/{tone_id}/models/{model_id}/import")


async def _item(person: Person, answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = (await person.client.get(answer.headers["location"])).json()
    return found


async def test_an_import_that_is_sent_again_with_its_key_takes_effect_once(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    url = "/api/v1/tones/{}/models/{}/import"
    key = {"Idempotency-Key": "import-1"}
    first = await ada.client.post(url.format(*CLEAN), headers=key)
    assert (await ada.client.delete(first.headers["location"])).status_code == 204
    again = await ada.client.post(url.format(*CLEAN), headers=key)
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert (await ada.client.get(LIBRARY)).json()["total"] == 0
    other = await ada.client.post(url.format(OPEN_BACK, 910022), headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_capture_is_imported_with_its_credit(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    answer = await _import(ada, *CLEAN)
    assert answer.status_code == 201
    item = answer.json()
    assert item == await _item(ada, answer)
    assert (item["kind"], item["name"], item["sha256"]) == ("capture", "Bluebird 45 Lead, Gain 3", _sha256("clean.nam"))
    assert item["filename"] == "Bluebird 45 Lead, Gain 3.nam"
    source = item["source"]
    assert source.pop("fetched_at")
    assert source.pop("url").endswith("/tones/bluebird-45-lead-900101")
    assert source.pop("creator_url").endswith("/valve-shed")
    assert source == {
        "tone_id": BLUEBIRD,
        "model_id": 910001,
        "title": "Bluebird 45 Lead",
        "model_name": "Gain 3",
        "gear": "amp",
        "creator": "Valve Shed",
        "license": "t3k",
        "license_name": "TONE3000 license",
        "license_url": "https://www.tone3000.com/terms",
        "commercial": True,
        "gone_at": None,
    }
    content = await ada.client.get(item["links"]["content"])
    assert content.content == bundled_capture("clean.nam")


async def test_the_gear_of_the_catalog_overrides_that_of_the_file(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    combo = (await _import(ada, NIGHTJAR, 910031)).json()
    assert (combo["facts"]["gear"], combo["facts"]["catalog_gear"]) == ("amp", "amp_cab")
    cab = {"type": "cab_ir", "asset": await add(ada.client, "cab_ir", ir())}
    track = {"name": "Riff", "asset": await add(ada.client, "di_track", di())}
    for block, codes in (
        ({"type": "capture", "asset": combo["id"]}, ["ir_forbidden"]),
        ({"type": "capture", "asset": combo["id"], "gear": "amp"}, []),
    ):
        config = {"di_tracks": [track], "chains": [{"name": "Combo", "blocks": [block, cab]}]}
        answer = await ada.client.post(SHOOTOUTS, json={"config": config})
        assert [error["code"] for error in answer.json().get("errors", [])] == codes, answer.text


@pytest.mark.parametrize(
    ("tone_id", "model_id", "kind", "architecture"),
    [
        (BLUEBIRD, 910011, "capture", "SlimmableContainer"),
        (KITCHEN_FUZZ, 910005, "capture", "WaveNet"),
        (OPEN_BACK, 910022, "cab_ir", None),
    ],
    ids=["A2", "custom", "IR"],
)
async def test_every_supported_kind_can_be_imported(
    user: Person, connect: Connect, tone_id: int, model_id: int, kind: str, architecture: str | None
) -> None:
    ada = await connect(user)
    item = (await _import(ada, tone_id, model_id)).json()
    assert (item["kind"], item["facts"].get("architecture")) == (kind, architecture)


async def test_an_imported_model_is_not_downloaded_again(user: Person, connect: Connect, tone3000: StandIn) -> None:
    ada = await connect(user)
    first, second = await _import(ada, *CLEAN), await _import(ada, *CLEAN)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["id"] == first.json()["id"]
    assert len(tone3000.requests("/download/")) == 1


async def test_concurrent_imports_make_one_item(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    answers = await asyncio.gather(*(_import(ada, *CLEAN) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (await ada.client.get(LIBRARY)).json()["total"] == 1


async def test_importing_an_uploaded_file_adds_its_credit(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    uploaded = await upload(ada.client, "capture", bundled_capture("clean.nam"), name="My clean")
    assert uploaded.json()["source"] is None
    imported = await _import(ada, *CLEAN)
    assert (imported.status_code, imported.json()["id"]) == (200, uploaded.json()["id"])
    assert (imported.json()["name"], imported.json()["source"]["creator"]) == ("My clean", "Valve Shed")


async def test_listed_models_link_to_imported_items(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    item = (await _import(ada, *CLEAN)).json()
    models = (await ada.client.get(f"/api/v1/tones/{BLUEBIRD}/models")).json()["items"]
    assert {model["id"]: model["library_item_id"] for model in models if model["library_item_id"]} == {
        910001: item["id"]
    }


async def test_each_user_has_their_own_copy(
    user: Person, other_user: Person, connect: Connect, blobs: Callable[[UUID], list[str]]
) -> None:
    ada, bob = await connect(user, "lab_rat"), await connect(other_user, "valve-shed")
    mine, theirs = (await _import(ada, *CLEAN)).json(), (await _import(bob, *CLEAN)).json()
    assert mine["sha256"] == theirs["sha256"]
    assert mine["id"] != theirs["id"]
    assert (await bob.client.get(mine["links"]["content"])).status_code == 404
    assert blobs(ada.id) == blobs(bob.id) == [f"blobs/{mine['sha256']}"]


async def test_a_deleted_tone_leaves_the_item_usable_and_marked(
    user: Person, connect: Connect, tone3000: StandIn
) -> None:
    ada = await connect(user)
    first = await _import(ada, *CLEAN)
    tone3000.set_visibility(BLUEBIRD, "gone")
    again = await _import(ada, *CLEAN)
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert again.json()["source"]["gone_at"]
    assert again.json()["source"]["creator"] == "Valve Shed"
    assert (await ada.client.get(again.json()["links"]["content"])).content == bundled_capture("clean.nam")
    tone3000.set_visibility(BLUEBIRD, "public")
    assert (await _import(ada, *CLEAN)).json()["source"]["gone_at"] is None


@pytest.mark.parametrize("path", ["", "/models"])
async def test_requesting_a_tone_made_private_marks_its_imports(
    user: Person, connect: Connect, tone3000: StandIn, path: str
) -> None:
    ada = await connect(user)
    imported = await _import(ada, NIGHTJAR, 910031)
    tone3000.set_visibility(NIGHTJAR, "private")
    assert (await ada.client.get(f"/api/v1/tones/{NIGHTJAR}{path}")).status_code == 404
    assert (await _item(ada, imported))["source"]["gone_at"]
    tone3000.set_visibility(NIGHTJAR, "public")
    assert (await ada.client.get(f"/api/v1/tones/{NIGHTJAR}/models")).status_code == 200
    assert (await _item(ada, imported))["source"]["gone_at"] is None


@pytest.mark.parametrize(
    ("tone_id", "model_id"),
    [(BLUEBIRD, 999_999), (999_999, 910001), (OPEN_BACK, 910001), (BACK_ROOM, 910041)],
    ids=["no model", "no tone", "another tone's", "private"],
)
async def test_missing_and_private_models_can_not_be_imported(
    user: Person, connect: Connect, tone3000: StandIn, tone_id: int, model_id: int
) -> None:
    ada = await connect(user)
    answer = await _import(ada, tone_id, model_id)
    assert (answer.status_code, answer.json()["code"]) == (404, "tone_not_available")
    assert not tone3000.requests("/download/")


async def test_all_unused_imports_can_be_deleted_at_once(
    user: Person, other_user: Person, connect: Connect, blobs: Callable[[UUID], list[str]]
) -> None:
    ada, bob = await connect(user, "lab_rat"), await connect(other_user, "valve-shed")
    track = await add(ada.client, "di_track", di())
    free, used = (await _import(ada, OPEN_BACK, 910021)).json(), (await _import(ada, KITCHEN_FUZZ, 910005)).json()
    theirs = (await _import(bob, *CLEAN)).json()
    chain = {"name": "Fuzz", "blocks": [{"type": "capture", "asset": used["id"], "gear": "amp_cab"}]}
    config = {"di_tracks": [{"name": "Riff", "asset": track}], "chains": [chain]}
    assert (await ada.client.post(SHOOTOUTS, json={"config": config})).status_code == 201

    answer = await ada.client.delete("/api/v1/tones/imports")
    assert (answer.status_code, answer.json()) == (200, {"deleted": 1, "kept": 1})
    left = (await ada.client.get(LIBRARY)).json()["items"]
    assert {item["id"] for item in left} == {track, used["id"]}
    await eventually(lambda: f"blobs/{free['sha256']}" not in blobs(ada.id))
    assert (await bob.client.get(theirs["links"]["content"])).status_code == 200


async def test_a_response_about_another_model_is_rejected(user: Person, connect: Connect, tone3000: StandIn) -> None:
    ada = await connect(user)
    for body in ('{"id": 7, "tone_id": 900101}', '{"id": 910001, "tone_id": 7}', '{"id": 910001}'):
        tone3000.fault("status", "/models/910001$", status=200, body=body)
        assert (await _import(ada, *CLEAN)).json()["code"] == "tone_not_available"
    assert not tone3000.requests("/download/")


async def test_unsupported_files_are_not_downloaded(user: Person, connect: Connect, tone3000: StandIn) -> None:
    ada = await connect(user)
    answer = await _import(ada, RACK, 910051)
    assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_format")
    assert "aida-x" in answer.json()["detail"]
    assert not tone3000.requests("/download/")


@pytest.mark.parametrize("model_id", [910091, 910092, 910093], ids=["a page", "half a file", "no config"])
async def test_an_invalid_capture_is_rejected_and_deleted(
    user: Person, connect: Connect, blobs: Callable[[UUID], list[str]], model_id: int
) -> None:
    ada = await connect(user)
    answer = await _import(ada, BROKEN, model_id)
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [""]
    assert (await ada.client.get(LIBRARY)).json()["total"] == 0
    assert blobs(ada.id) == []


async def test_an_endless_file_is_rejected_and_deleted(
    user: Person, connect: Connect, tone3000: StandIn, blobs: Callable[[UUID], list[str]]
) -> None:
    ada = await connect(user)
    tone3000.fault("oversized", "/download/")
    answer = await _import(ada, *CLEAN)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert blobs(ada.id) == []


async def test_a_redirect_to_another_host_is_not_followed(user: Person, connect: Connect, tone3000: StandIn) -> None:
    ada = await connect(user)
    for address in ("http://169.254.169.254/latest", "https://elsewhere.example/x.nam"):
        tone3000.fault(
            "status",
            "/models/910001$",
            status=200,
            body=f'{{"id": 910001, "tone_id": 900101, "model_url": "{address}"}}',
        )
        answer = await _import(ada, *CLEAN)
        assert (answer.status_code, answer.json()["code"]) == (502, "tone3000_foreign_address")
    tone3000.fault("redirect", "/download/", location=f"http://localhost:{tone3000.url.rpartition(':')[2]}/elsewhere/x")
    answer = await _import(ada, *CLEAN)
    assert (answer.status_code, answer.json()["code"]) == (502, "tone3000_foreign_address")
    assert not tone3000.requests("/elsewhere/")


async def test_an_import_needs_a_token_with_write_scope(
    user: Person, connect: Connect, tone3000: StandIn, tone3000_service: str
) -> None:
    ada = await connect(user)
    made = await ada.client.post("/api/v1/me/tokens", json={"name": "reader", "scope": "read"})
    headers = {"Authorization": f"Bearer {made.json()['secret']}"}
    async with httpx.AsyncClient(base_url=tone3000_service, timeout=60, headers=headers) as reader:
        answer = await reader.post(f"/api/v1/tones/{BLUEBIRD}/models/910001/import")
        assert (await reader.get(f"/api/v1/tones/{BLUEBIRD}")).status_code == 200
    assert (answer.status_code, answer.json()["code"]) == (403, "read_only_token")
