"""Whose captures a shootout uses is said wherever it is published; the captures themselves go nowhere."""

import asyncio
import base64
from typing import Any

import msgspec
import pytest

from tests.integration.conftest import Connect, Person
from tests.integration.jobs.conftest import finish
from tests.support.uploads import SHOOTOUTS, add, di
from tone_shootout.demo import bundled_capture

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worker")]

NON_COMMERCIAL, FREE = (900102, 910005), (900201, 910022)


async def _import(person: Person, tone_id: int, model_id: int) -> str:
    answer = await person.client.post(f"/api/v1/tones/{tone_id}/models/{model_id}/import")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _config(person: Person, **changes: Any) -> dict[str, Any]:
    track, amp, cab = await asyncio.gather(
        add(person.client, "di_track", di()), _import(person, *NON_COMMERCIAL), _import(person, *FREE)
    )
    blocks = [{"type": "capture", "asset": amp, "gear": "amp"}, {"type": "cab_ir", "asset": cab}]
    return {
        "di_tracks": [{"name": "Riff", "asset": track, "calibration_dbu": 12.0}],
        "chains": [{"name": "Fuzz", "blocks": blocks}],
        **changes,
    }


def _holds(content: bytes, capture: bytes) -> bool:
    """Whether something has a capture in it: as it is, coded, or its weights."""
    weights = msgspec.json.decode(capture)["weights"]
    few = [str(weight).encode() for weight in weights[100:104]]
    return capture[:200] in content or base64.b64encode(capture[:150]) in content or all(one in content for one in few)


async def test_credits_and_notices_are_in_everything_that_is_published_and_captures_in_nothing(
    tone3000_service: str, user: Person, connect: Connect
) -> None:
    ada = await connect(user)
    made = await ada.client.post(SHOOTOUTS, json={"config": await _config(ada, commercial=True), "submit": True})
    assert made.status_code == 201, made.text
    plan = (await ada.client.get(made.json()["links"]["plan"])).json()
    job = (await ada.client.get(made.json()["job"]["links"]["self"])).json()
    expected = [("non_commercial_license", "/config/chains/0/blocks/0")]
    assert [(notice["code"], notice["pointer"]) for notice in plan["notices"]] == expected
    assert plan["notices"] == job["notices"]
    assert (await finish(tone3000_service, ada, job["id"]))[-1]["data"]["status"] == "completed"

    listed = (await ada.client.get(job["links"]["artifacts"])).json()["items"]
    contents = {item["path"]: (await ada.client.get(item["links"]["content"])).content for item in listed}
    manifest = msgspec.json.decode(contents["manifest.json"])
    credited = [item["credit"] for item in manifest["inputs"] if item["credit"]]
    assert {(credit["creator"], credit["license"]) for credit in credited} == {
        ("lab_rat", "cc-by-nc"),
        ("box.miker", "cc-by"),
    }
    assert [notice["code"] for notice in manifest["notices"]] == ["non_commercial_license"]
    description = contents["description.txt"].decode()
    for line in (*manifest["credits"], *(notice["detail"] for notice in manifest["notices"])):
        assert line in description
    assert manifest["credits"][-1] == "Powered by TONE3000 – https://www.tone3000.com"

    flac = next(content for path, content in contents.items() if path.endswith(".flac"))
    assert [line for line in manifest["credits"] if line.encode() not in flac] == []

    capture = bundled_capture("high-gain.nam")
    assert _holds(capture, capture)
    assert [path for path, content in contents.items() if _holds(content, capture)] == []


async def test_a_shootout_that_is_not_commercial_is_told_nothing(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    made = await ada.client.post(SHOOTOUTS, json={"config": await _config(ada)})
    assert (await ada.client.get(made.json()["links"]["plan"])).json()["notices"] == []
