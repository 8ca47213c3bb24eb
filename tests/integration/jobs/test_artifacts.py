"""Results over HTTP: ranges and validators."""

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import make_shootout
from tests.support.factories import JobArtifactFactory, JobFactory
from tests.support.sessions import Sessions
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage


@dataclass(frozen=True)
class Flac:
    """A segment that a job has made."""

    href: str
    whole: bytes
    sha256: str


@pytest.fixture
async def flac(settings: Settings, session_maker: Sessions, user: Person) -> Flac:
    whole = secrets.token_bytes(5000)
    sha256 = hashlib.sha256(whole).hexdigest()
    shootout_id = UUID(await make_shootout(user.client))
    job = JobFactory.build(owner_id=user.id, shootout_id=shootout_id, status=JobStatus.COMPLETED)
    path = "segments/01-riff--plexi.flac"
    async with session_maker() as session:
        session.add(job)
        await session.flush()
        key = f"users/{user.id}/jobs/{job.id}/1/{path}"
        await Storage.from_settings(settings).put(key, whole)
        session.add(
            JobArtifactFactory.build(
                job_id=job.id, path=path, size=len(whole), sha256=sha256, media_type="audio/flac", storage_key=key
            )
        )
        await session.commit()
    (item,) = (await user.client.get(f"/api/v1/jobs/{job.id}/artifacts")).json()["items"]
    assert (item["path"], item["sha256"]) == (path, sha256)
    return Flac(href=item["links"]["content"], whole=whole, sha256=sha256)


async def test_the_whole_is_what_was_stored(flac: Flac, user: Person) -> None:
    answer = await user.client.get(flac.href)
    assert answer.content == flac.whole
    assert answer.headers["content-type"] == "audio/flac"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


async def test_a_part_is_a_part_of_the_whole(flac: Flac, user: Person) -> None:
    part = await user.client.get(flac.href, headers={"Range": "bytes=10-99"})
    assert part.status_code == 206
    assert part.content == flac.whole[10:100]
    assert part.headers["content-range"] == f"bytes 10-99/{len(flac.whole)}"
    assert part.headers["etag"] == f'"{flac.sha256}"'
    tail = await user.client.get(flac.href, headers={"Range": "bytes=-7"})
    assert tail.content == flac.whole[-7:]
    rest = await user.client.get(flac.href, headers={"Range": f"bytes={len(flac.whole) - 3}-"})
    assert rest.content == flac.whole[-3:]


async def test_a_part_beyond_the_end_is_refused(flac: Flac, user: Person) -> None:
    refused = await user.client.get(flac.href, headers={"Range": f"bytes={len(flac.whole)}-"})
    assert refused.status_code == 416
    assert refused.headers["content-range"] == f"bytes */{len(flac.whole)}"
    assert refused.headers["content-type"] == "application/problem+json"


async def test_who_has_it_is_told_so(flac: Flac, user: Person) -> None:
    same = await user.client.get(flac.href, headers={"If-None-Match": f'"other", "{flac.sha256}"'})
    assert same.status_code == 304
    assert same.content == b""
    changed = await user.client.get(flac.href, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert changed.status_code == 200


async def test_asking_about_it_sends_nothing(flac: Flac, user: Person) -> None:
    requested = await user.client.head(flac.href)
    assert requested.content == b""
    assert requested.headers["content-length"] == str(len(flac.whole))
    assert requested.headers["etag"] == f'"{flac.sha256}"'


async def test_nobody_else_gets_it(flac: Flac, user: Person, other_user: Person, api: httpx.AsyncClient) -> None:
    assert (await api.get(flac.href)).status_code == 401
    assert (await other_user.client.get(flac.href)).status_code == 404


async def test_a_path_that_leads_out_is_not_there(flac: Flac, user: Person) -> None:
    for path in ("../../../secret", "..%2f..%2fsecret", "segments"):
        answer = await user.client.get(f"{flac.href.rsplit('/segments', 1)[0]}/{path}")
        assert answer.status_code == 404


async def test_a_path_that_the_job_does_not_have_is_not_found(flac: Flac, user: Person) -> None:
    answer = await user.client.get(f"{flac.href}.gone")
    assert (answer.status_code, answer.json()["code"]) == (404, "artifact_not_found")
