"""A shootout is changed by a JSON merge patch: fields left out stay, null removes, wrong results are refused."""

from typing import Any

from tests.integration.conftest import Person
from tests.support.uploads import SHOOTOUTS, config, pointers

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


async def test_a_patch_changes_what_it_names_and_leaves_the_rest(user: Person, other_user: Person) -> None:
    chosen = await config(user.client) | {"level": {"target_lufs": -18.0, "ceiling_dbtp": -2.0}}
    metadata = {"session": "monday", "room": "A"}
    made = (await user.client.post(SHOOTOUTS, json={"config": chosen, "metadata": metadata})).json()
    path = made["links"]["self"]
    patch: dict[str, Any] = {"config": {"level": {"target_lufs": -14.0}}, "metadata": {"room": None, "take": "2"}}
    changed = (await user.client.patch(path, json=patch, headers=MERGE_PATCH)).json()
    assert changed["config"] == made["config"] | {"level": {"target_lufs": -14.0, "ceiling_dbtp": -2.0}}
    assert changed["metadata"] == {"session": "monday", "take": "2"}
    assert (changed["title"], changed["visibility"]) == (made["title"], made["visibility"])
    reset = (await user.client.patch(path, json={"config": {"level": None, "title": "New"}})).json()
    assert reset["config"]["level"] == {"target_lufs": -16.0, "ceiling_dbtp": -1.0}
    assert (reset["title"], reset["config"]["chains"]) == ("New", made["config"]["chains"])
    chains = {"config": {"chains": made["config"]["chains"][:1]}}
    assert len((await user.client.patch(path, json=chains)).json()["config"]["chains"]) == 1
    for client, status in ((other_user.client, 404), (user.client, 200)):
        assert (await client.patch(path, json=patch, headers=MERGE_PATCH)).status_code == status


async def test_a_wrong_patch_is_refused_with_pointers_and_changes_nothing(user: Person) -> None:
    made = (await user.client.post(SHOOTOUTS, json={"config": await config(user.client)})).json()
    assert made.pop("job") is None
    path = made["links"]["self"]
    deep: Any = 1
    for _ in range(40):
        deep = {"a": deep}
    refused: list[tuple[dict[str, Any], int, dict[str, str]]] = [
        ({"config": {"level": {"target_lufs": 3.0}}}, 400, {"/config/level/target_lufs": "invalid"}),
        ({"config": {"di_tracks": None}}, 400, {"/config/di_tracks": "missing"}),
        ({"config": {"levle": {}}}, 400, {"/config/levle": "unknown_field"}),
        ({"config": {"levle": None}}, 400, {"/config/levle": "unknown_field"}),
        ({"config": {"level": {"target_luf": None}}}, 400, {"/config/level/target_luf": "unknown_field"}),
        ({"config": {"chains": None}}, 422, {"/config/chains": "invalid"}),
        ({"config": deep}, 400, {"/config": "invalid"}),
        ({"metadata": {str(number): "x" for number in range(21)}}, 400, {"/metadata": "invalid"}),
    ]
    for body, status, expected in refused:
        response = await user.client.patch(path, json=body, headers=MERGE_PATCH)
        assert (response.status_code, pointers(response)) == (status, expected), body
    very_deep = b'{"config":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}"
    for content in (very_deep[:199_000], b'{"config":' + b'{"a":' * 20_000 + b"1" + b"}" * 20_001):
        answer = await user.client.patch(path, content=content, headers=MERGE_PATCH)
        assert answer.status_code in (400, 413)
    assert (await user.client.patch(path, content=b"x", headers={"Content-Type": "text/plain"})).status_code == 415
    assert (await user.client.get(path)).json() == made
