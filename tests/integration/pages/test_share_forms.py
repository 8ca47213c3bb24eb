"""Forms with which a user shares a job: they do what REST does, and nothing for anybody else."""

import asyncio
import io
import re
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.integration.conftest import Person
from tests.support.sessions import Sessions
from tests.support.shared_jobs import SharedJob, completed_job
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.storage import Storage

SHARES = "/api/v1/shares"


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), (200, 80, 40)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
async def job(user: Person, session_maker: Sessions, storage: Storage, tmp_path: Path) -> SharedJob:
    return await completed_job(user, session_maker, storage, tmp_path, chains=["Plexi", "JCM"])


@pytest.fixture
def own(browser: httpx.AsyncClient, base_url: str) -> httpx.AsyncClient:
    """The browser of the owner, which sends the origin with forms."""
    browser.headers["Origin"] = base_url
    return browser


def _forms(page: str) -> dict[str, dict[str, str]]:
    """The fields of the forms of a page as they are filled in, by action."""
    found = {}
    for form in re.findall(r'<form method="post" action="/jobs/.*?</form>', page, flags=re.DOTALL):
        fields = dict(re.findall(r'name="(\w+)" (?:type="hidden" )?value="([^"]*)"', form))
        fields |= {
            name: re.findall(rf'name="{name}" value="(\w+)" checked', form)[0]
            for name in fields
            if name == "visibility"
        }
        fields |= dict(re.findall(r'<textarea id="\w+" name="(\w+)"[^>]*>(.*?)</textarea>', form, flags=re.DOTALL))
        found[fields["action"]] = {name: unescape(value) for name, value in fields.items()}
    return found


async def _mine(user: Person) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await user.client.get(SHARES)).json()["items"]
    return items


async def test_a_job_is_shared_changed_and_withdrawn_by_forms(
    own: httpx.AsyncClient, api: httpx.AsyncClient, user: Person, job: SharedJob, base_url: str
) -> None:
    path = f"/jobs/{job.id}/share"
    assert f'<a href="{path}">Share</a>' in (await own.get(f"/jobs/{job.id}")).text
    form = _forms((await own.get(path)).text)["publish"]
    assert form == {"action": "publish", "visibility": "unlisted", "title": "Two crunches", "notes": ""}
    sent = {**form, "title": "Crunch <b>", "notes": "One.\r\nTwo."}
    answer = await own.post(path, data=sent, files={"picture": ("p.png", _png())})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?done=publish")
    (share,) = await _mine(user)
    public = (await api.get(share["links"]["self"])).json()
    assert (public["title"], public["notes"], public["visibility"]) == ("Crunch <b>", "One.\nTwo.", "unlisted")
    assert (await api.get(share["links"]["picture"])).headers["content-type"] == "image/jpeg"
    page = (await own.get(answer.headers["location"])).text
    assert "The comparison is shared." in page
    assert "<b>" not in page
    assert f'value="{base_url}{share["links"]["page"]}"' in page
    assert f"{base_url}{share['links']['embed']}" in unescape(unescape(page))
    changed = {**_forms(page)["change"], "visibility": "public", "notes": ""}
    assert (await own.post(path, data=changed)).headers["location"] == f"{path}?done=change"
    public = (await api.get(share["links"]["self"])).json()
    assert (public["title"], public["notes"], public["visibility"]) == ("Crunch <b>", "", "public")
    assert (await own.post(path, data={"action": "remove_picture"})).status_code == 303
    assert (await api.get(f"{share['links']['self']}/picture")).status_code == 404
    listed = (await own.get("/shares")).text
    assert f'<a href="{share["links"]["page"]}">Crunch &lt;b&gt;</a>' in listed
    assert f'href="{path}"' in listed
    tests = f"/shares/{share['slug']}/tests"
    assert f'href="{tests}"' in listed
    assert f'href="{tests}"' in page
    assert (await own.get(tests)).status_code == 200
    assert (await own.post(path, data={"action": "withdraw"})).headers["location"] == f"{path}?done=withdraw"
    assert (await api.get(share["links"]["page"])).status_code == 404
    assert "Your shares" in (await own.get("/shares")).text
    assert (await own.post(path, data={"action": "withdraw"})).status_code == 404


async def test_what_rest_refuses_a_form_refuses_and_keeps_what_was_typed(
    own: httpx.AsyncClient, user: Person, job: SharedJob
) -> None:
    path = f"/jobs/{job.id}/share"
    form = {"action": "publish", "visibility": "public", "title": "Kept", "notes": "Typed"}
    wrong: list[tuple[dict[str, Any], int, str]] = [
        ({"data": {**form, "title": "a" * 121}}, 422, "120"),
        ({"data": {**form, "visibility": "everybody"}}, 422, "unlisted"),
        ({"data": {**form, "notes": "n" * 5001}}, 422, "5000"),
        ({"data": form, "files": {"picture": ("p.gif", b"GIF89a")}}, 422, "no picture of a known format"),
        ({"data": {"action": "nothing"}}, 404, "Nothing here"),
        ({"data": {}}, 404, "Nothing here"),
    ]
    for sent, status, words in wrong:
        answer = await own.post(path, **sent)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), words
        assert words in answer.text
        if status == 422:
            assert 'value="Kept"' in answer.text or "title" in sent["data"]
    assert await _mine(user) == []
    large = await own.post(path, data=form, files={"picture": ("p.png", bytes(6_000_000))})
    assert (large.status_code, large.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert "The picture is too large. Expected at most 5 MB." in large.text
    assert (await own.post(path, data=form)).status_code == 303
    again = await own.post(path, data=form)
    assert again.status_code == 409
    assert "shared already" in again.text


async def test_a_form_that_is_sent_twice_at_once_makes_one_share(
    own: httpx.AsyncClient, user: Person, job: SharedJob
) -> None:
    path = f"/jobs/{job.id}/share"
    form = {"action": "publish", "visibility": "unlisted", "title": "Twice"}
    answers = await asyncio.gather(*(own.post(path, data=form) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409]
    assert all("shared already" in answer.text for answer in answers if answer.status_code == 409)
    assert len(await _mine(user)) == 1


async def test_a_form_does_not_overwrite_what_its_user_has_not_seen(
    own: httpx.AsyncClient, user: Person, job: SharedJob
) -> None:
    path = f"/jobs/{job.id}/share"
    await own.post(path, data={"action": "publish", "visibility": "unlisted", "title": "First"})
    form = _forms((await own.get(path)).text)["change"]
    (share,) = await _mine(user)
    await user.client.patch(share["links"]["self"], json={"title": "Newer"})
    late = await own.post(path, data={**form, "title": "Late"})
    assert late.status_code == 412
    assert 'value="Late"' in late.text
    assert (await _mine(user))[0]["title"] == "Newer"
    assert (await own.post(path, data={**form, "tag": "", "title": "Late"})).status_code == 412


async def test_forms_of_other_pages_users_and_jobs_do_nothing(
    own: httpx.AsyncClient,
    other_user: Person,
    api: httpx.AsyncClient,
    user: Person,
    job: SharedJob,
    session_maker: Sessions,
    storage: Storage,
    tmp_path: Path,
) -> None:
    path = f"/jobs/{job.id}/share"
    form = {"action": "publish", "visibility": "public", "title": "Mine now"}
    foreign = await own.post(path, data=form, headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert (await own.post(path, data=form, headers={"Origin": "null"})).status_code == 403
    assert (await api.post(path, data=form)).status_code == 401
    assert (await other_user.client.post(path, data=form)).status_code == 404
    assert (await other_user.client.get(path)).status_code == 404
    assert await _mine(user) == []
    failed = await completed_job(user, session_maker, storage, tmp_path, chains=["Plexi"], status=JobStatus.FAILED)
    page = await own.get(f"/jobs/{failed.id}/share")
    assert "Only a completed job can be shared." in page.text
    assert '<form method="post" action="/jobs' not in page.text
    assert (await own.post(f"/jobs/{failed.id}/share", data=form)).status_code == 409
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "done" not in (await own.get(f"{path}?done=<script>")).text


async def test_the_list_of_shares_is_the_users_own(
    own: httpx.AsyncClient, api: httpx.AsyncClient, other_user: Person, job: SharedJob
) -> None:
    assert "None yet" in (await own.get("/shares")).text
    await own.post(f"/jobs/{job.id}/share", data={"action": "publish", "visibility": "unlisted", "title": "Only mine"})
    assert "Only mine" in (await own.get("/shares")).text
    headers = {"Accept": "text/html"}
    assert "Only mine" not in (await other_user.client.get("/shares", headers=headers)).text
    away = await api.get("/shares", headers=headers)
    assert (away.status_code, away.headers["location"]) == (303, "/sign-in?next=%2Fshares")
