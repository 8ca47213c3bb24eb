"""The attacker: whatever surrounds the sound of a stimulus, it can't be told apart better than by chance.

The sound itself is not part of this: who subtracts A from X finds the twin, which can't be prevented.
"""

import asyncio
import hashlib
import statistics
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from scipy import stats
from sqlalchemy import text

from tests.integration.conftest import Person
from tests.support.listeners import begin, heard, listener, open_test
from tests.support.sessions import Sessions
from tests.support.shared_jobs import SharedJob, share
from tone_shootout.audio.wav import WAV_HEADER_BYTES

OF_THE_MOMENT = {"date", "x-request-id"}
"""Headers that differ between any two responses."""
ACCEPT = {"Accept-Encoding": "gzip, zstd, br", "Range": "bytes=0-99", "If-None-Match": "*"}
Fetch = Callable[[str], Awaitable[httpx.Response]]


def _features(answer: httpx.Response, path: str) -> dict[str, Any]:
    """Return everything that a response shows but the sound."""
    headers = {name: value for name, value in answer.headers.items() if name not in OF_THE_MOMENT}
    return {
        **headers,
        "names": tuple(name for name, _ in answer.headers.multi_items()),
        "status": answer.status_code,
        "size": len(answer.content),
        "header of the file": answer.content[:WAV_HEADER_BYTES],
        "hash": hashlib.sha256(answer.content).digest(),
        "length of the path": len(path),
    }


async def _twins(session_maker: Sessions, session_id: str) -> dict[int, str]:
    """Return which label each X has, out of the database."""
    async with session_maker() as session:
        stimuli: list[dict[str, Any]] = (
            await session.scalar(text("SELECT stimuli FROM listening_session WHERE id = :id"), {"id": session_id}) or []
        )
    labels = {each["tone"]: each["label"] for each in stimuli if each["trial"] == 0}
    return {each["trial"]: labels[each["tone"]] for each in stimuli if each["trial"]}


async def test_nothing_around_a_sound_tells_which_tone_it_is(
    user: Person, api: httpx.AsyncClient, job: SharedJob
) -> None:
    test = await open_test(user, await share(user, job), kind="abx", segments=[1, 2], trials=8)
    session = await begin(api, test)
    found: dict[str, list[dict[str, Any]]] = {"a": [], "b": [], "x": []}
    seen = set()
    for trial in range(1, 9):
        for label, path in heard(session).items():
            answer = await api.get(path, headers=ACCEPT)
            found[label].append(_features(answer, path))
            seen.add(answer.content)
        session = (await api.post(session["links"]["answers"], json={"trial": trial, "choice": "a"})).json()
    assert len(seen) == 24  # fresh dither, even of the same sound fetched again
    everything = [features for each in found.values() for features in each]
    for name in everything[0]:
        if name != "hash":
            assert len({str(features[name]) for features in everything}) == 1, name
    (one, *_) = everything
    assert one["status"] == 200
    assert one["cache-control"] == "no-store, no-transform"
    assert one["content-type"] == "application/octet-stream"
    for absent in ("etag", "last-modified", "accept-ranges", "content-disposition", "content-encoding", "vary"):
        assert absent not in one
    assert one["size"] == WAV_HEADER_BYTES + 3 * len(job.sounds[0])


async def test_ids_of_sounds_are_used_in_one_session_only(user: Person, job: SharedJob, base_url: str) -> None:
    test = await open_test(user, await share(user, job), kind="preference", segments=[1, 2, 3])
    ids: list[str] = []
    for _ in range(3):
        async with listener(base_url) as client:
            session = await begin(client, test)
            ids += [each["content"].rpartition("/")[2] for each in session["stimuli"]]
    assert len(set(ids)) == len(ids) == 3 * 2 * 3


@pytest.mark.thorough
async def test_times_of_responses_do_not_tell_which_tone_it_is(
    user: Person, job: SharedJob, base_url: str, session_maker: Sessions
) -> None:
    """The attacker says that X is the sound whose response takes as long."""
    test = await open_test(user, await share(user, job), kind="abx", segments=[1, 2], trials=24)
    right = trials = 0
    for _ in range(4):
        async with listener(base_url) as client:
            session = await begin(client, test)
            twins = await _twins(session_maker, session["id"])
            while session["answered"] < session["trials"]:
                trial = session["answered"] + 1
                times: dict[str, float] = {}
                for label, path in heard(session).items():
                    measured = []
                    for _ in range(3):
                        started = asyncio.get_running_loop().time()
                        await client.get(path)
                        measured.append(asyncio.get_running_loop().time() - started)
                    times[label] = statistics.median(measured)
                guess = min("ab", key=lambda label, times=times: abs(times[label] - times["x"]))  # type: ignore[misc]
                right += guess == twins[trial]
                trials += 1
                session = (
                    await client.post(session["links"]["answers"], json={"trial": trial, "choice": guess})
                ).json()
    assert stats.binomtest(right, trials).pvalue > 1e-4, f"{right} of {trials}"


@pytest.mark.thorough
async def test_two_hundred_listeners_at_once_get_the_results_that_are_computed_outside(
    user: Person, job: SharedJob, base_url: str, session_maker: Sessions
) -> None:
    test = await open_test(user, await share(user, job), kind="abx", segments=[1, 2], trials=8)
    statuses: list[int] = []
    in_flight = asyncio.Semaphore(32)  # people pause between requests; the sessions still run all at once

    async def take() -> int:
        async with listener(base_url) as client:

            async def note(request: Awaitable[httpx.Response]) -> httpx.Response:
                async with in_flight:
                    answer = await request
                statuses.append(answer.status_code)
                return answer

            session = (await note(client.post(test["links"]["sessions"]))).json()
            twins = await _twins(session_maker, session["id"])
            for trial in range(1, 9):
                await note(client.get(heard(session)["x"]))
                choice = twins[trial] if hash((session["id"], trial)) % 3 else "a"
                answer = {"trial": trial, "choice": choice}
                session = (await note(client.post(session["links"]["answers"], json=answer))).json()
            own = (await note(client.post(session["links"]["finish"]))).json()["abx"]
            return int(own["correct"])

    correct = await asyncio.gather(*(take() for _ in range(200)))
    assert set(statuses) == {200, 201}
    results = (await user.client.get(test["links"]["results"])).json()
    assert (results["started"], results["finished"]) == (200, 200)
    assert sorted(each["correct"] for each in results["abx"]["listeners"]) == sorted(correct)
    expected = stats.binomtest(sum(correct), 1600, alternative="greater")
    assert results["abx"]["pooled"]["correct"] == sum(correct)
    assert results["abx"]["pooled"]["p_value"] == pytest.approx(expected.pvalue, rel=1e-4)
