"""A submitted shootout is rendered, and everybody who watches is told the truth."""

import hashlib
import io
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import Person, empty, somebody
from tests.integration.jobs.conftest import EVERYTHING, events, finish, submit
from tests.support.sessions import Sessions
from tests.support.uploads import add, capture, config, playing, wav
from tone_shootout.audio.fades import fade_ends
from tone_shootout.audio.files import read_audio
from tone_shootout.audio.loudness import measure

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worker")]


@dataclass(frozen=True)
class First:
    """A job that is completed, whose sound nobody had made before, and all its events as they came."""

    user: Person
    job: dict[str, Any]
    log: list[dict[str, Any]]


@pytest.fixture(scope="module")
async def first(
    engine: AsyncEngine,
    redis: Redis,
    session_maker: Sessions,
    base_url: str,
    worker: None,
) -> AsyncGenerator[First, None]:
    """The first job of the user whom all tests here share: most of them only look at what has become of it."""
    await empty(engine, redis)
    async for user in somebody(session_maker, base_url, "ada", "user"):
        job = await submit(user.client, output=EVERYTHING)
        log = [event async for event in events(base_url, user, job["id"], "?after=0")]
        yield First(user, job, log)


@pytest.fixture
def user(first: First) -> Person:
    return first.user


async def _results(person: Person, job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    listed = await person.client.get(job["links"]["artifacts"])
    assert listed.status_code == 200
    return {item["path"]: item for item in listed.json()["items"]}


async def test_a_submitted_shootout_ends_completed_with_every_file_of_its_manifest(first: First, user: Person) -> None:
    assert first.log[-1]["type"] == "done"
    assert first.log[-1]["data"]["status"] == "completed"
    results = await _results(user, first.job)
    manifest = (await user.client.get(results["manifest.json"]["links"]["content"])).json()
    assert {"comparison.mp4", "chapters.txt", "description.txt", "manifest.json"} <= set(results)
    for entry in manifest["files"]:
        assert results[entry["path"]]["sha256"] == entry["sha256"]
        content = (await user.client.get(results[entry["path"]]["links"]["content"])).content
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    shown = (await user.client.get(first.job["links"]["self"])).json()
    assert shown["status"] == "completed"
    assert shown["progress"]["percent"] == 100.0
    assert shown["progress"]["done"] == shown["progress"]["total"] > 0
    assert shown["links"]["cancel"] is None
    assert shown["phase"] is None
    assert shown["attempt"] == 1


async def test_the_summary_of_a_completed_job_is_that_of_its_manifest(first: First, user: Person) -> None:
    results = await _results(user, first.job)
    manifest = (await user.client.get(results["manifest.json"]["links"]["content"])).json()
    assert first.job["summary"] is None
    summary = (await user.client.get(first.job["links"]["self"])).json()["summary"]
    assert summary["segments"] == len(manifest["segments"]) == 2
    assert summary["audio_s"] == sum(segment["samples"] / segment["sample_rate_hz"] for segment in manifest["segments"])
    assert summary["target_lufs"] <= summary["requested_lufs"] == -16.0
    assert summary["cache_hits"] == 0
    assert summary["limiting_segment"] == manifest["level"]["limiting_segment"]
    assert summary["notices"] == len(manifest["notices"])
    assert set(summary["phases_s"]) == {"fetch", "render", "level", "plots", "video", "publish"}
    assert summary["elapsed_s"] == pytest.approx(sum(summary["phases_s"].values()), abs=0.01)


async def test_every_artifact_has_a_type_and_a_segment_its_position(first: First, user: Person) -> None:
    results = await _results(user, first.job)
    types = {path: item["type"] for path, item in results.items()}
    assert types["manifest.json"] == "manifest"
    assert types["comparison.mp4"] == "video"
    assert types["thumbnail.png"] == "thumbnail"
    assert types["index.html"] == "page"
    assert types["listen/listening.js"] == "page_file"
    assert [item["segment"] for item in results.values() if item["type"] == "segment"] == [1, 2]
    assert {item["segment"] for item in results.values() if item["type"] != "segment"} == {None}
    assert "plot" in types.values()
    assert [path for path, kind in types.items() if kind == "other"] == []


async def test_all_segments_come_out_equally_loud_and_equally_long(first: First, user: Person) -> None:
    results = await _results(user, first.job)
    manifest = (await user.client.get(results["manifest.json"]["links"]["content"])).json()
    segments = [
        read_audio((await user.client.get(results[segment["file"]]["links"]["content"])).content, max_seconds=60)
        for segment in manifest["segments"]
    ]
    assert len({segment.samples.shape for segment in segments}) == 1
    for segment in segments:
        found = measure(segment.samples, segment.rate)
        assert found.integrated_lufs == pytest.approx(manifest["level"]["target_lufs"], abs=0.1)
        assert found.true_peak_dbtp <= manifest["level"]["ceiling_dbtp"]


async def test_events_are_numbered_without_gaps_and_progress_never_falls(first: First) -> None:
    log = first.log
    assert log[0]["type"] == "snapshot"
    assert [event["seq"] for event in log] == list(range(len(log)))
    assert {event["job_id"] for event in log} == {first.job["id"]}
    statuses = [event["data"]["status"] for event in log if event["type"] == "status"]
    assert statuses == ["pending", "queued", "running", "completed"]
    phases = [event["data"]["phase"] for event in log if event["type"] == "phase"]
    assert phases == ["fetch", "render", "level", "plots", "video", "publish"]
    done = [event["data"]["done"] for event in log if event["type"] == "progress"]
    assert done == sorted(done)
    assert len([event for event in log if event["type"] == "done"]) == 1


async def test_who_comes_after_the_end_gets_a_snapshot_and_the_last_event(
    base_url: str, first: First, user: Person
) -> None:
    late = await finish(base_url, user, first.job["id"])
    assert [event["type"] for event in late] == ["snapshot", "done"]
    assert late[1] == first.log[-1]
    assert late[0]["data"]["job"]["status"] == "completed"


async def test_who_comes_back_gets_just_what_was_missed(base_url: str, first: First, user: Person) -> None:
    whole = [event async for event in events(base_url, user, first.job["id"], "?after=0")]
    for after in (1, 5, len(whole) - 2):
        again = [event async for event in events(base_url, user, first.job["id"], f"?after={after}")]
        assert again[0]["type"] == "snapshot"
        assert again[1:] == whole[after + 1 :]
    nothing = [event async for event in events(base_url, user, first.job["id"], f"?after={whole[-1]['seq']}")]
    assert [event["type"] for event in nothing] == ["snapshot"]


async def test_a_second_job_of_a_shootout_renders_nothing_and_gives_the_same_bytes(
    base_url: str, first: First, user: Person
) -> None:
    second = (await user.client.post(f"/api/v1/shootouts/{first.job['shootout_id']}/jobs")).json()
    log = [event async for event in events(base_url, user, second["id"], "?after=0")]
    shown = [event["data"]["path"] for event in log if event["type"] == "artifact"]
    assert shown
    assert not [path for path in shown if path.startswith("partial/")]
    one, two = await _results(user, first.job), await _results(user, second)
    manifests = [(await user.client.get(made.pop("manifest.json")["links"]["content"])).json() for made in (one, two)]
    assert {path: item["sha256"] for path, item in one.items()} == {path: item["sha256"] for path, item in two.items()}
    reported = [[(s.pop("cache_hit"), s.pop("inferences", 0)) for s in made["segments"]] for made in manifests]
    assert reported == [[(False, 1)] * 2, [(True, 0)] * 2]
    assert manifests[0] == manifests[1]


async def test_the_manifest_names_no_path_of_the_server(first: First, user: Person) -> None:
    manifest = (await user.client.get(f"{first.job['links']['artifacts']}/manifest.json")).text
    assert "/tmp" not in manifest
    assert "scratch" not in manifest


async def test_a_job_that_can_not_be_done_says_which_segment_and_why(base_url: str, user: Person) -> None:
    mute = await add(user.client, "capture", capture(0.0))
    made = await config(user.client)
    made["chains"][1]["blocks"][0]["asset"] = mute
    job = await submit(user.client, **made)
    log = await finish(base_url, user, job["id"])
    assert log[-1]["data"]["status"] == "failed"
    shown = (await user.client.get(job["links"]["self"])).json()
    assert shown["error"]["code"] == "silent"
    assert "“Riff” through “High”: block 1 (capture)" in shown["error"]["detail"]
    assert (shown["error"]["segment"], shown["error"]["pointer"]) == (2, "/config/chains/1/blocks/0")
    assert log[-1]["data"]["error"] == shown["error"]


async def test_what_was_submitted_is_rendered_whatever_becomes_of_the_shootout(base_url: str, user: Person) -> None:
    job = await submit(user.client)
    changed = await config(user.client, title="Something else")
    answer = await user.client.patch(job["links"]["shootout"], json={"config": changed})
    assert answer.status_code == 200, answer.text
    await finish(base_url, user, job["id"])
    results = await _results(user, job)
    assert (await user.client.get(results["manifest.json"]["links"]["content"])).json()["title"] == "Two crunches"


async def test_a_di_at_another_rate_gives_segments_at_48_khz(base_url: str, user: Person) -> None:
    made = await config(user.client)
    made["di_tracks"][0]["asset"] = await add(user.client, "di_track", wav(playing(1.0, rate=44_100), 44_100))
    job = await submit(user.client, **made)
    await finish(base_url, user, job["id"])
    results = await _results(user, job)
    flacs = [item for path, item in results.items() if path.endswith(".flac")]
    for item in flacs:
        audio = read_audio((await user.client.get(item["links"]["content"])).content, max_seconds=60)
        assert audio.rate == 48_000
        assert audio.samples.shape == (1, 48_000)


async def test_an_ir_of_another_rate_and_a_long_di_agree_with_numpy(base_url: str, user: Person) -> None:
    """A gain of one half and a cab of one sample leave the DI as it was, but for its level and faded ends."""
    one = io.BytesIO(wav(np.array([0.5], dtype=np.float32)))
    made = await config(user.client)
    made["chains"] = [
        {
            "name": "Plain",
            "blocks": [
                {"type": "capture", "asset": await add(user.client, "capture", capture(0.25))},
                {"type": "cab_ir", "asset": await add(user.client, "cab_ir", one.getvalue())},
            ],
        }
    ]
    job = await submit(user.client, **made)
    await finish(base_url, user, job["id"])
    results = await _results(user, job)
    item = next(item for path, item in results.items() if path.endswith(".flac"))
    received = (
        read_audio((await user.client.get(item["links"]["content"])).content, max_seconds=60).samples[0].astype(float)
    )
    played = fade_ends(playing(1.0).astype(np.float32), 48_000).astype(float)
    gain = received @ played / (played @ played)
    assert np.abs(received - gain * played).max() < 2**-22
