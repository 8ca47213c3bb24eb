"""Pages of listening tests over HTTP: who gets them, and what they tell before and after the end."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.listeners import begin, listener, open_test, take
from tests.support.sessions import Sessions
from tests.support.shared_jobs import completed_job, share
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NASTY = "</script><b x=1>\"'&"
CHAINS = [NASTY, "JCM", "Combo"]
PAST = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
A = {"choice": "a"}


@pytest.fixture
async def shared(user: Person, session_maker: Sessions, settings: Settings, tmp_path: Path) -> dict[str, Any]:
    job = await completed_job(user, session_maker, Storage.from_settings(settings), tmp_path, chains=CHAINS)
    return await share(user, job)


@pytest.fixture
async def api(base_url: str) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A listener's browser, not signed in."""
    async with listener(base_url) as client:
        yield client


def path_of(shared: dict[str, Any], test: dict[str, Any]) -> str:
    return f"/s/{shared['slug']}/test/{test['id']}"


async def test_a_share_leads_to_its_newest_open_test(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any]
) -> None:
    newest = f"/s/{shared['slug']}/test"
    assert (await api.get(newest, headers=BROWSER)).status_code == 404
    tests = [await open_test(user, shared, kind="abx", segments=[1, 2], trials=8) for _ in range(3)]
    await user.client.patch(tests[2]["links"]["self"], json={"closes_at": PAST})
    found = await api.get(newest, headers=BROWSER)
    assert (found.status_code, found.headers["location"]) == (303, path_of(shared, tests[1]))
    for test in tests[:2]:
        await user.client.patch(test["links"]["self"], json={"closes_at": PAST})
    closed = await api.get(newest, headers=BROWSER, follow_redirects=True)
    assert closed.url.path == path_of(shared, tests[2])
    assert "This listening test is closed" in closed.text


async def test_pages_of_no_test_and_of_withdrawn_shares_are_not_found(
    user: Person, other_user: Person, api: httpx.AsyncClient, shared: dict[str, Any]
) -> None:
    test = await open_test(user, shared, kind="abx", segments=[1, 2], trials=8)
    here = path_of(shared, test)
    owner = f"/shares/{shared['slug']}/tests"
    for path in (f"/s/{'x' * 16}/test/{test['id']}", "/s/short/test", "/s/%00/test", f"/s/{'%C3%A4' * 16}/test"):
        answer = await api.get(path, headers=BROWSER)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8"), path
        assert (await api.get(path)).json()["status"] == 404
    assert (await api.get(owner, headers=BROWSER)).headers["location"].startswith("/sign-in?next=")
    assert (await api.get(owner)).status_code == 401
    assert (await other_user.client.get(owner, headers=BROWSER)).status_code == 404
    assert (await api.get(here, headers=BROWSER)).status_code == 200
    await user.client.delete(shared["links"]["self"])
    for path in (here, f"{here}/results", f"/s/{shared['slug']}/test"):
        assert (await api.get(path, headers=BROWSER)).status_code == 404
    assert (await user.client.get(owner, headers=BROWSER)).status_code == 404


async def test_a_page_names_no_tone_before_the_end_not_even_to_its_owner(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any]
) -> None:
    test = await open_test(user, shared, kind="abx", segments=[1, 2], trials=8)
    path = path_of(shared, test)
    pages = [await api.get(path, headers=BROWSER), await user.client.get(path, headers=BROWSER)]
    session = await begin(api, test)
    await api.post(session["links"]["answers"], json={"trial": 1, **A})
    pages.append(await api.get(path, headers=BROWSER))
    for page in pages:
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-robots-tag"] == "noindex"
        assert "connect-src 'self'" in page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        for name in ("JCM", "</script><b", "&lt;/script", "Riff", "riff", "Two crunches"):
            assert name not in page.text
    assert "You have answered 1 of 8." in pages[-1].text
    hidden = await api.get(f"{path}/results", headers=BROWSER)
    assert hidden.status_code == 403
    assert "shown to those who have finished" in hidden.text


async def test_results_and_forms_escape_the_names_of_tones(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any]
) -> None:
    path = ""
    for fields, answer in (
        ({"kind": "abx", "segments": [1, 2], "trials": 8}, A),
        ({"kind": "preference", "segments": [1, 2, 3]}, {"ratings": {"a": 1, "b": 50, "c": 99}}),
        ({"kind": "identification", "segments": [1, 2, 3]}, {"matches": {"a": 1, "b": 2, "c": 3}}),
    ):
        test = await open_test(user, shared, **fields)
        await take(api, test, lambda *_, answer=answer: answer)  # type: ignore[misc]
        path = path_of(shared, test)
        for page in (await api.get(path, headers=BROWSER), await api.get(f"{path}/results", headers=BROWSER)):
            assert "<b x" not in page.text
            assert "1 began, 1 finished." in page.text
        assert NASTY in unescape((await api.get(path, headers=BROWSER)).text)
    owner = await user.client.get(f"/shares/{shared['slug']}/tests", headers=BROWSER)
    assert "<b x" not in owner.text
    assert NASTY in unescape(owner.text)


async def test_an_owner_sees_results_that_others_do_not(
    user: Person, api: httpx.AsyncClient, shared: dict[str, Any]
) -> None:
    test = await open_test(user, shared, kind="abx", segments=[1, 2], trials=8, results="owner")
    await take(api, test, lambda *_: A)
    path = path_of(shared, test)
    own = await api.get(path, headers=BROWSER)
    assert "keeps its results private" in own.text
    assert "right" not in own.text
    assert (await api.get(f"{path}/results", headers=BROWSER)).status_code == 403
    shown = await user.client.get(f"{path}/results", headers=BROWSER)
    assert "answers of all listeners are right" in shown.text


async def test_ties_and_intervals_are_those_of_the_rest_api(
    user: Person, shared: dict[str, Any], base_url: str
) -> None:
    """Ten listeners of pairs: the page says what the results say, with their numbers."""
    test = await open_test(user, shared, kind="preference", method="pairs", segments=[1, 2])
    for number in range(10):
        async with listener(base_url) as client:
            await take(client, test, lambda *_, choice="ab"[number % 2]: {"choice": choice})  # type: ignore[misc]
    found = (await user.client.get(test["links"]["results"])).json()["preference"]
    page = unescape((await user.client.get(f"{path_of(shared, test)}/results", headers=BROWSER)).text)
    assert "10 began, 10 finished." in page
    for tone in found["everybody"]["tones"]:
        assert f"{tone['strength_low']:+.2f} to {tone['strength_high']:+.2f}".replace("-", "−") in page
    (pair,) = found["everybody"]["pairs"]
    assert ("tie: the listeners show no difference" in page) == pair["is_tie"]
    assert found["rule"] in page
    if found["excluded"]:
        assert f"{found['excluded']} of 10" in page
