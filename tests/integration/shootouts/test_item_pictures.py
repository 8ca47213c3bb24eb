"""Pictures of library items: over REST, and as a job keeps them."""

import io
import zipfile
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx
import msgspec
import pytest
from PIL import Image
from sqlalchemy import func, select

from tests.integration.conftest import Person
from tests.support.sessions import Sessions
from tests.support.uploads import LIBRARY, SHOOTOUTS, add, config, di
from tone_shootout.jobs.execution.attempt import Attempt
from tone_shootout.jobs.execution.fetcher import Fetcher
from tone_shootout.jobs.execution.inputs import Inputs
from tone_shootout.jobs.models import Job, JobPicture
from tone_shootout.kit.http.pictures import MAX_BYTES
from tone_shootout.shootouts.library.models import LibraryPicture


def _image(kind: str = "PNG", size: tuple[int, int] = (1600, 900), color: str = "red", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, kind, **options)
    return file.getvalue()


async def _count(sessions: Sessions, table: type[Any]) -> int:
    async with sessions() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)


@pytest.fixture
async def path(user: Person) -> str:
    return f"{LIBRARY}/{await add(user.client, 'di_track', di(), name='Riff')}"


async def test_a_picture_is_kept_small_without_metadata_for_its_owner_only(
    user: Person, other_user: Person, api: httpx.AsyncClient, path: str, session_maker: Sessions
) -> None:
    picture, client = f"{path}/picture", user.client
    assert (await client.get(picture)).json()["code"] == "picture_not_found"
    before = await client.get(path)
    assert before.json()["links"]["picture"] is None
    exif = Image.Exif()
    exif[0x010E] = "my home address"
    for content in (_image("JPEG", exif=exif), _image("PNG"), _image("WEBP", (300, 200))):
        assert (await client.put(picture, content=content)).status_code == 204
        answer = await client.get(picture)
        assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("image/jpeg", "no-cache")
        found = Image.open(io.BytesIO(answer.content))
        assert max(found.size) <= 1200
        assert not found.getexif()
    item = await client.get(path)
    assert item.json()["links"]["picture"] == picture
    assert item.headers["etag"] != before.headers["etag"]
    listed = (await client.get(LIBRARY)).json()["items"]
    assert [each["links"]["picture"] for each in listed] == [picture]
    assert (await client.get(picture, headers={"If-None-Match": answer.headers["etag"]})).status_code == 304
    for stranger, status in ((other_user.client, 404), (api, 401)):
        assert (await stranger.get(picture)).status_code == status
        assert (await stranger.put(picture, content=_image())).status_code == status
        assert (await stranger.delete(picture)).status_code == status
    assert (await client.delete(picture)).status_code == 204
    assert (await client.delete(picture)).json()["code"] == "picture_not_found"
    await client.put(picture, content=_image())
    assert (await client.delete(path)).status_code == 204
    assert await _count(session_maker, LibraryPicture) == 0


async def test_a_picture_that_can_not_be_used_is_refused(user: Person, path: str) -> None:
    for content, status, code in (
        (b"", 422, "invalid_picture"),
        (b"GIF89a", 422, "invalid_picture"),
        (_image()[:400], 422, "invalid_picture"),
        (bytes(MAX_BYTES + 1), 413, "too_large"),
    ):
        answer = await user.client.put(f"{path}/picture", content=content)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_job_keeps_the_pictures_that_its_items_had_when_it_was_submitted(
    user: Person, session_maker: Sessions
) -> None:
    client, settled = user.client, await config(user.client)
    used = [block["asset"] for chain in settled["chains"] for block in chain["blocks"]]
    for asset in used:
        assert (await client.put(f"{LIBRARY}/{asset}/picture", content=_image())).status_code == 204
    first = (await client.get(f"{LIBRARY}/{used[0]}/picture")).content
    made = (await client.post(SHOOTOUTS, json={"config": settled, "submit": True})).json()
    assert (await client.put(f"{LIBRARY}/{used[0]}/picture", content=_image(color="blue"))).status_code == 204
    job_id = UUID(made["job"]["id"])
    async with session_maker() as session:
        kept = (await session.scalars(select(JobPicture.content).where(JobPicture.job_id == job_id))).all()
    assert kept == [first], "equal pictures are kept once"
    export = zipfile.ZipFile(io.BytesIO((await client.get("/api/v1/me/export")).content))
    pictures = [name for name in export.namelist() if name.startswith("pictures/")]
    assert len([name for name in pictures if name.startswith("pictures/library_picture/")]) == len(set(used))
    (of_job,) = (name for name in pictures if name.startswith("pictures/job_picture/"))
    assert export.read(of_job) == first


async def test_a_job_draws_the_pictures_that_it_keeps(user: Person, session_maker: Sessions, tmp_path: Path) -> None:
    client, settled = user.client, await config(user.client)
    amp = settled["chains"][0]["blocks"][0]["asset"]
    assert (await client.put(f"{LIBRARY}/{amp}/picture", content=_image())).status_code == 204
    kept = (await client.get(f"{LIBRARY}/{amp}/picture")).content
    made = (await client.post(SHOOTOUTS, json={"config": settled, "submit": True})).json()
    assert (await client.delete(f"{LIBRARY}/{amp}/picture")).status_code == 204
    async with session_maker() as session:
        job = await session.get_one(Job, UUID(made["job"]["id"]))
    fetcher = Fetcher(session_maker, cast(Any, None), cast(Any, None))  # pictures need neither storage nor TONE3000
    found = await fetcher.fetch_pictures(Attempt(job), msgspec.convert(job.inputs, Inputs), tmp_path)
    assert {file: path.read_bytes() for file, path in found.items()} == {amp: kept}
