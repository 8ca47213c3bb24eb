"""Shootouts as spec files in TOML."""

import tomllib

from tests.integration.conftest import Person
from tests.support.uploads import SHOOTOUTS, config, di
from tests.support.uploads import add as add_item

SPEC = f"{SHOOTOUTS}/spec"


async def test_an_exported_shootout_is_the_same_when_it_is_imported(user: Person) -> None:
    settled = {**await config(user.client), "title": 'Quotes " and \\ and é'}
    made = (await user.client.post(SHOOTOUTS, json={"config": settled})).json()
    exported = await user.client.get(f"{SHOOTOUTS}/{made['id']}/spec")
    assert exported.headers["content-type"].startswith("application/toml")
    document = tomllib.loads(exported.text)
    assert "asset" not in exported.text
    assert document["di_tracks"][0]["file"].endswith("some.file")
    read = (await user.client.post(SPEC, json={"spec": exported.text})).json()
    assert read["missing"] == []
    again = (await user.client.post(SHOOTOUTS, json={"config": read["config"]})).json()
    assert again["config"] == made["config"]


async def test_files_of_the_same_name_are_told_apart_by_their_hashes(user: Person) -> None:
    settled = await config(user.client)
    ids = [await add_item(user.client, "di_track", di(seed=seed)) for seed in (21, 22)]
    tracks = [{"name": f"Take {number}", "asset": each} for number, each in enumerate(ids)]
    made = (await user.client.post(SHOOTOUTS, json={"config": {**settled, "di_tracks": tracks}})).json()
    exported = (await user.client.get(f"{SHOOTOUTS}/{made['id']}/spec")).text
    files = [track["file"] for track in tomllib.loads(exported)["di_tracks"]]
    assert len(set(files)) == 2
    read = (await user.client.post(SPEC, json={"spec": exported})).json()
    assert [track["asset"] for track in read["config"]["di_tracks"]] == ids


async def test_files_that_the_library_does_not_have_are_named(user: Person) -> None:
    await add_item(user.client, "di_track", di(), name="riff")
    spec = (
        '[[di_tracks]]\nname = "A"\nfile = "takes/RIFF.wav"\n[[di_tracks]]\nname = "B"\nfile = "b.wav"\n'
        '[grid]\ncaptures = ["amp.nam"]\n'
    )
    read = (await user.client.post(SPEC, json={"spec": spec})).json()
    assert read["missing"] == ["b.wav", "amp.nam"]
    assert ["asset" in track for track in read["config"]["di_tracks"]] == [True, False]


async def test_a_malformed_spec_points_to_the_line(user: Person) -> None:
    answer = await user.client.post(SPEC, json={"spec": "title = \n"})
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    assert answer.json()["errors"][0]["pointer"] == "/spec"
    assert "line 1" in answer.json()["detail"]


async def test_others_get_no_spec(user: Person, other_user: Person) -> None:
    made = (await user.client.post(SHOOTOUTS, json={"config": await config(user.client)})).json()
    assert (await other_user.client.get(f"{SHOOTOUTS}/{made['id']}/spec")).status_code == 404
