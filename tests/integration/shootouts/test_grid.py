"""A grid over REST: stored as written, planned as chains, wrong entries pointed to."""

from typing import Any

from tests.integration.conftest import Person
from tests.support.uploads import SHOOTOUTS, add, capture, di, ir, pointers

NOWHERE = "01a20548-80f5-7234-a4f7-90e2925fd2a5"


async def test_a_grid_is_stored_as_written_and_planned_like_the_chains_written_out(user: Person) -> None:
    track = await add(user.client, "di_track", di(), name="Riff")
    amps = [await add(user.client, "capture", capture(gain), name=f"Amp {gain}") for gain in (0.25, 0.5, 0.75)]
    cabs = [await add(user.client, "cab_ir", ir(seed=seed), name=f"Cab {seed}") for seed in (2, 3)]
    tracks = [{"name": "Riff", "asset": track}]
    grid = {"captures": [amps[0], amps[1], {"asset": amps[2], "name": "Hot"}], "cab_irs": cabs}
    made = (await user.client.post(SHOOTOUTS, json={"config": {"di_tracks": tracks, "grid": grid}})).json()
    assert made["config"]["grid"]["captures"][:2] == amps[:2]
    assert made["config"]["grid"]["captures"][2] == {"name": "Hot", "asset": amps[2]}
    assert made["config"]["chains"] == []
    plan = (await user.client.get(made["links"]["plan"])).json()
    names = [f"{amp}, {cab}" for amp in ("Amp 0.25", "Amp 0.5", "Hot") for cab in ("Cab 2", "Cab 3")]
    assert [segment["chain"] for segment in plan["segments"]] == names
    pairs = [(amp, cab) for amp in amps for cab in cabs]
    chains = [
        {"name": name, "blocks": [{"type": "capture", "asset": amp}, {"type": "cab_ir", "asset": cab}]}
        for name, (amp, cab) in zip(names, pairs, strict=True)
    ]
    written = {"config": {"di_tracks": tracks, "chains": chains}}
    assert (await user.client.post(f"{SHOOTOUTS}/validate", json=written)).json()["plan"] == plan
    # The items of a grid are in use.
    for item in (*amps, *cabs):
        assert (await user.client.delete(f"/api/v1/library/{item}")).status_code == 409

    paths: list[dict[str, Any]] = [{"blocks": [{"type": "cab_ir"}]}, {"blocks": [{"type": "cab_ir", "asset": NOWHERE}]}]
    blend = {
        "captures": amps,
        "cab_irs": cabs[:1],
        "template": [{"type": "capture"}, {"type": "split", "paths": paths}],
    }
    answer = await user.client.post(SHOOTOUTS, json={"config": {"di_tracks": tracks, "grid": blend}})
    assert pointers(answer) == {"/config/grid/template/1/paths/1/blocks/0/asset": "missing_asset"}
    paths[1]["blocks"][0]["asset"] = cabs[1]
    made = (await user.client.post(SHOOTOUTS, json={"config": {"di_tracks": tracks, "grid": blend}})).json()
    assert len((await user.client.get(made["links"]["plan"])).json()["segments"]) == 3
    exported = await user.client.get(f"{SHOOTOUTS}/{made['id']}/spec")
    read = (await user.client.post(f"{SHOOTOUTS}/spec", json={"spec": exported.text})).json()
    assert read["missing"] == []
    again = (await user.client.post(SHOOTOUTS, json={"config": read["config"]})).json()
    assert again["config"]["grid"]["template"] == made["config"]["grid"]["template"]

    wrong: dict[str, Any] = {"captures": [amps[0], {"asset": NOWHERE}, {}], "cab_irs": [cabs[0], track]}
    answer = await user.client.post(SHOOTOUTS, json={"config": {"di_tracks": tracks, "grid": wrong}})
    assert answer.status_code == 422
    assert pointers(answer) == {
        "/config/grid/captures/1/asset": "missing_asset",
        "/config/grid/captures/2": "one_source",
        "/config/grid/cab_irs/1": "wrong_kind",
    }
    (wrong_kind,) = [fault["detail"] for fault in answer.json()["errors"] if fault["code"] == "wrong_kind"]
    assert "“Riff” is audio" in wrong_kind, "the name of the item, not its id"
    wrong["captures"].append({"asset": amps[1], "nam": "x"})
    wrong["captures"].append(5)
    answer = await user.client.post(SHOOTOUTS, json={"config": {"di_tracks": tracks, "grid": wrong}})
    assert (answer.status_code, pointers(answer)) == (
        400,
        {
            "/config/grid/captures/3/nam": "unknown_field",
            "/config/grid/captures/4": "invalid",
            "/config/grid/captures/1/asset": "missing_asset",
            "/config/grid/captures/2": "one_source",
            "/config/grid/cab_irs/1": "wrong_kind",
        },
    )
    many = {"captures": amps * 6, "cab_irs": cabs}
    answer = await user.client.post(SHOOTOUTS, json={"config": {"di_tracks": tracks, "grid": many}})
    assert pointers(answer) == {"/config/grid": "too_many_chains"}
    none = await user.client.post(SHOOTOUTS, json={"config": {"di_tracks": tracks}})
    assert pointers(none) == {"/config/chains": "invalid"}


async def test_splits_and_sweeps_are_stored_as_written_planned_and_exported(user: Person) -> None:
    track = await add(user.client, "di_track", di(), name="Riff")
    amp = await add(user.client, "capture", capture(0.5), name="Amp")
    cabs = [await add(user.client, "cab_ir", ir(seed=seed), name=f"Cab {seed}") for seed in (2, 3)]
    paths: list[dict[str, Any]] = [
        {"blocks": [{"type": "cab_ir", "asset": cab}], "pan": pan} for cab, pan in zip(cabs, (-1, 1), strict=True)
    ]
    chain = {"name": "Wide", "blocks": [{"type": "capture", "asset": amp}, {"type": "split", "paths": paths}]}
    config = {"di_tracks": [{"name": "Riff", "asset": track}], "chains": [chain], "sweep": [{"input_db": [-6, 0]}]}
    made = (await user.client.post(SHOOTOUTS, json={"config": config})).json()
    assert made["config"]["sweep"] == [{"input_db": [-6.0, 0.0]}]
    plan = (await user.client.get(made["links"]["plan"])).json()
    assert [segment["chain"] for segment in plan["segments"]] == ["Wide, -6 dB", "Wide, 0 dB"]
    assert [segment["inferences"] for segment in plan["segments"]] == [1, 1]
    for item in (amp, *cabs):
        assert (await user.client.delete(f"/api/v1/library/{item}")).status_code == 409
    exported = await user.client.get(f"{SHOOTOUTS}/{made['id']}/spec")
    read = (await user.client.post(f"{SHOOTOUTS}/spec", json={"spec": exported.text})).json()
    assert read["missing"] == []
    again = (await user.client.post(SHOOTOUTS, json={"config": read["config"]})).json()
    assert again["config"] == made["config"]

    paths[1]["blocks"][0]["asset"] = NOWHERE
    answer = await user.client.post(SHOOTOUTS, json={"config": config})
    assert pointers(answer) == {"/config/chains/0/blocks/1/paths/1/blocks/0/asset": "missing_asset"}
    assert "chain “Wide”, block 2 (split), path 2, block 1 (cab_ir)" in answer.json()["errors"][0]["detail"]


async def test_the_page_of_a_shootout_with_a_split_and_a_sweep_has_all_of_its_config(user: Person) -> None:
    track = await add(user.client, "di_track", di(), name="Riff")
    amp = await add(user.client, "capture", capture(0.5), name="Amp")
    cab = await add(user.client, "cab_ir", ir(seed=2), name="Cab")
    split = {"type": "split", "paths": [{"blocks": [{"type": "cab_ir", "asset": cab}]}, {"mix_db": -7.5}]}
    chain = {"name": "Blend", "allow": ["no_cab"], "blocks": [{"type": "capture", "asset": amp}, split]}
    config = {"di_tracks": [{"name": "Riff", "asset": track}], "chains": [chain], "sweep": [{"input_db": [-4.5, 0]}]}
    made = (await user.client.post(SHOOTOUTS, json={"config": config})).json()
    page = (await user.client.get(f"/shootouts/{made['id']}", headers={"Accept": "text/html"})).text
    assert "Blend: Amp → split" in page
    for part in ('"mix_db":-7.5', '"input_db":[-4.5,0.0]'):
        assert part in page.replace(" ", "")
