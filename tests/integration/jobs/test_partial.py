"""Segments can be heard as soon as they are there, and stay when the job does not come to its end."""

from typing import Any

import pytest

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import events, finish, submit
from tests.support.uploads import add, capture, config, playing, wav
from tone_shootout.audio.files import read_audio
from tone_shootout.audio.loudness import measure
from tone_shootout.demo import bundled_capture

pytestmark = pytest.mark.usefixtures("worker")


async def _paths(user: Person, job: dict[str, Any]) -> dict[str, str]:
    """Path and address of everything that the job has to show."""
    items = (await user.client.get(job["links"]["artifacts"])).json()["items"]
    return {item["path"]: item["links"]["content"] for item in items}


async def _chains(user: Person, count: int) -> list[dict[str, Any]]:
    amp = await add(user.client, "capture", bundled_capture("clean.nam"))
    return [
        {
            "name": f"Gain {gain}",
            "blocks": [{"type": "capture", "asset": amp, "input_gain_db": float(gain), "gear": "amp_cab"}],
        }
        for gain in range(count)
    ]


async def test_a_segment_is_heard_while_others_are_rendered_and_gives_way_to_the_leveled_one(
    base_url: str, user: Person
) -> None:
    track = await add(user.client, "di_track", wav(playing(4.0)))
    chains = await _chains(user, 4)
    job = await submit(user.client, di_tracks=[{"name": "Riff", "asset": track}], chains=chains)
    received: dict[str, bytes] = {}
    async for event in events(base_url, user, job["id"], "?after=0"):
        if event["type"] == "artifact" and event["data"]["path"].startswith("partial/"):
            path = event["data"]["path"]
            assert path not in received
            answer = await user.client.get(f"{job['links']['artifacts']}/{path}")
            if answer.status_code == 200:  # the job may have ended meanwhile
                received[path] = answer.content
    assert received
    for content in received.values():
        sound = read_audio(content, max_seconds=60)
        found = measure(sound.samples, sound.rate)
        assert sound.samples.shape == (1, 4 * 48_000)
        assert found.integrated_lufs <= -16.0 + 0.1
        assert found.true_peak_dbtp <= -1.0
        assert found.integrated_lufs == pytest.approx(-16.0, abs=0.1) or found.true_peak_dbtp == pytest.approx(
            -1.0, abs=0.01
        )
    left = await _paths(user, job)
    assert not [path for path in left if path.startswith("partial/")]
    assert {path.replace("partial/", "segments/") for path in received} <= set(left)


async def test_what_was_rendered_before_a_fault_can_still_be_heard(base_url: str, user: Person) -> None:
    made = await config(user.client)
    made["chains"][1]["blocks"][0]["asset"] = await add(user.client, "capture", capture(0.0))
    job = await submit(user.client, **made)
    log = await finish(base_url, user, job["id"])
    assert log[-1]["data"]["status"] == "failed"
    for path, href in (await _paths(user, job)).items():
        assert path == "partial/01-riff--low.flac"
        received = await user.client.get(href)
        assert (received.status_code, received.headers["cache-control"]) == (200, "private, no-cache")


async def test_after_a_cancellation_they_stay_and_a_retry_puts_the_results_in_their_place(
    base_url: str, user: Person
) -> None:
    track = await add(user.client, "di_track", wav(playing(4.0)))
    chains = await _chains(user, 4)
    job = await submit(user.client, di_tracks=[{"name": "Riff", "asset": track}], chains=chains)
    requested = False
    async for event in events(base_url, user, job["id"], "?after=0"):
        if event["type"] == "artifact" and not requested:
            requested = True
            assert (await user.client.post(f"{job['links']['self']}/cancel")).status_code == 202
    shown = await _paths(user, job)
    assert shown
    for path, href in shown.items():
        assert path.startswith("partial/")
        assert (await user.client.get(href)).status_code == 200
    assert (await user.client.post(f"{job['links']['self']}/retry")).status_code == 202
    assert (await finish(base_url, user, job["id"]))[-1]["data"]["status"] == "completed"
    assert (await user.client.get(job["links"]["self"])).json()["attempt"] == 2
    assert not [path for path in await _paths(user, job) if path.startswith("partial/")]
