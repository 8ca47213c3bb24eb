"""Both clients of `tone_shootout.client` against the real service."""

import asyncio
import hashlib
import inspect
import json
import secrets
import subprocess
import sys
import zipfile
from pathlib import Path
from uuid import UUID

import pytest
from redis.asyncio import Redis
from websockets.asyncio.server import ServerConnection, serve

from tests.integration.client.conftest import Do
from tests.integration.conftest import Person
from tests.integration.jobs.conftest import make_shootout, submit
from tests.support.cutting import cutting, truncating
from tests.support.factories import JobArtifactFactory, JobFactory
from tests.support.hand import Hand
from tests.support.sessions import Sessions
from tests.support.uploads import LIBRARY, config
from tone_shootout import client as package
from tone_shootout.client import AsyncClient, Client, Event, Job, LibraryItem, UploadResult
from tone_shootout.jobs.status import JobStatus
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage

DONE = {"seq": 1, "type": "done", "job_id": str(UUID(int=1)), "at": "2026-11-27T12:00:00Z", "data": {}}


def test_both_clients_have_the_same_methods() -> None:
    def methods(of: type) -> dict[str, list[str]]:
        found = inspect.getmembers(of, inspect.isfunction)
        return {name: list(inspect.signature(member).parameters) for name, member in found if name[0] != "_"}

    assert methods(Client) == methods(AsyncClient)


def test_the_client_loads_nothing_of_the_service() -> None:
    heavy = {"litestar", "sqlalchemy", "numpy", "saq", "redis", "tone_shootout.kit", "tone_shootout.rendering"}
    code = f"import sys, tone_shootout.client; print(*sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []


async def test_a_file_that_the_library_has_is_not_sent_again(do: Do, user: Person, spec: Path) -> None:
    riff = spec.with_name("riff.wav")
    first: LibraryItem = await do("upload", riff, "di_track", name="My riff", notes="Bridge pickup")
    assert first.is_new
    again: LibraryItem = await do("upload", riff, "di_track", name="Another name")
    assert (again.id, again.name, again.is_new) == (first.id, "My riff", False)
    assert (await user.client.get(f"{LIBRARY}/{first.id}")).json()["notes"] == "Bridge pickup"
    as_ir: LibraryItem = await do("upload", spec.with_name("cab.wav"), "cab_ir")
    assert [item.id for item in await do("library")] == [as_ir.id, first.id]
    assert [item.id for item in await do("library", kind="cab_ir")] == [as_ir.id]
    await do("delete_item", first.id)
    with pytest.raises(package.LibraryItemNotFoundError):
        await do("delete_item", first.id)


async def test_several_files_and_archives_are_uploaded_with_a_result_for_each(do: Do, user: Person, spec: Path) -> None:
    known: LibraryItem = await do("upload", spec.with_name("cab.wav"), "cab_ir")
    broken = spec.with_name("broken.nam")
    broken.write_bytes(b"{}")
    amp = spec.with_name("amp.nam")
    found: list[UploadResult] = await do(
        "upload_many",
        [(amp, "capture", "Plexi"), (broken, "capture"), (spec.with_name("cab.wav"), "cab_ir"), (amp, "capture")],
    )
    assert [result.status for result in found] == ["created", "failed", "existing", "created"]
    assert found[1].problem is not None
    assert (found[1].item, found[1].problem.code) == (None, "missing_field")
    assert found[2].item is not None
    assert (found[2].item.id, found[2].item.is_new) == (known.id, False)
    assert found[0].item is not None
    assert (found[0].item.name, found[0].item.is_new) == ("Plexi", True)
    with zipfile.ZipFile(spec.with_name("pack.zip"), "w") as archive:
        archive.write(amp, "amps/amp.nam")
        archive.write(spec.with_name("riff.wav"), "di/riff.wav")
    packed: list[UploadResult] = await do("upload_archive", spec.with_name("pack.zip"), tags=["pack"])
    assert [(result.filename, result.status) for result in packed] == [
        *(("amps/amp.nam", "existing"), ("di/riff.wav", "created"))
    ]
    assert (await user.client.get(LIBRARY, params={"tag": "pack"})).json()["total"] == 1
    with pytest.raises(package.LocalFileError):
        await do("upload_many", [(spec.with_name("gone.nam"), "capture")])
    amp.write_bytes(b"[]")
    with pytest.raises(package.ApiError, match=r"amp\.nam") as refused:
        await do("submit_spec", spec)
    assert refused.value.code == "invalid_field"


async def test_a_waiting_job_is_cancelled_and_retried(do: Do, user: Person) -> None:
    job: Job = await do("submit", await config(user.client))
    for _ in range(2):
        assert (await do("cancel", job.id)).status == "cancelled"
    assert (await do("retry", job.id)).id == job.id
    with pytest.raises(package.NothingToRetryError):
        await do("retry", job.id)
    assert [found.id for found in await do("jobs")] == [job.id]
    assert await do("jobs", status="failed") == []


async def test_errors_are_classes_by_code(do: Do, user: Person, other_user: Person, spec: Path) -> None:
    with pytest.raises(package.JobNotFoundError):
        await do("job", UUID(int=1))
    with pytest.raises(package.NotFoundError, match="You have no job"):
        await do("watch", (await submit(other_user.client))["id"])
    with pytest.raises(package.UnauthorizedError):
        await do("jobs", token="tst_wrong")
    with pytest.raises(package.UnauthorizedError, match="Sign in first"):
        await do("watch", UUID(int=1), token=None)
    chosen = await config(user.client)
    chosen["chains"][0]["blocks"].pop()
    with pytest.raises(package.InvalidConfigError) as refused:
        await do("submit", chosen)
    assert [(fault.code, fault.pointer) for fault in refused.value.errors] == [
        ("ir_required", "/config/chains/0/blocks")
    ]
    with pytest.raises(package.ConnectionFailedError, match="can't be reached"):
        await do("jobs", url="nowhere")
    with pytest.raises(package.LocalFileError, match="No such file"):
        await do("upload", spec.with_name("gone.wav"), "di_track")


async def test_a_lost_connection_neither_loses_nor_repeats_events(
    base_url: str, do: Do, user: Person, session_maker: Sessions, redis: Redis
) -> None:
    job = await submit(user.client)
    hand = Hand(session_maker, redis, job["id"])
    await hand.become(JobStatus.RUNNING)
    async with cutting(base_url, 3, 0.3) as (address, made):
        following = asyncio.create_task(do("watch", job["id"], url=address))
        while len(made) <= 3:
            await hand.record(float(len(made)))
            await asyncio.sleep(0.02)
        await hand.become(JobStatus.COMPLETED)
        events: list[Event] = await following
    everything = await hand.all_events()
    assert events[0].type == "snapshot"
    assert [event.seq for event in events[1:]] == list(range(events[0].seq + 1, everything[-1] + 1))
    assert events[-1].type == "done"
    middle = everything[len(everything) // 2]
    assert [event.seq for event in await do("watch", job["id"], after=middle)] == list(
        range(middle + 1, events[-1].seq + 1)
    )
    assert await do("watch", job["id"], after=events[-1].seq) == []


async def test_watch_waits_for_the_rate_limit(do: Do) -> None:
    codes = iter([4429, 1000])

    async def answer(socket: ServerConnection) -> None:
        code = next(codes)
        if code == 1000:
            await socket.send(json.dumps(DONE))
        await socket.close(code)

    async with serve(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        received: list[Event] = await do("watch", UUID(int=1), url=url)
    assert [event.type for event in received] == ["done"]


async def test_a_download_continues_after_a_lost_connection_and_is_checked(
    base_url: str, do: Do, user: Person, settings: Settings, session_maker: Sessions, tmp_path: Path
) -> None:
    whole = secrets.token_bytes(3_000_000)
    sha256 = hashlib.sha256(whole).hexdigest()
    job = JobFactory.build(
        owner_id=user.id, shootout_id=UUID(await make_shootout(user.client)), status=JobStatus.COMPLETED
    )
    path = "segments/01 riff – plexi.flac"
    async with session_maker() as session:
        session.add(job)
        await session.flush()
        for name, digest in ((path, sha256), ("zz-wrong.json", "0" * 64)):
            key = f"users/{user.id}/jobs/{job.id}/1/{name}"
            await Storage.from_settings(settings).put(key, whole)
            session.add(
                JobArtifactFactory.build(
                    job_id=job.id, path=name, size=len(whole), sha256=digest, media_type="audio/flac", storage_key=key
                )
            )
        await session.commit()
    ranges: list[str] = []
    async with truncating(base_url, 1_000_000, ranges) as address:
        with pytest.raises(package.InvalidResponseError, match=r"zz-wrong.json differs"):
            await do("download", job.id, tmp_path / "out", url=address)
    assert (tmp_path / "out" / path).read_bytes() == whole
    assert ranges[0] == ""
    assert int(ranges[1].removeprefix("bytes=").removesuffix("-")) > 0
    assert [found.name for found in (tmp_path / "out").rglob("*") if found.is_file()] == [Path(path).name]
