"""Listening tests: opening, taking and evaluating them."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
import yaml
from scipy import stats
from sqlalchemy import text

from tests.integration.conftest import Person
from tests.support.listeners import begin, heard, listener, open_test, take
from tests.support.live import serving
from tests.support.sessions import Sessions
from tests.support.shared_jobs import SharedJob, share
from tone_shootout.kit.settings import Settings
from tone_shootout.listening.blind import services

PAST = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
A = {"choice": "a"}


async def test_an_abx_test_ends_with_the_exact_statistics_and_the_key(
    user: Person, api: httpx.AsyncClient, job: SharedJob
) -> None:
    shared = await share(user, job)
    test = await open_test(user, shared, kind="abx", segments=[1, 2], trials=8)
    assert test["statement"].startswith("7 of 8 right answers are needed (p = 0.035).")
    result = await take(api, test, lambda *_: A)
    assert result["is_visible"]
    tones = {(each["trial"], each["label"]): each["segment"] for each in result["key"]}
    assert {tones[0, "a"], tones[0, "b"]} == {1, 2}
    correct = sum(tones[trial, "x"] == tones[0, "a"] for trial in range(1, 9))
    expected = stats.binomtest(correct, 8, alternative="greater").pvalue
    limits = stats.binomtest(correct, 8).proportion_ci(confidence_level=0.9, method="exact")
    found = result["abx"]
    assert found["correct"] == correct
    assert found["p_value"] == pytest.approx(expected, rel=1e-5)
    assert (found["correct_share_low"], found["correct_share_high"]) == pytest.approx(
        (limits.low, limits.high), rel=1e-5
    )
    results = (await api.get(test["links"]["results"])).json()
    assert (results["started"], results["finished"]) == (1, 1)
    assert results["abx"]["pooled"] == found
    assert results["abx"]["needed"] == 7


async def test_nothing_about_the_answers_is_told_before_the_end(
    user: Person, api: httpx.AsyncClient, job: SharedJob
) -> None:
    test = await open_test(user, await share(user, job), kind="abx", segments=[1, 2], trials=8)
    session = await begin(api, test)
    first = heard(session)
    bodies = []
    for choice in ("a", "b"):
        answer = await api.post(session["links"]["answers"], json={"trial": len(bodies) + 1, "choice": choice})
        bodies.append(answer.json())
    for number, body in enumerate(bodies, 1):
        assert body.keys() == session.keys()
        assert body["answered"] == number
    for path in (test["links"]["self"], test["links"]["results"], session["links"]["self"], session["links"]["finish"]):
        method = "POST" if path.endswith("finish") else "GET"
        answer = await api.request(method, path)
        for name in job.chains:
            assert name not in answer.text, path
    hidden = await api.get(test["links"]["results"])
    assert (hidden.status_code, hidden.json()["code"]) == (403, "results_hidden")
    assert (await api.get(test["links"]["self"])).json()["segments"] is None
    assert (await user.client.get(test["links"]["self"])).json()["segments"] == [1, 2]
    assert (await api.get(first["a"])).status_code == 200


async def test_a_reload_resumes_and_an_answer_is_stored_once(
    user: Person, api: httpx.AsyncClient, job: SharedJob
) -> None:
    test = await open_test(user, await share(user, job), kind="abx", segments=[1, 2], trials=8)
    session = await begin(api, test)
    answers = session["links"]["answers"]
    assert (await api.post(answers, json={"trial": 1, "choice": "a"})).json()["answered"] == 1
    assert (await api.post(answers, json={"trial": 1, "choice": "a"})).json()["answered"] == 1
    other = await api.post(answers, json={"trial": 1, "choice": "b"})
    assert (other.status_code, other.json()["code"]) == (409, "already_answered")
    early = await api.post(answers, json={"trial": 3, "choice": "b"})
    assert (early.status_code, early.json()["code"]) == (409, "trials_left")
    assert (await api.post(session["links"]["finish"])).json()["code"] == "trials_left"
    again = await api.post(test["links"]["sessions"])
    assert again.status_code == 200
    assert again.json()["id"] == session["id"]
    assert again.json() == (await api.get(session["links"]["self"])).json()
    assert again.json()["answered"] == 1
    invalid = await api.post(answers, json={"trial": 2, "ratings": {"a": 1, "b": 2}})
    assert (invalid.status_code, invalid.json()["code"]) == (422, "invalid_answer")


async def test_only_sounds_of_this_and_the_next_trial_can_be_fetched(
    user: Person, api: httpx.AsyncClient, job: SharedJob, session_maker: Sessions
) -> None:
    test = await open_test(user, await share(user, job), kind="abx", segments=[1, 2], trials=8)
    session = await begin(api, test)
    assert [(each["label"], each["trial"]) for each in session["stimuli"]] == [("a", 0), ("b", 0), ("x", 1), ("x", 2)]
    async with session_maker() as rows:
        stimuli: list[dict[str, Any]] = await rows.scalar(text("SELECT stimuli FROM listening_session")) or []
    for each, status in ((stimuli[3], 200), (stimuli[4], 404)):
        answer = await api.get(f"{session['links']['self']}/stimuli/{each['id']}")
        assert answer.status_code == status
    assert answer.json()["code"] == "stimulus_not_found"


async def test_a_session_belongs_to_the_browser_that_started_it(
    user: Person, api: httpx.AsyncClient, job: SharedJob, base_url: str
) -> None:
    test = await open_test(user, await share(user, job), kind="abx", segments=[1, 2], trials=8)
    session = await begin(api, test)
    cookie = api.cookies.jar.__iter__().__next__()
    assert (cookie.name, cookie.has_nonstandard_attr("HttpOnly"), len(cookie.value or "")) == (
        "shootout_listener",
        True,
        43,
    )
    async with listener(base_url) as stranger:
        for path in (session["links"]["self"], session["stimuli"][0]["content"]):
            refused = await stranger.get(path)
            assert (refused.status_code, refused.json()["code"]) == (404, "listening_session_not_found")
        for path, body in ((session["links"]["answers"], {"trial": 1, **A}), (session["links"]["finish"], None)):
            assert (await stranger.post(path, json=body)).status_code == 404
        mine = await begin(stranger, test)
        assert mine["id"] != session["id"]
        foreign = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
        for path in (session["links"]["answers"], test["links"]["sessions"]):
            answer = await stranger.post(path, json={"trial": 1, **A}, headers=foreign)
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
    assert (await user.client.get(test["links"]["self"])).json()["started"] == 2


async def test_preference_by_sliders_ranks_tones_with_and_without_inconsistent_listeners(
    user: Person, job: SharedJob, base_url: str, session_maker: Sessions
) -> None:
    """Eleven listeners like the second tone best; the twelfth turns the second rating around."""
    test = await open_test(user, await share(user, job), kind="preference", segments=[1, 2, 3])
    liked = {1: 50, 2: 90, 3: 20}
    numbers = count()
    for _ in range(12):
        is_odd = next(numbers) == 11
        async with listener(base_url) as client:
            session = await begin(client, test)
            key = await _key(session_maker, session["id"])
            for trial in (1, 2):
                ratings = {label: liked[key[trial, label]] for label in "abc"}
                if is_odd and trial == 2:
                    ratings = {label: 100 - value for label, value in ratings.items()}
                await client.post(session["links"]["answers"], json={"trial": trial, "ratings": ratings})
            own = (await client.post(session["links"]["finish"])).json()["preference"]
            assert own["is_consistent"] is not is_odd
    results = (await user.client.get(test["links"]["results"])).json()["preference"]
    assert results["rule"].endswith("at least 1.")
    assert results["excluded"] == 1
    for name, listeners in (("everybody", 12), ("consistent", 11)):
        ranking = results[name]
        assert ranking["listeners"] == listeners
        assert [each["segment"] for each in ranking["tones"]] == [2, 1, 3]
        assert len(ranking["pairs"]) == 3
        for each in ranking["tones"]:
            assert each["strength_low"] <= each["strength"] <= each["strength_high"]
    means = {each["segment"]: each["mean_rating"] for each in results["consistent"]["tones"]}
    assert means == liked


async def test_pairs_and_identification_are_scored_against_their_keys(
    user: Person, job: SharedJob, api: httpx.AsyncClient, session_maker: Sessions
) -> None:
    shared = await share(user, job)
    pairs = await open_test(user, shared, kind="preference", method="pairs", segments=[1, 2, 3])
    assert pairs["trials"] == 3 + 6
    session = await begin(api, pairs)
    key = await _key(session_maker, session["id"])
    for trial in range(1, 10):
        choice = "a" if key[trial, "a"] < key[trial, "b"] else "b"
        await api.post(session["links"]["answers"], json={"trial": trial, "choice": choice})
    own = (await api.post(session["links"]["finish"])).json()["preference"]
    assert own["is_consistent"]
    assert [each["segment"] for each in own["tones"]] == [1, 2, 3]
    assert own["tones"][0]["strength_low"] is None

    names = await open_test(user, shared, kind="identification", segments=[3, 1, 2], trials=2)
    session = await begin(api, names)
    assert session["names"] == ["=1+1", "Plexi", "JCM"]
    key = await _key(session_maker, session["id"])
    order = [3, 1, 2]
    for trial in (1, 2):
        matches = {label: order.index(key[trial, label]) + 1 for label in "abc"}
        await api.post(session["links"]["answers"], json={"trial": trial, "matches": matches})
    result = (await api.post(session["links"]["finish"])).json()
    assert result["identification"] == {"correct": 6, "expected": 2.0, "p_value": 0.0277778, "needed": 6}
    results = (await api.get(names["links"]["results"])).json()
    assert results["identification"]["confusions"] == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    table = await api.get(names["links"]["results"], params={"format": "csv"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert len(rows) == 6
    # A cell that begins with = would run as a formula in a spreadsheet.
    assert {row["chain"] for row in rows} == {"Plexi", "JCM", "'=1+1"}
    assert {row["correct"] for row in rows} == {"1"}


async def test_the_owner_decides_who_sees_results_and_when(
    user: Person, other_user: Person, job: SharedJob, api: httpx.AsyncClient
) -> None:
    shared = await share(user, job)
    test = await open_test(user, shared, kind="abx", segments=[1, 2], trials=8, results="owner")
    result = await take(api, test, lambda *_: A)
    assert (result["is_visible"], result["abx"], result["key"]) == (False, None, None)
    results = test["links"]["results"]
    for client, status in ((api, 403), (other_user.client, 403), (user.client, 200)):
        assert (await client.get(results)).status_code == status
    await user.client.patch(test["links"]["self"], json={"results": "after_close"})
    assert (await api.get(results)).status_code == 403
    await user.client.patch(test["links"]["self"], json={"closes_at": PAST})
    assert (await api.get(results)).status_code == 200
    session = (await api.post(test["links"]["sessions"])).json()
    assert (await api.post(session["links"]["finish"])).json()["abx"]["trials"] == 8


async def test_a_closed_test_takes_no_answers(
    user: Person, job: SharedJob, api: httpx.AsyncClient, base_url: str
) -> None:
    test = await open_test(user, await share(user, job), kind="abx", segments=[1, 2], trials=8)
    session = await begin(api, test)
    await user.client.patch(test["links"]["self"], json={"closes_at": PAST})
    late = await api.post(session["links"]["answers"], json={"trial": 1, **A})
    assert (late.status_code, late.json()["code"]) == (409, "listening_test_closed")
    async with listener(base_url) as stranger:
        assert (await stranger.post(test["links"]["sessions"])).json()["code"] == "listening_test_closed"
    await user.client.patch(test["links"]["self"], json={"closes_at": None})
    assert (await api.post(session["links"]["answers"], json={"trial": 1, **A})).status_code == 200
    listed = (await api.get((await user.client.get(test["links"]["share"])).json()["links"]["tests"])).json()["items"]
    assert [(each["id"], each["started"], each["finished"], each["is_open"]) for each in listed] == [
        (test["id"], 1, 0, True)
    ]


async def test_a_question_that_can_not_be_asked_is_refused(user: Person, job: SharedJob) -> None:
    tests = (await share(user, job))["links"]["tests"]
    for fields, pointer in (
        ({"kind": "abx", "segments": [1, 2, 3]}, "/segments"),
        ({"kind": "abx", "segments": [1, 1]}, "/segments"),
        ({"kind": "abx", "segments": [1, 9]}, "/segments"),
        ({"kind": "abx", "segments": [1, 2], "trials": 10}, "/trials"),
        ({"kind": "abx", "segments": [1, 2], "start_s": 0.8}, "/start_s"),
        ({"kind": "preference", "segments": [1, 2]}, "/segments"),
        ({"kind": "preference", "segments": [1, 2, 3], "trials": 8}, "/trials"),
    ):
        refused = await user.client.post(tests, json=fields)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_listening_test"), fields
        assert [each["pointer"] for each in refused.json()["errors"]] == [pointer]


async def test_starts_are_limited_by_address_and_sessions_of_a_test_by_number(
    user: Person,
    job: SharedJob,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    base_url: str,
) -> None:
    test = await open_test(user, await share(user, job), kind="abx", segments=[1, 2], trials=8)
    limited = replace(settings, limits=replace(settings.limits, listening_sessions_per_hour=2))
    with serving(limited) as url:
        for status in (201, 201, 429):
            async with listener(url) as client:
                answer = await client.post(test["links"]["sessions"])
                assert answer.status_code == status, answer.text
    assert int(answer.headers["retry-after"]) > 0
    monkeypatch.setattr(services, "MAX_SESSIONS", 2)
    async with listener(base_url) as client:
        full = await client.post(test["links"]["sessions"])
    assert (full.status_code, full.json()["code"]) == (409, "listening_test_full")


async def test_a_test_is_edited_by_its_owner_only_and_deleted_with_its_answers(
    user: Person, other_user: Person, job: SharedJob, api: httpx.AsyncClient
) -> None:
    shared = await share(user, job)
    assert (
        await other_user.client.post(shared["links"]["tests"], json={"kind": "abx", "segments": [1, 2]})
    ).status_code == 404
    test = await open_test(user, shared, kind="abx", segments=[1, 2], trials=8)
    path = test["links"]["self"]
    session = await begin(api, test)
    for client, status in ((other_user.client, 404), (api, 401)):
        assert (await client.patch(path, json={"results": "owner"})).status_code == status
        assert (await client.get(f"{path}/webmushra")).status_code == status
        assert (await client.delete(path)).status_code == status
    assert (await user.client.patch(path, json={"trials": 24})).status_code == 400
    assert (await user.client.delete(path)).status_code == 204
    assert (await api.get(path)).json()["code"] == "listening_test_not_found"
    assert (await api.get(session["links"]["self"])).json()["code"] == "listening_session_not_found"


async def test_the_configuration_for_webmushra_is_yaml_whatever_the_names_are(user: Person, job: SharedJob) -> None:
    shared = await share(user, job, title='"]: {crunch}\u00e9 #')
    for fields, page, pages in (
        ({"kind": "abx", "segments": [1, 2], "trials": 8}, "paired_comparison", 8),
        ({"kind": "preference", "segments": [1, 2, 3]}, "mushra", 2),
        ({"kind": "identification", "segments": [1, 2, 3]}, "likert_multi_stimulus", 1),
    ):
        test = await open_test(user, shared, **fields)
        answer = await user.client.get(f"{test['links']['self']}/webmushra")
        found = yaml.safe_load(answer.text)
        assert found["testname"] == '"]: {crunch}\u00e9 #'
        assert [each["type"] for each in found["pages"]] == ["volume", *[page] * pages, "finish"]
        ids = [each["id"] for each in found["pages"][1:-1]]
        assert len(set(ids)) == pages
    labels = [each["label"] for each in found["pages"][1]["response"]]
    assert labels == job.chains


async def _key(session_maker: Sessions, session_id: str) -> dict[tuple[int, str], int]:
    """Return the position of each segment by trial and label, out of the database."""
    async with session_maker() as session:
        row = await session.execute(
            text(
                "SELECT s.stimuli, t.positions FROM listening_session s JOIN listening_test t ON t.id = s.test_id "
                "WHERE s.id = :id"
            ),
            {"id": session_id},
        )
        stimuli, positions = row.one()
    return {(each["trial"], each["label"]): positions[each["tone"]] for each in stimuli}
