"""All results of a job in one request, its events as a list, and its deletion."""

import io
import secrets
import zipfile
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import make_shootout, submit
from tests.support.finished_jobs import add_finished_job, result_key
from tests.support.sessions import Sessions
from tone_shootout.jobs.models import Job
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage

FILES = {"manifest.json": b"{}", "segments/01-riff--plexi.flac": secrets.token_bytes(300_000)}


@dataclass(frozen=True)
class Finished:
    """A completed job with results."""

    path: str
    keys: dict[str, str]


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return Storage.from_settings(settings)


@pytest.fixture
async def finished(storage: Storage, session_maker: Sessions, user: Person) -> Finished:
    return await _finish(storage, session_maker, user, FILES)


async def _finish(storage: Storage, session_maker: Sessions, user: Person, files: dict[str, bytes]) -> Finished:
    shootout_id = UUID(await make_shootout(user.client))
    job = await add_finished_job(storage, session_maker, user, shootout_id, files, title="Zwei Zerrer, „laut“")
    return Finished(f"/api/v1/jobs/{job.id}", {path: result_key(job, path) for path in files})


async def test_the_archive_has_every_result_under_its_path(finished: Finished, user: Person) -> None:
    job = (await user.client.get(finished.path)).json()
    answer = await user.client.get(job["links"]["archive"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="zwei-zerrer-laut.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 11, 28, 12, 0, 0)}
    assert (await user.client.get(job["links"]["archive"])).content == answer.content


@pytest.mark.parametrize("damage", ["missing", "short"])
async def test_an_archive_without_all_results_is_an_error_and_no_archive(
    damage: str, finished: Finished, storage: Storage, user: Person
) -> None:
    key = finished.keys["segments/01-riff--plexi.flac"]
    if damage == "missing":
        await storage.delete([key])
    else:
        await storage.put(key, b"short")
    answer = await user.client.get(f"{finished.path}/archive")
    assert answer.status_code >= 500
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_unfinished_job_has_no_archive_and_can_not_be_deleted(user: Person) -> None:
    job = await submit(user.client)
    assert job["links"]["archive"] is None
    for refused in (
        await user.client.get(f"{job['links']['self']}/archive"),
        await user.client.delete(job["links"]["self"]),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "job_unfinished")
    assert (await user.client.get(job["links"]["self"])).status_code == 200


async def test_a_job_that_ended_without_results_says_so(user: Person) -> None:
    job = await submit(user.client)
    cancelled = (await user.client.post(job["links"]["cancel"])).json()
    refused = await user.client.get(cancelled["links"]["archive"])
    assert (refused.status_code, refused.json()["code"]) == (404, "no_results")


async def test_a_deleted_job_is_gone_with_its_objects_and_its_shootout_stays(
    finished: Finished, storage: Storage, user: Person
) -> None:
    shootout = (await user.client.get(finished.path)).json()["links"]["shootout"]
    assert (await user.client.delete(finished.path)).status_code == 204
    for path in ("", "/events", "/archive", "/artifacts"):
        assert (await user.client.get(f"{finished.path}{path}")).status_code == 404
    assert (await user.client.delete(finished.path)).status_code == 404
    assert (await user.client.get(shootout)).status_code == 200
    assert (await user.client.get("/api/v1/library/usage")).json()["results_bytes"] == 0
    for key in finished.keys.values():
        assert not await storage.exists(key)


async def test_events_are_listed_page_by_page_to_who_accepts_json(finished: Finished, user: Person) -> None:
    address = f"{finished.path}/events"
    as_json = {"Accept": "application/json"}
    first = await user.client.get(address, params={"limit": 3}, headers=as_json)
    assert first.headers["content-type"] == "application/json"
    page = first.json()
    assert ([event["seq"] for event in page["items"]], page["total"], page["has_more"]) == ([1, 2, 3], 5, True)
    page = (await user.client.get(address, params={"limit": 2, "after": 3}, headers=as_json)).json()
    assert ([event["seq"] for event in page["items"]], page["total"], page["has_more"]) == ([4, 5], 2, False)
    page = (await user.client.get(address, params={"after": 1, "offset": 3}, headers=as_json)).json()
    assert ([event["seq"] for event in page["items"]], page["total"], page["has_more"]) == ([5], 4, False)
    page = (await user.client.get(address, params={"after": 5}, headers=as_json)).json()
    assert page == {"items": [], "total": 0, "limit": 100, "offset": 0, "has_more": False}
    for wrong in ({"limit": 0}, {"limit": 1001}, {"after": -1}):
        assert (await user.client.get(address, params=wrong, headers=as_json)).status_code == 400


async def test_a_job_of_another_is_not_there(
    finished: Finished, user: Person, other_user: Person, api: httpx.AsyncClient, session_maker: Sessions
) -> None:
    for method, path in (("GET", "/archive"), ("GET", "/events"), ("DELETE", "")):
        accept = {"Accept": "application/json"}
        assert (await api.request(method, f"{finished.path}{path}", headers=accept)).status_code == 401
        answer = await other_user.client.request(method, f"{finished.path}{path}", headers=accept)
        assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")
    async with session_maker() as session:
        assert await session.get(Job, UUID(finished.path.rsplit("/", 1)[1])) is not None


async def test_a_job_without_a_manifest_has_no_bundle(user: Person, other_user: Person, api: httpx.AsyncClient) -> None:
    made = await submit(user.client)
    path = f"{made['links']['self']}/bundle"
    assert made["links"]["bundle"] is None
    assert (await api.get(path)).status_code == 401
    assert (await other_user.client.get(path)).json()["code"] == "job_not_found"
    assert (await user.client.get(path)).json()["code"] == "job_unfinished"
    await user.client.post(made["links"]["cancel"])
    assert (await user.client.get(path)).json()["code"] == "no_results"
