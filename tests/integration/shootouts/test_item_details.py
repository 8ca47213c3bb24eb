"""Tags and gear of library items, lists filtered by them, and what uses an item."""

from tests.integration.conftest import Person
from tests.support.uploads import LIBRARY, SHOOTOUTS, add, capture, config, di, ir, pointers, upload


async def _names(person: Person, **query: str | list[str]) -> list[str]:
    response = await person.client.get(LIBRARY, params={"order_by": "name", **query})
    assert response.status_code == 200, response.text
    return [item["name"] for item in response.json()["items"]]


async def test_tags_are_set_by_upload_and_update_and_found_whatever_their_case(
    user: Person, other_user: Person
) -> None:
    track = await add(user.client, "di_track", di(), name="Riff", tags=" Clean,  Edge of   breakup, clean ,")
    await add(user.client, "cab_ir", ir(), name="V30")
    path = f"{LIBRARY}/{track}"
    assert (await user.client.get(path)).json()["tags"] == ["clean", "edge of breakup"]
    changed = (await user.client.patch(f"{LIBRARY}/{track}", json={"tags": ["Zoë, live", "CLEAN"]})).json()
    assert changed["tags"] == ["clean", "zoë live"]
    assert changed["name"] == "Riff"
    assert await _names(user, tag="Clean") == ["Riff"]
    assert await _names(user, tag=["clean", "ZOË live"]) == ["Riff"]
    assert await _names(user, tag=["clean", "dirty"]) == []
    assert await _names(other_user, tag="clean") == []
    assert (await user.client.patch(path, json={"tags": []})).json()["tags"] == []


async def test_an_upload_with_wrong_tags_is_rejected(user: Person) -> None:
    for tags in (",".join(map(str, range(21))), "x" * 41, "a\nb"):
        response = await upload(user.client, "di_track", di(), tags=tags)
        assert response.status_code == 400
        assert all(pointer.startswith("/tags") for pointer in pointers(response)), response.text
    assert await _names(user) == []


async def test_captures_are_filtered_by_architecture_size_and_gear(user: Person) -> None:
    stated = await add(user.client, "capture", capture(0.1), name="a stated")
    unstated = await add(user.client, "capture", capture(0.2, metadata={}), name="b unstated")
    await add(user.client, "di_track", di(), name="c track")
    item = (await user.client.get(f"{LIBRARY}/{stated}")).json()
    assert item["gear"] == "amp"
    assert await _names(user, size_class=item["facts"]["size_class"], architecture="Linear") == [
        "a stated",
        "b unstated",
    ]
    assert await _names(user, size_class="standard") == []
    assert await _names(user, gear="amp") == ["a stated"]
    changed = await user.client.patch(f"{LIBRARY}/{unstated}", json={"gear": "amp_cab"})
    assert changed.json()["gear"] == "amp_cab"
    assert await _names(user, gear="amp_cab") == ["b unstated"]
    assert await _names(user, gear="amp_cab", kind="cab_ir") == []


async def test_gear_stated_by_the_user_decides_which_blocks_a_chain_needs(user: Person) -> None:
    track = await add(user.client, "di_track", di())
    amp = await add(user.client, "capture", capture())
    body = {
        "config": {
            "di_tracks": [{"name": "Riff", "asset": track}],
            "chains": [{"name": "Direct", "blocks": [{"type": "capture", "asset": amp}]}],
        }
    }
    refused = (await user.client.post(f"{SHOOTOUTS}/validate", json=body)).json()
    assert [error["code"] for error in refused["errors"]] == ["ir_required"]
    await user.client.patch(f"{LIBRARY}/{amp}", json={"gear": "amp_cab"})
    assert (await user.client.post(f"{SHOOTOUTS}/validate", json=body)).json()["valid"]
    restored = await user.client.patch(f"{LIBRARY}/{amp}", json={"gear": None})
    assert restored.json()["gear"] == "amp"
    assert not (await user.client.post(f"{SHOOTOUTS}/validate", json=body)).json()["valid"]


async def test_the_kind_of_an_item_is_corrected_by_decoding_its_file_again(user: Person) -> None:
    content = di(seconds=0.2)
    path = f"{LIBRARY}/{await add(user.client, 'di_track', content, name='Room')}"
    before = (await user.client.get(path)).json()
    changed = await user.client.patch(path, json={"kind": "cab_ir"})
    assert (changed.status_code, changed.json()["kind"], changed.json()["name"]) == (200, "cab_ir", "Room")
    assert changed.json()["facts"]["kind"] == "cab_ir"
    assert changed.headers["ETag"] == (await user.client.get(path)).headers["ETag"]
    assert (await user.client.get(f"{path}/content")).content == content
    wrong = await user.client.patch(path, json={"kind": "capture", "name": "never"})
    assert (wrong.status_code, pointers(wrong)) == (422, {"/kind": "not_json"})
    assert (await user.client.get(path)).json() == changed.json()
    restored = (await user.client.patch(path, json={"kind": "di_track"})).json()
    assert {**restored, "updated_at": None} == {**before, "updated_at": None}


async def test_the_kind_of_an_item_is_kept_where_it_is_used_or_taken(user: Person) -> None:
    chosen = await config(user.client)
    await user.client.post(SHOOTOUTS, json={"config": chosen})
    used = await user.client.patch(f"{LIBRARY}/{chosen['di_tracks'][0]['asset']}", json={"kind": "cab_ir"})
    assert (used.status_code, used.json()["code"]) == (409, "in_use")
    both = [await add(user.client, kind, di(seconds=0.2), name=kind) for kind in ("di_track", "cab_ir")]
    taken = await user.client.patch(f"{LIBRARY}/{both[0]}", json={"kind": "cab_ir"})
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict")
    assert "“cab_ir”" in taken.json()["detail"]


async def test_only_captures_have_gear(user: Person) -> None:
    path = f"{LIBRARY}/{await add(user.client, 'cab_ir', ir())}"
    assert (await user.client.get(path)).json()["gear"] is None
    response = await user.client.patch(path, json={"gear": "amp", "name": "never"})
    assert (response.status_code, pointers(response)) == (422, {"/gear": "wrong_kind"})
    assert (await user.client.get(path)).json()["name"] != "never"


async def test_the_shootouts_that_use_an_item_are_listed_and_named_when_it_is_deleted(user: Person) -> None:
    chosen = await config(user.client)
    made = [
        (await user.client.post(SHOOTOUTS, json={"config": chosen | {"title": title}})).json()
        for title in ("First", "Second")
    ]
    item = (await user.client.get(f"{LIBRARY}/{chosen['di_tracks'][0]['asset']}")).json()
    page = (await user.client.get(item["links"]["usage"])).json()
    assert page["total"] == 2
    assert [use["title"] for use in page["items"]] == ["Second", "First"]
    assert [use["links"]["shootout"] for use in page["items"]] == [shootout["links"]["self"] for shootout in made[::-1]]
    second = (await user.client.get(item["links"]["usage"], params={"limit": 1, "offset": 1})).json()
    assert [use["title"] for use in second["items"]] == ["First"]
    refused = await user.client.delete(item["links"]["self"])
    assert refused.status_code == 409
    assert [made[1]["links"]["self"] in error["detail"] for error in refused.json()["errors"]] == [True, False]
    for shootout in made:
        await user.client.delete(shootout["links"]["self"])
    assert (await user.client.get(item["links"]["usage"])).json()["items"] == []
    assert (await user.client.delete(item["links"]["self"])).status_code == 204


async def test_limits_tell_what_is_allowed_and_used(user: Person, other_user: Person) -> None:
    before = (await user.client.get("/api/v1/limits")).json()
    assert before["upload"]["max_file_bytes"] == 8_000_000
    assert before["upload"]["max_capture_bytes"] == 2_000_000
    assert before["shootout"] == {"max_di_tracks": 8, "max_chains": 16, "max_segments": 64}
    assert (before["jobs"]["max_unfinished"], before["jobs"]["unfinished"]) == (20, 0)
    assert before["requests"]["max_per_minute"] is None
    assert (before["storage"]["used_items"], before["storage"]["used_bytes"]) == (0, 0)
    content = di()
    await add(user.client, "di_track", content)
    after = (await user.client.get("/api/v1/limits")).json()["storage"]
    assert (after["used_items"], after["used_bytes"]) == (1, len(content))
    assert after["free_items"] == before["storage"]["free_items"] - 1
    assert after["free_bytes"] == before["storage"]["free_bytes"] - len(content)
    assert (await other_user.client.get("/api/v1/limits")).json()["storage"]["used_items"] == 0
