"""The page of a job over HTTP; `tests/browser` listens to it."""

import json
import re
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import make_shootout, submit
from tests.integration.pages.conftest import Files
from tests.support.finished_jobs import add_finished_job, result_key
from tests.support.listening import HOSTILE
from tests.support.sessions import Sessions
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.storage import Storage


@pytest.fixture
async def job(storage: Storage, session_maker: Sessions, user: Person, results: Files) -> Job:
    return await _finished(storage, session_maker, user, results)


async def _finished(storage: Storage, session_maker: Sessions, user: Person, files: Files) -> Job:
    shootout_id = UUID(await make_shootout(user.client))
    return await add_finished_job(storage, session_maker, user, shootout_id, files)


def _data(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="shootout">(.*?)</script>', page)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


async def test_a_finished_job_has_a_listening_page_with_the_addresses_of_its_artifacts(
    browser: httpx.AsyncClient, job: Job, results: Files
) -> None:
    answer = await browser.get(f"/jobs/{job.id}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    data = _data(answer.text)
    assert {**data, "home": None} == {**json.loads(results["listen/page.json"]), "home": None}
    addresses = {"files": f"/api/v1/jobs/{job.id}/artifacts/", "renew": "/api/v1/auth/refresh"}
    assert data["home"] == {"fetch": True, **addresses}
    assert HOSTILE not in answer.text
    for address in re.findall(r'(?:src|href)="(/[^"]+)"', answer.text):
        assert (await browser.get(address)).status_code == 200, address


async def test_results_of_before_have_a_page_made_from_their_manifest(
    browser: httpx.AsyncClient, storage: Storage, session_maker: Sessions, user: Person, results: Files
) -> None:
    old = {path: content for path, content in results.items() if not path.startswith(("listen/", "index.html"))}
    job = await _finished(storage, session_maker, user, old)
    data = _data((await browser.get(f"/jobs/{job.id}")).text)
    segments = data["segments"]
    assert isinstance(segments, list)
    assert [segment["sound"][0]["file"] for segment in segments] == [segment["file"] for segment in segments]


async def test_jobs_of_nobody_and_of_others_are_not_there(
    browser: httpx.AsyncClient, job: Job, other_user: Person, base_url: str
) -> None:
    async with httpx.AsyncClient(base_url=base_url, timeout=60, headers={"Accept": "text/html"}) as stranger:
        away = await stranger.get(f"/jobs/{job.id}")
        assert (away.status_code, away.headers["location"]) == (303, f"/sign-in?next=%2Fjobs%2F{job.id}")
        assert (await stranger.post("/api/v1/auth/session", json={"token": other_user.token})).is_success
        theirs = await stranger.get(f"/jobs/{job.id}")
    nobodys = await browser.get(f"/jobs/{uuid4()}")
    assert theirs.status_code == nobodys.status_code == 404
    assert "<h1>Nothing here</h1>" in theirs.text
    ids = re.compile(r"[0-9a-f-]{36}")
    assert ids.sub("", theirs.text).replace(other_user.name, "ada") == ids.sub("", nobodys.text)
    program = await browser.get(f"/jobs/{uuid4()}", headers={"Accept": "application/json"})
    assert (program.status_code, program.json()["code"]) == (404, "job_not_found")


async def test_a_program_without_a_credential_gets_a_problem(base_url: str, job: Job) -> None:
    async with httpx.AsyncClient(base_url=base_url) as client:
        answer = await client.get(f"/jobs/{job.id}")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


async def test_an_unfinished_job_shows_its_status_and_a_failed_one_its_error(
    browser: httpx.AsyncClient, user: Person, session_maker: Sessions
) -> None:
    job = await submit(user.client, title="Quoted <i>")
    page = (await browser.get(f"/jobs/{job['id']}")).text
    assert "<progress" in page
    assert "Quoted &lt;i&gt;" in page
    async with session_maker.begin() as session:
        error = {"error_code": "silent", "error_detail": "Segment 1 is too quiet <b>"}
        await session.execute(
            update(Job).where(Job.id == UUID(job["id"])).values(status=JobStatus.FAILED.value, **error)
        )
    assert "too quiet &lt;b&gt;" in (await browser.get(f"/jobs/{job['id']}")).text


async def test_missing_and_damaged_results_are_faults_of_the_storage(
    browser: httpx.AsyncClient, storage: Storage, session_maker: Sessions, user: Person, job: Job
) -> None:
    await storage.put(result_key(job, "listen/page.json"), b"{}")
    assert (await browser.get(f"/jobs/{job.id}")).status_code == 503
    await storage.delete([result_key(job, "listen/page.json")])
    assert (await browser.get(f"/jobs/{job.id}")).status_code == 503
    empty = await _finished(storage, session_maker, user, {})
    assert (await browser.get(f"/jobs/{empty.id}")).status_code == 404
