"""How much one user may keep, whatever they try."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import Person
from tests.support.live import serving
from tests.support.uploads import LIBRARY, SHOOTOUTS, Raw, capture, config, di, upload
from tone_shootout.kit.settings import Settings

BYTES, ITEMS = 200_000, 5


@pytest.fixture(scope="module")
def service(settings: Settings) -> Generator[str, None, None]:
    """A service that keeps little."""
    limits = replace(settings.limits, storage_bytes=BYTES, library_items=ITEMS)
    with serving(replace(settings, limits=limits)) as url:
        yield url


@pytest.fixture
async def client(service: str, user: Person) -> AsyncGenerator[httpx.AsyncClient, None]:
    headers = {"Authorization": f"Bearer {user.token}"}
    async with httpx.AsyncClient(base_url=service, headers=headers, timeout=60) as made:
        yield made


def track(seed: int, seconds: float = 0.5) -> bytes:
    """A DI track of 48,044 bytes."""
    return di(seconds, seed=seed)


async def usage(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"{LIBRARY}/usage")).json()
    return found


async def test_an_upload_that_used_the_quota_up_can_be_sent_again_with_its_key(client: httpx.AsyncClient) -> None:
    sizes = [BYTES - 100_000, 100_000]  # the second fills the quota to the last byte
    for seed, size in enumerate(sizes):
        form: dict[str, Any] = {"data": {"kind": "di_track"}, "files": {"file": ("a.wav", _wav_of(size, seed))}}
        sent = [await client.post(LIBRARY, **form, headers={"Idempotency-Key": f"key-{seed}"}) for _ in range(2)]
        assert [answer.status_code for answer in sent] == [201, 201], sent[1].text
    assert (await usage(client))["library_bytes"] == BYTES
    assert (await upload(client, "di_track", track(9))).status_code == 403
    files = {"di_track": ("a.wav", _wav_of(sizes[1], 1))}
    assert (await client.post(f"{LIBRARY}/batch", files=files)).status_code == 403


def _wav_of(size: int, seed: int) -> bytes:
    """A DI track of so many bytes: 44 of its header, two a sample."""
    return di((size - 44) / 96_000, seed=seed)


async def test_uploads_fail_over_the_quota_and_succeed_after_deletion(
    client: httpx.AsyncClient, user: Person, blobs: Callable[[UUID], list[str]]
) -> None:
    sent = [await upload(client, "di_track", track(seed)) for seed in range(1, 6)]
    assert [answer.status_code for answer in sent] == [201] * 4 + [403]
    assert sent[4].json()["code"] == "quota_exceeded"
    size = len(track(1))
    assert await usage(client) == {
        "library_bytes": 4 * size, "results_bytes": 0, "max_bytes": BYTES, "used_items": 4, "max_items": ITEMS
    }  # fmt: skip
    assert len(blobs(user.id)) == 4
    assert (await client.delete(f"{LIBRARY}/{sent[0].json()['id']}")).status_code == 204
    assert (await upload(client, "di_track", track(5))).status_code == 201


async def test_concurrent_uploads_do_not_exceed_the_quota(
    client: httpx.AsyncClient, user: Person, blobs: Callable[[UUID], list[str]]
) -> None:
    sent = await asyncio.gather(*(upload(client, "di_track", track(seed)) for seed in range(1, 9)))
    assert sorted(answer.status_code for answer in sent) == [201] * 4 + [403] * 4
    assert len(blobs(user.id)) == 4
    assert (await usage(client))["used_items"] == 4


async def test_the_number_of_items_is_limited(client: httpx.AsyncClient) -> None:
    sent = await asyncio.gather(*(upload(client, "capture", capture(gain / 10)) for gain in range(1, 9)))
    assert sorted(answer.status_code for answer in sent) == [201] * ITEMS + [403] * 3
    assert {answer.json()["code"] for answer in sent if answer.status_code == 403} == {"quota_exceeded"}


async def test_existing_content_does_not_count_again(client: httpx.AsyncClient) -> None:
    content = track(1)
    first = await upload(client, "di_track", content)
    for kind, status in (("di_track", 200), ("cab_ir", 201)):
        assert (await upload(client, kind, content)).status_code == status
    assert (await usage(client))["library_bytes"] == len(content)
    assert first.status_code == 201


async def test_an_upload_is_aborted_at_the_quota(service: str, user: Person) -> None:
    raw = Raw(service, user)
    await raw.open("Transfer-Encoding: chunked")
    await raw.send(b'--b\r\nContent-Disposition: form-data; name="kind"\r\n\r\ndi_track\r\n')
    await raw.send(b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.wav"\r\n\r\n')
    while not raw.answered and raw.sent < 6_000_000:  # less than a file may have
        await raw.send(bytes(65_536))
    assert await raw.status() == 403
    await raw.close()


async def test_results_count_and_a_used_up_quota_rejects_jobs(client: httpx.AsyncClient, engine: AsyncEngine) -> None:
    made = await client.post(SHOOTOUTS, json={"config": await config(client)})
    path = f"{SHOOTOUTS}/{made.json()['id']}/jobs"
    job = await client.post(path)
    assert job.status_code == 202
    async with engine.begin() as connection:
        statement = text(
            "INSERT INTO job_artifact (job_id, path, size, sha256, media_type, storage_key)"
            " VALUES (:id, 'comparison.mp4', 150000, '', '', '')"
        )
        await connection.execute(statement, {"id": job.json()["id"]})
    assert (await usage(client))["results_bytes"] == 150_000
    assert (await client.post(f"{job.json()['links']['self']}/cancel")).status_code == 202
    for again in (path, f"{job.json()['links']['self']}/retry"):
        refused = await client.post(again)
        assert (refused.status_code, refused.json()["code"]) == (403, "quota_exceeded")
    assert (await upload(client, "di_track", track(9))).json()["code"] == "quota_exceeded"


async def test_quotas_of_users_are_independent(client: httpx.AsyncClient, service: str, other_user: Person) -> None:
    for seed in range(1, 5):
        await upload(client, "di_track", track(seed))
    headers = {"Authorization": f"Bearer {other_user.token}"}
    async with httpx.AsyncClient(base_url=service, headers=headers, timeout=60) as other:
        assert (await upload(other, "di_track", track(1))).status_code == 201
        assert (await usage(other))["used_items"] == 1
