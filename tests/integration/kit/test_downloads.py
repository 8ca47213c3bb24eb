"""Who is told 200 gets the file: a row without its object is a fault of the storage, and no answer but 503."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.live import serving
from tests.support.s3 import S3, s3_process
from tests.support.sessions import Sessions
from tests.support.uploads import LIBRARY, di, upload
from tone_shootout.jobs.models import JobArtifact
from tone_shootout.kit.settings import Settings


async def _answers(client: httpx.AsyncClient, path: str) -> list[httpx.Response]:
    """What is answered to the whole, a part, and a question about it."""
    return [
        await client.get(path),
        await client.get(path, headers={"Range": "bytes=10-20"}),
        await client.get(path, headers={"Range": "bytes=-5"}),
        await client.head(path),
    ]


def _refused(answers: list[httpx.Response]) -> bool:
    for answer in answers:
        assert answer.status_code == 503, answer.text
        assert answer.headers["retry-after"]
        assert "deleted" not in answer.text
    return True


@pytest.mark.parametrize("left", [None, b"", b"half of it"], ids=["missing", "empty", "shorter"])
async def test_a_library_file_without_its_object_is_unavailable_until_it_is_uploaded_again(
    user: Person, settings: Settings, left: bytes | None
) -> None:
    content = di(seed=20)
    item = (await upload(user.client, "di_track", content)).json()
    stored = settings.data / f"objects/users/{user.id}/blobs/{item['sha256']}"
    await asyncio.to_thread(stored.unlink)
    if left is not None:
        await asyncio.to_thread(stored.write_bytes, left)
    path = f"{LIBRARY}/{item['id']}/content"
    assert _refused(await _answers(user.client, path))
    assert (await upload(user.client, "di_track", content)).status_code == 200
    healed = await _answers(user.client, path)
    assert [answer.status_code for answer in healed] == [200, 206, 206, 200]
    assert (healed[0].content, healed[1].content, healed[2].content) == (content, content[10:21], content[-5:])


async def test_content_that_another_kind_of_item_shares_is_healed_by_it(user: Person, settings: Settings) -> None:
    content = di(seed=21)
    item = (await upload(user.client, "di_track", content)).json()
    stored = settings.data / f"objects/users/{user.id}/blobs/{item['sha256']}"
    await asyncio.to_thread(stored.unlink)
    assert (await upload(user.client, "cab_ir", content)).status_code == 201
    assert (await user.client.get(f"{LIBRARY}/{item['id']}/content")).content == content


async def test_a_result_without_its_object_is_unavailable(user: Person, session_maker: Sessions) -> None:
    job = await submit(user.client)
    key = f"users/{user.id}/jobs/{job['id']}/1/segments/01.flac"
    async with session_maker.begin() as session:
        session.add(
            JobArtifact(
                job_id=UUID(job["id"]),
                path="segments/01.flac",
                size=100,
                sha256="0" * 64,
                media_type="audio/flac",
                storage_key=key,
            )
        )
    assert _refused(await _answers(user.client, f"{job['links']['artifacts']}/segments/01.flac"))


@pytest.fixture(scope="module")
def s3() -> Generator[S3, None, None]:
    with s3_process() as running:
        yield running


@pytest.fixture(scope="module")
def s3_service(settings: Settings, s3: S3) -> Generator[str, None, None]:
    with serving(replace(settings, storage=s3.settings())) as url:
        yield url


@pytest.fixture
async def client(user: Person, s3_service: str) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with httpx.AsyncClient(base_url=s3_service, timeout=60, headers=user.client.headers) as client:
        yield client


async def test_a_store_that_is_away_is_a_503_on_every_download_and_nothing_is_lost(
    client: httpx.AsyncClient, s3: S3, tmp_path: Path
) -> None:
    content = di(seed=22)
    item = (await upload(client, "di_track", content)).json()
    path = f"{LIBRARY}/{item['id']}/content"
    s3.leave()
    assert _refused(await _answers(client, path))
    assert (await client.get("/api/v1/me/export")).status_code == 503
    assert (await upload(client, "di_track", di(seed=23))).status_code == 503
    s3.come_back()
    assert (await client.get(path)).content == content
    assert (await client.get("/api/v1/me/export")).status_code == 200
    assert (await upload(client, "di_track", di(seed=23))).status_code == 201
