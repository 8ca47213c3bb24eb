"""Shootouts: making, showing, changing, deleting, and their plans."""

import asyncio
import hashlib
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import numpy as np
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
    ir,
    playing,
    pointers,
    upload,
    wav,
)
from tone_shootout.kit.settings import Settings
from tone_shootout.rendering.media_info import Limits
from tone_shootout.shootouts.config import Config
from tone_shootout.shootouts.errors import InvalidConfigError
from tone_shootout.shootouts.services import ShootoutService, rendering_limits

NOWHERE = "01a20548-80f5-7234-a4f7-90e2925fd2a5"
ROUTES = [
    ("GET", "", None),
    ("GET", "/plan", None),
    ("PATCH", "", {"visibility": "public"}),
    ("DELETE", "", None),
]
BLOCKS: list[dict[str, Any]] = [
    {"type": "gain", "gain_db": -3.0},
    {"type": "eq", "bands": [{"type": "peak", "frequency_hz": 3000.0, "gain_db": 2.0}]},
    {"type": "compressor"},
    {"type": "noise_gate"},
    {"type": "delay", "time_ms": 380.0},
    {"type": "reverb", "reverb_type": "hall", "bypass": True},
]


async def make(person: Person, chosen: dict[str, Any], **fields: Any) -> dict[str, Any]:
    response = await person.client.post(SHOOTOUTS, json={"config": chosen, **fields})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    assert response.headers["location"] == made["links"]["self"]
    if "submit" not in fields:
        assert made.pop("job") is None
    return made


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, f"/{NOWHERE}{path}") for method, path, _ in ROUTES),
        ("POST", ""),
        ("GET", ""),
        ("GET", "/public"),
    ],
)
async def test_shootouts_need_credentials(method: str, path: str, api: httpx.AsyncClient) -> None:
    response = await api.request(method, SHOOTOUTS + path)
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_shootout_is_stored_with_explicit_defaults(user: Person) -> None:
    chosen = await config(user.client)
    chosen["chains"][0]["blocks"] += BLOCKS
    made = await make(user, chosen)
    assert (made["title"], made["visibility"]) == ("Two crunches", "private")
    assert made["config"]["schema"] == 1
    assert made["config"]["level"] == {"target_lufs": -16.0, "ceiling_dbtp": -1.0}
    assert made["config"]["di_tracks"][0]["start_s"] == 0.0
    for given, kept in zip(BLOCKS, made["config"]["chains"][0]["blocks"][2:], strict=True):
        assert given.items() <= {**kept, "bands": given.get("bands")}.items()
    assert (await user.client.get(made["links"]["self"])).json() == made
    again = await make(user, made["config"])
    assert again["config"] == made["config"]


async def test_missing_and_foreign_ids_give_the_same_error(user: Person, other_user: Person) -> None:
    made = await make(user, await config(user.client))
    for method, path, body in ROUTES:
        answers = []
        for shootout_id in (made["id"], NOWHERE):
            response = await other_user.client.request(method, f"{SHOOTOUTS}/{shootout_id}{path}", json=body)
            assert response.status_code == 404, (method, path)
            answers.append(response.text.replace(shootout_id, "…").replace(response.headers["x-request-id"], "…"))
        assert answers[0] == answers[1]
    assert (await other_user.client.get(SHOOTOUTS)).json()["total"] == 0
    assert (await user.client.get(made["links"]["self"])).json() == made


async def test_equal_shootouts_of_two_users_do_not_collide(user: Person, other_user: Person) -> None:
    mine, theirs = [await make(person, await config(person.client)) for person in (user, other_user)]
    assert mine["title"] == theirs["title"]
    assert mine["id"] != theirs["id"]
    assert (await user.client.delete(mine["links"]["self"])).status_code == 204
    assert (await other_user.client.get(theirs["links"]["self"])).json() == theirs


async def test_all_errors_of_a_config_are_reported_at_once(user: Person, other_user: Person) -> None:
    chosen = await config(user.client)
    foreign = await add(other_user.client, "di_track", di())
    track = chosen["di_tracks"][0]["asset"]
    amp, cab = (block["asset"] for block in chosen["chains"][0]["blocks"])
    chosen["di_tracks"] = [
        {"name": "Somebody else's", "asset": foreign},
        {"name": "Nobody's", "asset": NOWHERE},
        {"name": "No DI track", "asset": cab},
        {"name": "Backwards", "asset": track, "start_s": 0.5, "end_s": 0.25},
        {"name": "Too short", "asset": track, "end_s": 0.1},
    ]
    chosen["chains"] = [
        {"name": "No cab", "blocks": [{"type": "capture", "asset": amp}]},
        {"name": "No capture", "blocks": [{"type": "capture", "asset": track}, {"type": "cab_ir", "asset": cab}]},
        {"name": "Cab first", "blocks": [{"type": "cab_ir", "asset": cab}, {"type": "capture", "asset": amp}]},
        {
            "name": "Two cabs",
            "blocks": [
                {"type": "capture", "asset": amp},
                {"type": "cab_ir", "asset": cab},
                {"type": "cab_ir", "asset": cab},
            ],
        },
    ]
    response = await user.client.post(SHOOTOUTS, json={"config": chosen})
    assert response.status_code == 422
    assert response.json()["code"] == "invalid_config"
    assert (
        pointers(response).items()
        >= {
            "/config/di_tracks/0/asset": "missing_asset",
            "/config/di_tracks/1/asset": "missing_asset",
            "/config/di_tracks/2/asset": "wrong_kind",
            "/config/di_tracks/3/end_s": "invalid_slice",
            "/config/di_tracks/4": "too_short",
            "/config/chains/0/blocks": "ir_required",
            "/config/chains/1/blocks/0/asset": "wrong_kind",
            "/config/chains/2/blocks/1": "invalid_order",
            "/config/chains/3/blocks/2": "multiple_irs",
        }.items()
    )
    details = {fault["pointer"]: fault["detail"] for fault in response.json()["errors"]}
    assert details["/config/chains/3/blocks/2"].startswith("chain “Two cabs”, block 3 (cab_ir): ")
    assert details["/config/di_tracks/4"].startswith("DI track “Too short”: ")
    assert (await user.client.get(SHOOTOUTS)).json()["total"] == 0


async def test_a_rule_can_be_disabled_explicitly(user: Person) -> None:
    chosen = await config(user.client)
    chosen["chains"] = [{"name": "No cab", "blocks": chosen["chains"][0]["blocks"][:1], "allow": ["no_cab"]}]
    await make(user, chosen)


async def test_limits_of_a_shootout_are_enforced(user: Person, settings: Settings) -> None:
    chosen = await config(user.client)
    many = chosen | {
        "di_tracks": chosen["di_tracks"] * (settings.limits.di_tracks + 1),
        "chains": chosen["chains"][:1] * (settings.limits.chains + 1),
    }
    response = await user.client.post(SHOOTOUTS, json={"config": many})
    assert pointers(response) == {
        "/config/di_tracks": "too_many_di_tracks",
        "/config/chains": "too_many_chains",
        "/config": "too_many_segments",
    }


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A document with another value at a place."""
    first, _, rest = path.partition(".")
    if not rest:
        return document | {first: value}
    inner = document[first]
    if isinstance(inner, list):
        index, _, rest = rest.partition(".")
        element = changed(inner[int(index)], rest, value) if rest else value
        return document | {first: [*inner[: int(index)], element, *inner[int(index) + 1 :]]}
    return document | {first: changed(inner, rest, value)}


MALFORMED = [
    ("config.titel", "x", "/config/titel"),
    ("config.title", "", "/config/title"),
    ("config.title", "a\x00b", "/config/title"),
    ("config.title", "ends in a line break\n", "/config/title"),
    ("config.title", 7, "/config/title"),
    ("config.title", "x" * 121, "/config/title"),
    ("config.schema", 2, "/config/schema"),
    ("config.level", {"target_lufs": 3}, "/config/level/target_lufs"),
    ("config.di_tracks", [], "/config/di_tracks"),
    ("config.di_tracks.0.asset", "no id", "/config/di_tracks/0/asset"),
    ("config.di_tracks.0.file", "/etc/passwd", "/config/di_tracks/0/file"),
    ("config.di_tracks.0.name", "a\nb", "/config/di_tracks/0/name"),
    ("config.chains.0.blocks", [{"type": "flanger"}], "/config/chains/0/blocks/0/type"),
    ("config.chains.0.blocks", [{"type": "gain"}], "/config/chains/0/blocks/0/gain_db"),
    ("config.chains.0.trim_db", 13, "/config/chains/0/trim_db"),
    ("visibility", "friends", "/visibility"),
    ("owner_id", NOWHERE, "/owner_id"),
    ("submit", "yes", "/submit"),
]


async def test_an_undocumented_body_is_rejected_with_a_pointer(user: Person) -> None:
    document = {"config": await config(user.client), "visibility": "private"}
    for path, value, pointer in MALFORMED:
        response = await user.client.post(SHOOTOUTS, json=changed(document, path, value))
        assert response.status_code == 400, path
        assert response.json()["code"] == "invalid_request"
        assert list(pointers(response)) == [pointer], path
    many: dict[str, Any] = document
    for path, value, _ in MALFORMED[:1] + MALFORMED[9:10] + MALFORMED[14:]:
        many = changed(many, path, value)
    response = await user.client.post(SHOOTOUTS, json=many)
    assert set(pointers(response)) == {pointer for *_, pointer in MALFORMED[:1] + MALFORMED[9:10] + MALFORMED[14:]}
    assert (await user.client.get(SHOOTOUTS)).json()["total"] == 0


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"config": ', b"[" * 100_000, b'{"config": "\\ud800"}', b"\xff", b"nul"]
)
async def test_a_body_without_valid_json_is_rejected(body: bytes, user: Person) -> None:
    response = await user.client.post(SHOOTOUTS, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_body_over_the_limit_is_rejected(user: Person, settings: Settings) -> None:
    body = b" " * (settings.limits.body_bytes + 1)
    response = await user.client.post(SHOOTOUTS, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


async def test_config_and_visibility_can_be_updated_separately(user: Person) -> None:
    chosen = await config(user.client)
    made = await make(user, chosen)
    path = made["links"]["self"]
    public = (await user.client.patch(path, json={"visibility": "public"})).json()
    assert (public["visibility"], public["config"]) == ("public", made["config"])
    renamed = (await user.client.patch(path, json={"config": chosen | {"title": "Renamed"}})).json()
    assert (renamed["title"], renamed["config"]["title"], renamed["visibility"]) == ("Renamed", "Renamed", "public")
    assert renamed["updated_at"] > made["updated_at"]
    assert (await user.client.patch(path, json={})).json() == renamed == (await user.client.get(path)).json()


async def test_a_rejected_update_changes_nothing(user: Person) -> None:
    chosen = await config(user.client)
    made = await make(user, chosen)
    path = made["links"]["self"]
    missing = chosen | {"di_tracks": [{"name": "Nobody's", "asset": NOWHERE}]}
    for body, status in (
        ({"config": missing, "visibility": "public"}, 422),
        ({"config": None}, 400),
        ({"visibility": "friends"}, 400),
        ({"title": "x"}, 400),
    ):
        assert (await user.client.patch(path, json=body)).status_code == status
    assert (await user.client.get(path)).json() == made


async def test_items_removed_from_a_config_can_be_deleted(user: Person) -> None:
    chosen = await config(user.client)
    made = await make(user, chosen)
    other = await add(user.client, "di_track", di(seed=5))
    track = chosen["di_tracks"][0]["asset"]
    changed = chosen | {"di_tracks": [{"name": "Other", "asset": other}]}
    assert (await user.client.patch(made["links"]["self"], json={"config": changed})).status_code == 200
    assert (await user.client.delete(f"{LIBRARY}/{track}")).status_code == 204
    assert (await user.client.delete(f"{LIBRARY}/{other}")).status_code == 409


async def test_concurrent_updates_leave_one_of_them_complete(user: Person) -> None:
    chosen = await config(user.client)
    made = await make(user, chosen)
    other = await add(user.client, "di_track", di(seed=5))
    configs = [chosen, chosen | {"di_tracks": [{"name": "Other", "asset": other}]}] * 3
    path = made["links"]["self"]
    answers = await asyncio.gather(*(user.client.patch(path, json={"config": each}) for each in configs))
    assert {answer.status_code for answer in answers} == {200}
    left = (await user.client.get(path)).json()["config"]["di_tracks"][0]["asset"]
    unused = ({chosen["di_tracks"][0]["asset"], other} - {left}).pop()
    assert (await user.client.delete(f"{LIBRARY}/{left}")).status_code == 409
    assert (await user.client.delete(f"{LIBRARY}/{unused}")).status_code == 204


async def test_deleting_a_shootout_leaves_its_items(user: Person) -> None:
    made = await make(user, await config(user.client))
    path = made["links"]["self"]
    assert (await user.client.delete(path)).status_code == 204
    assert (await user.client.get(path)).status_code == 404
    assert (await user.client.delete(path)).status_code == 404
    assert (await user.client.get(LIBRARY)).json()["total"] == 3


async def test_the_list_can_be_searched_sorted_and_paged(user: Person) -> None:
    chosen = await config(user.client)
    made = {title: await make(user, chosen | {"title": title}) for title in ("b 10%", "A", "c")}
    await user.client.patch(made["b 10%"]["links"]["self"], json={"visibility": "public"})

    async def titles(**query: Any) -> list[str]:
        response = await user.client.get(SHOOTOUTS, params=query)
        return [shootout["title"] for shootout in response.json()["items"]]

    assert await titles() == ["c", "A", "b 10%"]
    assert await titles(order_by="created_at") == ["b 10%", "A", "c"]
    assert await titles(order_by="-updated_at") == ["b 10%", "c", "A"]
    assert await titles(order_by="title") == ["A", "b 10%", "c"]
    assert await titles(order_by="-title") == ["c", "b 10%", "A"]
    assert await titles(q="a") == ["A"]
    assert await titles(q="%") == ["b 10%"]
    assert await titles(limit=1, offset=1) == ["A"]
    for query in ({"order_by": "config"}, {"q": "\x00"}, {"limit": 0}):
        assert (await user.client.get(SHOOTOUTS, params=query)).status_code == 400


async def test_a_public_shootout_shows_only_title_and_owner(user: Person, other_user: Person) -> None:
    chosen = await config(user.client)
    private, public = await make(user, chosen), await make(user, chosen, visibility="public")
    response = await other_user.client.get(f"{SHOOTOUTS}/public")
    assert response.json()["items"] == [
        {
            "id": public["id"],
            "title": "Two crunches",
            "owner": user.name,
            "created_at": public["created_at"],
            "links": {"self": None},
        }
    ]
    assert response.json()["total"] == 1
    assert private["id"] not in response.text
    assert (await other_user.client.get(public["links"]["self"])).status_code == 404


async def test_a_plan_has_a_segment_for_every_di_track_and_chain(user: Person) -> None:
    chosen = await config(user.client)
    second = await add(user.client, "di_track", di(0.5, seed=3))
    chosen["di_tracks"].append({"name": "Second", "asset": second})
    made = await make(user, chosen)
    plan = (await user.client.get(made["links"]["plan"])).json()
    segments = [(s["position"], s["di_track"], s["chain"], s["duration_s"]) for s in plan["segments"]]
    assert segments == [
        (1, "Riff", "Low", 1.0),
        (2, "Riff", "High", 1.0),
        (3, "Second", "Low", 0.5),
        (4, "Second", "High", 0.5),
    ]
    assert plan["audio_s"] == 3.0
    assert plan["estimated_s"] > 0
    assert len({segment["render_key"] for segment in plan["segments"]}) == 4


async def test_render_keys_depend_on_content_not_on_names_or_owners(user: Person, other_user: Person) -> None:
    keys = []
    for person, title in ((user, "Mine"), (other_user, "Theirs")):
        chosen = await config(person.client, title=title)
        chosen["chains"][0]["name"] = title
        made = await make(person, chosen)
        plan = (await person.client.get(made["links"]["plan"])).json()
        keys.append([segment["render_key"] for segment in plan["segments"]])
    assert keys[0] == keys[1]


async def test_a_stereo_ir_is_stereo_unless_its_block_has_a_channel(user: Person) -> None:
    chosen = await config(user.client)
    sides = np.stack([playing(0.02, seed=3), playing(0.02, seed=4)], axis=1)
    block: dict[str, Any] = {"type": "cab_ir", "asset": await add(user.client, "cab_ir", wav(sides))}
    chosen["chains"] = [{"name": "Wide", "blocks": [chosen["chains"][0]["blocks"][0], block]}]
    keys = set()
    for channel in (None, "left", "right", "mean"):
        block["channel"] = channel
        made = await make(user, chosen)
        assert made["config"]["chains"][0]["blocks"][1]["channel"] == channel
        planned = (await user.client.get(made["links"]["plan"])).json()
        keys.add(planned["segments"][0]["render_key"])
    assert len(keys) == 4


async def test_notices_about_files_are_in_the_plan(user: Person) -> None:
    chosen = await config(user.client)
    opposite = playing()
    sides = np.stack([opposite, -opposite], axis=1)
    late = np.concatenate([np.zeros(960, np.int16), playing(0.02, seed=3)])
    chosen["di_tracks"] = [{"name": "Riff", "asset": await add(user.client, "di_track", wav(sides)), "channel": "left"}]
    chosen["di_tracks"].append(
        {"name": "DC", "asset": await add(user.client, "di_track", wav(playing() + np.int16(3_000)))}
    )
    chosen["chains"][1]["blocks"][1] = {"type": "cab_ir", "asset": await add(user.client, "cab_ir", wav(late))}
    made = await make(user, chosen)
    planned = (await user.client.get(made["links"]["plan"])).json()
    assert [(notice["code"], notice["pointer"]) for notice in planned["notices"]] == [
        ("dc_offset", "/config/di_tracks/1"),
        ("late_onset", "/config/chains/1/blocks/1"),
    ]
    assert "starts 20.0 ms after" in planned["notices"][1]["detail"]
    del chosen["di_tracks"][0]["channel"]
    refused = await user.client.post(SHOOTOUTS, json={"config": chosen})
    assert pointers(refused) == {"/config/di_tracks/0/channel": "sides_cancel"}


async def test_a_plan_over_new_limits_is_rejected(user: Person, session_maker: Sessions) -> None:
    made = await make(user, await config(user.client))
    async with session_maker() as session:
        service = ShootoutService(session, Limits(chains=1))
        with pytest.raises(InvalidConfigError, match="at most 1 chains") as caught:
            await service.snapshot(user.id, made["id"])
    assert [(fault.code, fault.pointer) for fault in caught.value.errors] == [("too_many_chains", "/config/chains")]


async def test_a_snapshot_has_everything_that_rendering_needs(
    user: Person, settings: Settings, session_maker: Sessions
) -> None:
    chosen = await config(user.client)
    made = await make(user, chosen)
    async with session_maker() as session:
        service = ShootoutService(session, rendering_limits(settings.limits))
        snapshot = await service.snapshot(user.id, made["id"])
    assert snapshot.title == "Two crunches"
    assert msgspec.convert(snapshot.config, Config) == msgspec.convert(made["config"], Config)
    assert len(snapshot.plan.segments) == 2
    assert snapshot.spec.di_tracks[0].file == chosen["di_tracks"][0]["asset"]
    contents = {"di_track": di(), "capture": capture(), "cab_ir": ir()}
    assert {asset.kind for asset in snapshot.assets} == set(contents)
    for asset in snapshot.assets:
        sha256 = hashlib.sha256(contents[asset.kind]).hexdigest()
        assert asset.sha256 == asset.facts.sha256 == sha256
        assert asset.storage_key == f"users/{user.id}/blobs/{sha256}"
        assert asset.file in {str(item) for item in (chosen["di_tracks"][0]["asset"], *_assets(chosen))}


def _assets(chosen: dict[str, Any]) -> list[str]:
    return [block["asset"] for chain in chosen["chains"] for block in chain["blocks"]]


async def test_a_shootout_can_be_created_and_submitted_in_one_request(user: Person) -> None:
    made = await make(user, await config(user.client), submit=True)
    job = (await user.client.get(made["job"]["links"]["self"])).json()
    assert (job["shootout_id"], job["title"]) == (made["id"], made["title"])


async def test_an_invalid_shootout_leaves_no_job(user: Person) -> None:
    chosen = await config(user.client) | {"di_tracks": [{"name": "Nobody's", "asset": NOWHERE}]}
    response = await user.client.post(SHOOTOUTS, json={"config": chosen, "submit": True})
    assert response.status_code == 422
    assert (await user.client.get("/api/v1/jobs")).json()["total"] == 0


async def test_a_shootout_with_an_unfinished_job_can_not_be_deleted(user: Person) -> None:
    made = await make(user, await config(user.client), submit=True)
    refused = await user.client.delete(made["links"]["self"])
    assert refused.status_code == 409
    assert (await user.client.get(made["links"]["self"])).status_code == 200
    assert (await user.client.post(f"{made['job']['links']['self']}/cancel")).status_code == 202
    assert (await user.client.delete(made["links"]["self"])).status_code == 204
    assert (await user.client.get(made["job"]["links"]["self"])).status_code == 404


async def test_openapi_documents_every_field_of_an_upload(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    body = document["paths"][LIBRARY]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert body["schema"] == {"$ref": "#/components/schemas/UploadForm"}
    form = document["components"]["schemas"]["UploadForm"]
    assert sorted(form["properties"]) == ["file", "kind", "name", "notes", "tags"]
    assert sorted(form["required"]) == ["file", "kind"]
    assert all("description" in field for field in form["properties"].values())


async def test_a_file_name_in_any_script_is_preserved(user: Person) -> None:
    chosen = await config(user.client, title="Überdrive 龍 🎸")
    made = await make(user, chosen)
    assert made["title"] == "Überdrive 龍 🎸"
    item = (await upload(user.client, "di_track", di(), name="Ignored: it is there already")).json()
    assert item["id"] == chosen["di_tracks"][0]["asset"]


async def test_errors_of_structure_and_of_meaning_come_in_one_answer(user: Person) -> None:
    config_ = await config(user.client)
    good = config_["chains"][0]
    config_["chains"] = [
        good | {"name": "Broken", "blocs": []},
        good | {"name": "No cab", "blocks": good["blocks"][:1]},
        good | {"name": "Gone", "blocks": [*good["blocks"][:1], good["blocks"][1] | {"asset": str(uuid4())}]},
    ]
    expected = {
        "/config/chains/0/blocs": "unknown_field",
        "/visibility": "invalid",
        "/config/chains/1/blocks": "ir_required",
        "/config/chains/2/blocks/1/asset": "missing_asset",
    }
    for url in (SHOOTOUTS, f"{SHOOTOUTS}/validate"):
        answer = await user.client.post(url, json={"config": config_, "visibility": "secret"})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert {fault["pointer"]: fault["code"] for fault in answer.json()["errors"]} == expected
        assert "chain “No cab”, blocks: " in answer.json()["detail"]
    made = (await user.client.post(SHOOTOUTS, json={"config": await config(user.client)})).headers["location"]
    answer = await user.client.patch(made, json={"config": {"chains": config_["chains"]}})
    found = {fault["pointer"]: fault["code"] for fault in answer.json()["errors"]}
    assert (answer.status_code, found) == (400, {key: value for key, value in expected.items() if "config" in key})
