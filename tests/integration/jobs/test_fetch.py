"""A config may name models of TONE3000: the job's first phase brings them home."""

import asyncio
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Connect, Person
from tests.integration.jobs.conftest import finish
from tests.support.live import working
from tests.support.processes import eventually
from tests.support.tone3000 import StandIn
from tests.support.uploads import LIBRARY, SHOOTOUTS, add, di, pointers
from tone_shootout.kit.settings import Settings

pytestmark = pytest.mark.slow

CLEAN, CENTER, GONE, RACK = (900101, 910001), (900201, 910021), (900103, 910031), (900401, 910051)


@pytest.fixture(scope="module", autouse=True)
def tone3000_worker(tone3000_settings: Settings) -> Generator[None, None, None]:
    """A worker that knows the stand-in, and gives up soon."""
    worker = replace(tone3000_settings.worker, attempts=2, backoff_s=0.1)
    with working(replace(tone3000_settings, worker=worker)):
        yield


def _model(tone: int, model: int, kind: str = "capture") -> dict[str, Any]:
    block = {"type": kind, "tone3000": {"tone_id": tone, "model_id": model}}
    return block | ({"gear": "amp"} if kind == "capture" else {})


async def _make(person: Person, *blocks: dict[str, Any]) -> httpx.Response:
    track = await add(person.client, "di_track", di())
    config = {
        "output": {"page": False, "plots": False, "video": False},
        "di_tracks": [{"name": "Riff", "asset": track}],
        "chains": [{"name": "Bluebird", "blocks": list(blocks)}],
        "allow": ["no_cab"],
    }
    return await person.client.post(SHOOTOUTS, json={"config": config})


async def _run(url: str, person: Person, made: httpx.Response) -> dict[str, Any]:
    assert made.status_code == 201, made.text
    job = (await person.client.post(made.json()["links"]["jobs"])).json()
    await finish(url, person, job["id"])
    done: dict[str, Any] = (await person.client.get(job["links"]["self"])).json()
    return done


async def test_a_job_fetches_what_its_plan_says_and_the_next_one_has_it(
    tone3000_service: str, user: Person, connect: Connect, tone3000: StandIn
) -> None:
    ada = await connect(user)
    made = await _make(ada, _model(*CLEAN), _model(*CENTER, kind="cab_ir"))
    plan = (await ada.client.get(made.json()["links"]["plan"])).json()
    assert [(one["kind"], one["tone_id"], one["model_id"]) for one in plan["to_fetch"]] == [
        ("capture", *CLEAN),
        ("cab_ir", *CENTER),
    ]
    assert [segment["render_key"] for segment in plan["segments"]] == [None]
    assert plan["estimated_s"] > 0
    assert not tone3000.requests()

    done = await _run(tone3000_service, ada, made)
    assert (done["status"], done["error"]) == ("completed", None)
    library = (await ada.client.get(LIBRARY, params={"order_by": "name"})).json()["items"]
    assert [item["name"] for item in library if item["source"]] == [
        "2x12 Open Back Set, Center 57",
        "Bluebird 45 Lead, Gain 3",
    ]
    manifest = (await ada.client.get(f"{done['links']['artifacts']}/manifest.json")).json()
    assert {item["credit"]["creator"] for item in manifest["inputs"] if item["credit"]} == {"Valve Shed", "box.miker"}

    again = (await ada.client.get(made.json()["links"]["plan"])).json()
    assert again["to_fetch"] == []
    assert again["segments"][0]["render_key"] == manifest["segments"][0]["render_key"]
    assert again["cache_hits"] == 1
    assert len(tone3000.requests("/download/")) == 2


async def test_a_job_waits_for_tone3000_to_come_back(
    tone3000_service: str, user: Person, connect: Connect, tone3000: StandIn
) -> None:
    ada = await connect(user)
    tone3000.fault("status", "/download/", status=503, times=3)
    done = await _run(tone3000_service, ada, await _make(ada, _model(*CLEAN)))
    assert (done["status"], done["attempt"]) == ("completed", 2)


async def test_a_job_that_waits_in_vain_says_for_whom(
    tone3000_service: str, user: Person, connect: Connect, tone3000: StandIn
) -> None:
    ada = await connect(user)
    tone3000.fault("html", "/download/", status=503, times=0)
    done = await _run(tone3000_service, ada, await _make(ada, _model(*CLEAN)))
    assert (done["status"], done["error"]["code"], done["attempt"]) == ("failed", "tone3000_unreachable", 2)


async def test_a_job_that_is_cancelled_while_it_fetches_lets_go_at_once(
    tone3000_service: str, user: Person, connect: Connect, tone3000: StandIn
) -> None:
    ada = await connect(user)
    tone3000.fault("slow_body", "/download/", delay_s=5.0, times=0)
    made = await _make(ada, _model(*CLEAN))
    job = (await ada.client.post(made.json()["links"]["jobs"])).json()
    await asyncio.to_thread(eventually, lambda: bool(tone3000.requests("/download/")))
    await ada.client.post(job["links"]["cancel"])
    await finish(tone3000_service, ada, job["id"])
    assert (await ada.client.get(job["links"]["self"])).json()["status"] == "cancelled"
    assert (await ada.client.get(LIBRARY, params={"kind": "capture"})).json()["total"] == 0


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (_model(*GONE), "tone_not_available"),
        (_model(*RACK), "unsupported_format"),
        (_model(*CENTER), "wrong_kind"),
    ],
    ids=["gone", "unsupported", "wrong kind"],
)
async def test_a_job_says_what_could_not_be_fetched_and_why(
    tone3000_service: str, user: Person, connect: Connect, tone3000: StandIn, block: dict[str, Any], code: str
) -> None:
    ada = await connect(user)
    tone3000.set_visibility(GONE[0], "gone")
    done = await _run(tone3000_service, ada, await _make(ada, block))
    assert (done["status"], done["error"]["code"], done["attempt"]) == ("failed", code, 1)
    assert str(block["tone3000"]["model_id"]) in done["error"]["detail"]


async def test_a_job_of_somebody_who_is_not_connected_says_so(tone3000_service: str, user: Person) -> None:
    done = await _run(tone3000_service, user, await _make(user, _model(*CLEAN)))
    assert (done["status"], done["error"]["code"]) == ("failed", "tone3000_not_connected")


async def test_what_is_known_before_anything_is_fetched_is_refused_at_once(user: Person, connect: Connect) -> None:
    ada = await connect(user)
    both = _model(*CLEAN) | {"asset": "0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"}
    assert pointers(await _make(ada, both)) == {"/config/chains/0/blocks/0": "one_source"}
    imported = await ada.client.post(f"/api/v1/tones/{CENTER[0]}/models/{CENTER[1]}/import")
    assert imported.status_code == 201
    assert pointers(await _make(ada, _model(*CENTER))) == {"/config/chains/0/blocks/0/tone3000": "wrong_kind"}
