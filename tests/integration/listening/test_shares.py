"""Shares: what they show to anybody, what they never show, and how they end."""

import io
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from sqlalchemy import text

from tests.integration.conftest import Person
from tests.support.listeners import open_test
from tests.support.sessions import Sessions
from tests.support.shared_jobs import CREDITS, PRIVATE, SECRET, SharedJob, completed_job, share
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.http.pictures import MAX_BYTES
from tone_shootout.kit.storage import Storage

SHARES = "/api/v1/shares"


def _image(kind: str, size: tuple[int, int] = (1600, 900), **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (200, 80, 40)).save(file, kind, **options)
    return file.getvalue()


async def test_a_share_shows_segments_measures_and_credits_to_anybody(
    user: Person, api: httpx.AsyncClient, job: SharedJob
) -> None:
    shared = await share(user, job, notes="Bridge pickup.")
    answer = await api.get(shared["links"]["self"])
    assert answer.status_code == 200
    found = answer.json()
    assert found == shared
    assert (found["title"], found["notes"], found["visibility"]) == ("Two crunches", "Bridge pickup.", "unlisted")
    assert [each["chain"] for each in found["segments"]] == job.chains
    assert found["level"]["target_lufs"] == -17.5
    assert found["credits"] == list(CREDITS)
    for segment in found["segments"]:
        sound = await api.get(f"{shared['links']['files']}/{segment['file']}")
        assert sound.content == job.files[segment["file"]]
    assert answer.headers["cache-control"] == "no-cache"
    again = await api.get(shared["links"]["self"], headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_a_share_never_shows_inputs_or_other_files(user: Person, api: httpx.AsyncClient, job: SharedJob) -> None:
    shared = await share(user, job)
    answer = await api.get(shared["links"]["self"])
    assert {each["path"] for each in answer.json()["files"]} == {
        path for path in job.files if path.startswith(("segments/", "plots/"))
    }
    private = [
        *PRIVATE,
        "manifest.json",
        "../manifest.json",
        "segments/../manifest.json",
        "segments/%2e%2e/manifest.json",
    ]
    for path in private:
        refused = await api.get(f"{shared['links']['files']}/{path}")
        assert refused.status_code == 404, path
    for hidden in (SECRET, str(user.id), job.id, user.name):
        assert hidden not in answer.text
    assert (await api.get(f"/api/v1/jobs/{job.id}")).status_code == 401


async def test_a_shared_file_supports_ranges_and_is_asked_for_each_time(
    user: Person, api: httpx.AsyncClient, job: SharedJob
) -> None:
    shared = await share(user, job)
    path = f"{shared['links']['files']}/segments/01-riff.flac"
    part = await api.get(path, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, job.files["segments/01-riff.flac"][4:10])
    assert part.headers["cache-control"] == "private, no-cache"
    headers = await api.head(path)
    assert int(headers.headers["content-length"]) == len(job.files["segments/01-riff.flac"])
    assert (await api.get(path, headers={"If-None-Match": headers.headers["etag"]})).status_code == 304


async def test_a_withdrawn_share_is_gone_at_once_for_everybody(
    user: Person, api: httpx.AsyncClient, job: SharedJob
) -> None:
    shared = await share(user, job, visibility="public")
    await user.client.put(f"{shared['links']['self']}/picture", content=_image("PNG"))
    paths = [
        shared["links"]["self"],
        shared["links"]["tests"],
        f"{shared['links']['files']}/segments/01-riff.flac",
        f"{shared['links']['self']}/picture",
    ]
    known = {path: (await api.get(path)).headers.get("etag", '"none"') for path in paths}
    assert (await user.client.delete(shared["links"]["self"])).status_code == 204
    for path in paths:
        gone = await api.get(path, headers={"If-None-Match": known[path]})
        assert (gone.status_code, gone.json()["code"]) == (404, "share_not_found"), path
        assert "Two crunches" not in gone.text
    assert (await api.get(f"{SHARES}/public")).json()["total"] == 0
    assert (await user.client.get(f"/api/v1/jobs/{job.id}")).status_code == 200


async def test_a_share_is_deleted_with_its_job(
    user: Person, api: httpx.AsyncClient, job: SharedJob, session_maker: Sessions
) -> None:
    shared = await share(user, job)
    await user.client.put(f"{shared['links']['self']}/picture", content=_image("PNG"))
    made = await user.client.post(shared["links"]["tests"], json={"kind": "abx", "segments": [1, 2]})
    await api.post(made.json()["links"]["sessions"])
    assert (await user.client.delete(f"/api/v1/jobs/{job.id}")).status_code == 204
    assert (await api.get(shared["links"]["self"])).status_code == 404
    async with session_maker() as session:
        for table in ("share", "share_picture", "listening_test", "listening_session"):
            assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 0, table


async def test_only_public_shares_are_listed_and_found_by_their_titles(
    user: Person, api: httpx.AsyncClient, job: SharedJob
) -> None:
    shared = await share(user, job, title="100 % Crunch")
    assert (await api.get(f"{SHARES}/public")).json()["items"] == []
    listed = (await user.client.get(SHARES)).json()["items"]
    assert [(each["slug"], each["job_id"], each["segments"]) for each in listed] == [(shared["slug"], job.id, 3)]
    await user.client.patch(shared["links"]["self"], json={"visibility": "public"})
    (item,) = (await api.get(f"{SHARES}/public")).json()["items"]
    assert (item["slug"], item["job_id"]) == (shared["slug"], None)
    for search, count in (("crunch", 1), ("100 %", 1), ("_", 0), ("clean", 0)):
        assert (await api.get(f"{SHARES}/public", params={"q": search})).json()["total"] == count, search


async def test_a_share_is_changed_by_its_owner_only_and_not_over_a_newer_state(
    user: Person, other_user: Person, api: httpx.AsyncClient, job: SharedJob
) -> None:
    shared = await share(user, job)
    path = shared["links"]["self"]
    for requester, status in ((api, 401), (other_user.client, 404)):
        assert (await requester.patch(path, json={"title": "Mine"})).status_code == status
        assert (await requester.delete(path)).status_code == status
        assert (await requester.put(f"{path}/picture", content=_image("PNG"))).status_code == status
    assert (await other_user.client.get(SHARES)).json()["total"] == 0
    tag = (await api.get(path)).headers["etag"]
    changed = await user.client.patch(path, json={"title": "Three crunches", "notes": ""}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["title"]) == (200, "Three crunches")
    late = await user.client.patch(path, json={"title": "Late"}, headers={"If-Match": tag})
    assert late.status_code == 412
    assert (await user.client.patch(path, json={"title": ""})).status_code == 400


async def test_only_a_completed_job_is_shared_and_only_once(
    user: Person, other_user: Person, job: SharedJob, session_maker: Sessions, storage: Storage, tmp_path: Path
) -> None:
    path = f"/api/v1/jobs/{job.id}/share"
    assert (await other_user.client.post(path, json={})).json()["code"] == "job_not_found"
    shared = await share(user, job)
    again = await user.client.post(path, json={})
    assert (again.status_code, again.json()["code"]) == (409, "already_shared")
    assert shared["slug"] in again.json()["detail"]
    failed = await completed_job(user, session_maker, storage, tmp_path, chains=["Plexi"], status=JobStatus.FAILED)
    refused = await user.client.post(f"/api/v1/jobs/{failed.id}/share", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_shareable")


async def test_a_picture_is_published_small_and_without_metadata(
    user: Person, api: httpx.AsyncClient, job: SharedJob
) -> None:
    shared = await share(user, job)
    path = f"{shared['links']['self']}/picture"
    exif = Image.Exif()
    exif[0x010E] = "my home address"
    assert (await api.get(path)).json()["code"] == "picture_not_found"
    for content in (_image("JPEG", exif=exif), _image("PNG"), _image("WEBP", (300, 200))):
        assert (await user.client.put(path, content=content)).status_code == 204
        answer = await api.get(path)
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        found = Image.open(io.BytesIO(answer.content))
        assert max(found.size) <= 1200
        assert not found.getexif()
    assert (await api.get(shared["links"]["self"])).json()["links"]["picture"] == path
    known = {"If-None-Match": answer.headers["etag"]}
    assert (await api.get(path, headers=known)).status_code == 304
    assert (await user.client.delete(path)).status_code == 204
    assert (await user.client.delete(path)).json()["code"] == "picture_not_found"


async def test_a_bad_picture_is_refused(user: Person, job: SharedJob) -> None:
    shared = await share(user, job)
    refused = await user.client.put(f"{shared['links']['self']}/picture", content=b"GIF89a")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_picture")


async def test_a_picture_above_the_limit_is_refused_before_it_is_decoded(user: Person, job: SharedJob) -> None:
    shared = await share(user, job)
    refused = await user.client.put(f"{shared['links']['self']}/picture", content=bytes(MAX_BYTES + 1))
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")


async def test_a_file_that_the_share_does_not_have_is_named_as_such(
    user: Person, api: httpx.AsyncClient, job: SharedJob
) -> None:
    shared = await share(user, job)
    missing = await api.get(f"{shared['links']['files']}/segments/99-nothing.flac")
    assert (missing.status_code, missing.json()["code"]) == (404, "shared_file_not_found")


async def test_who_has_not_seen_the_current_share_or_test_changes_neither(user: Person, job: SharedJob) -> None:
    shared = await share(user, job)
    test = await open_test(user, shared, kind="abx", segments=[1, 2], trials=8)
    for path, change in ((test["links"]["self"], {"results": "owner"}), (shared["links"]["self"], {"notes": "New"})):
        seen = {"If-Match": (await user.client.get(path)).headers["etag"]}
        assert (await user.client.patch(path, json=change, headers=seen)).status_code == 200
        for answer in (
            await user.client.patch(path, json=change, headers=seen),
            await user.client.delete(path, headers=seen),
        ):
            assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
        current = {"If-Match": (await user.client.get(path)).headers["etag"]}
        assert (await user.client.delete(path, headers=current)).status_code == 204
