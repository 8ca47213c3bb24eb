"""What is away costs a job nothing: the worker pauses, and goes on by itself."""

import asyncio
import resource
import shutil
import sys
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import EVERYTHING, submit
from tests.support.live import serving
from tests.support.outages import (
    Watched,
    completed_at_no_cost,
    event_of,
    prepared,
    submitted,
    visiting,
    waits,
    watched_worker,
)
from tests.support.s3 import S3, s3_process
from tests.support.sessions import Sessions
from tests.support.uploads import add, di, upload
from tone_shootout.jobs.status import PHASES
from tone_shootout.kit.settings import Settings, StorageSettings

pytestmark = pytest.mark.slow

MINUTE_S = 60.0


@pytest.fixture(scope="module")
def s3() -> Generator[S3, None, None]:
    with s3_process() as running:
        yield running


@pytest.fixture(scope="module")
def s3_settings(settings: Settings, s3: S3) -> Settings:
    return replace(settings, storage=s3.settings())


@pytest.fixture(scope="module")
def s3_service(s3_settings: Settings) -> Generator[str, None, None]:
    with serving(s3_settings) as url:
        yield url


@pytest.fixture
async def visitor(user: Person, s3_service: str) -> AsyncGenerator[Person, None]:
    async with visiting(s3_service, user) as person:
        yield person


@pytest.fixture
def objects(settings: Settings) -> Path:
    """Where the service under test keeps its objects."""
    return settings.data / "objects"


@pytest.mark.parametrize(
    ("method", "part", "attempts"),
    [
        pytest.param(b"GET", b"/blobs/", 2, id="fetch"),
        pytest.param(b"PUT", b"/jobs/", 1, id="publish", marks=pytest.mark.thorough),
    ],
)
async def test_a_store_that_is_away_for_a_moment_costs_no_attempt(
    s3: S3,
    s3_settings: Settings,
    s3_service: str,
    visitor: Person,
    session_maker: Sessions,
    tmp_path: Path,
    method: bytes,
    part: bytes,
    attempts: int,
) -> None:
    uncached = replace(s3_settings, limits=replace(s3_settings.limits, cache_bytes=0))
    with watched_worker(uncached, tmp_path) as worker:
        s3.leave_at(method, part)
        job = await submitted(visitor)
        assert await asyncio.to_thread(s3.left.wait, 60)
        await worker.says("worker_paused")
        s3.come_back()
        log = await completed_at_no_cost(s3_service, visitor, job, session_maker)
        await worker.says("worker_resumed")
    assert log[-1]["data"]["attempt"] == attempts
    assert waits(log) == ["storage"] * (attempts - 1)
    # Each change once, with its reason, however often it was looked.
    assert len(worker.lines("dependency_failed")) == len(worker.lines("dependency_recovered")) == 1
    assert "storage" in worker.lines("dependency_failed")[0]


@pytest.mark.thorough
async def test_a_worker_takes_no_jobs_before_its_store_answers(
    s3: S3, s3_settings: Settings, s3_service: str, visitor: Person, session_maker: Sessions, tmp_path: Path
) -> None:
    job = await submitted(visitor)
    s3.leave()
    with watched_worker(s3_settings, tmp_path) as worker:
        await worker.says("worker_paused")
        s3.come_back()
        log = await completed_at_no_cost(s3_service, visitor, job, session_maker)
    assert log[-1]["data"]["attempt"] == 1


@pytest.mark.thorough
@pytest.mark.timeout(400)
@pytest.mark.parametrize("phase", PHASES)
async def test_a_store_that_is_away_for_a_minute_costs_no_attempt(
    s3: S3,
    s3_settings: Settings,
    s3_service: str,
    visitor: Person,
    session_maker: Sessions,
    tmp_path: Path,
    phase: str,
) -> None:
    with watched_worker(s3_settings, tmp_path) as worker:
        job = await submitted(visitor, seconds=20.0, chains=4, seed=PHASES.index(phase) + 10, output=EVERYTHING)
        await event_of(s3_service, visitor, job, "phase", phase)
        s3.leave()
        await asyncio.sleep(MINUTE_S)
        assert worker.lines("worker_paused") or phase == "publish"
        s3.come_back()
        await completed_at_no_cost(s3_service, visitor, job, session_maker)


@pytest.mark.thorough
async def test_a_worker_that_sees_another_folder_pauses_and_another_one_does_the_job(
    base_url: str, user: Person, settings: Settings, session_maker: Sessions, tmp_path: Path
) -> None:
    other = replace(settings, storage=StorageSettings(url=(tmp_path / "objects").as_uri(), free_bytes=0))
    job = await submitted(user)
    with watched_worker(other, tmp_path, "astray") as astray:
        assert "SHOOTOUT_STORAGE_URL" in await astray.says("holds none of the")
        with watched_worker(settings, tmp_path, "right"):
            log = await completed_at_no_cost(base_url, user, job, session_maker)
        assert len(astray.lines("worker_paused")) == 1
    assert log[-1]["data"]["attempt"] == 1


@pytest.mark.thorough
async def test_a_worker_whose_folder_is_exchanged_under_it_gives_the_job_back_and_goes_on_by_itself(
    base_url: str, user: Person, settings: Settings, objects: Path, session_maker: Sessions, tmp_path: Path
) -> None:
    shootout_id, hidden = await prepared(user), objects.with_name("hidden")
    with watched_worker(settings, tmp_path) as worker:
        await worker.says("worker_ready")
        _exchange(objects, hidden)
        try:
            job = await submitted(user, shootout_id)
            await worker.says("worker_paused")
        finally:
            _restore(objects, hidden)
        log = await completed_at_no_cost(base_url, user, job, session_maker)
    assert waits(log) == ["storage"]
    assert worker.lines("object_missing")


class TestLostObject:
    """A row is there, and its object is not, while all others are."""

    @pytest.fixture(scope="class")
    @classmethod
    def worker(cls, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Generator[Watched, None, None]:
        with watched_worker(settings, tmp_path_factory.mktemp("lost")) as worker:
            yield worker

    async def test_a_job_waits_until_the_same_content_is_uploaded_again(
        self, worker: Watched, base_url: str, user: Person, objects: Path, session_maker: Sessions
    ) -> None:
        # A storage that holds none of the library's files is taken for a foreign one.
        await upload(user.client, "di_track", di(seed=8))
        content = di(seed=7)
        lost = (await upload(user.client, "di_track", content)).json()
        key = f"users/{user.id}/blobs/{lost['sha256']}"
        await asyncio.to_thread((objects / key).unlink)
        job = await submitted_with(user, lost["id"])
        waiting = await event_of(base_url, user, job, "waiting_for", "storage")
        assert waiting["data"]["status"] == "queued"
        assert "error" not in waiting["data"]
        shown = (await user.client.get(f"/api/v1/jobs/{job['id']}")).json()
        assert (shown["status"], shown["waiting_for"], shown["error"]) == ("queued", "storage", None)
        assert key in await worker.says("object_missing")
        # The others are there, so that others are served.
        await completed_at_no_cost(base_url, user, await submitted(user), session_maker)
        again = await upload(user.client, "di_track", content)
        assert (again.status_code, again.json()["id"]) == (200, lost["id"])
        await completed_at_no_cost(base_url, user, job, session_maker)
        assert not worker.lines("worker_paused")

    async def test_a_job_that_waits_can_be_cancelled(
        self, worker: Watched, base_url: str, user: Person, objects: Path
    ) -> None:
        lost = (await upload(user.client, "di_track", di(seed=8))).json()
        await add(user.client, "di_track", di(seed=9))
        path = objects / f"users/{user.id}/blobs/{lost['sha256']}"
        await asyncio.to_thread(path.write_bytes, b"damaged")  # as good as lost
        job = await submitted_with(user, lost["id"])
        await event_of(base_url, user, job, "waiting_for", "storage")
        await user.client.post(job["links"]["cancel"])
        await event_of(base_url, user, job, "status", "cancelled")
        shown = (await user.client.get(job["links"]["self"])).json()
        assert (shown["status"], shown["waiting_for"], shown["error"]) == ("cancelled", None, None)
        assert lost["sha256"] in await worker.says("object_damaged")


async def submitted_with(user: Person, track: str) -> dict[str, Any]:
    """A job of a track that is in the library."""
    return await submit(user.client, di_tracks=[{"name": "Riff", "asset": track}])


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux changes another process's limits")
async def test_a_job_whose_files_have_no_room_waits_for_room(
    base_url: str, user: Person, settings: Settings, session_maker: Sessions, tmp_path: Path
) -> None:
    """As a quota refuses to write: files of the worker can't grow beyond 300 kB until the limit is raised."""
    with watched_worker(settings, tmp_path) as worker:
        await worker.says("worker_ready")
        _limit(worker.process.pid, 300_000)
        job = await submitted(user, seconds=4.0)
        deferred = await event_of(base_url, user, job, "waiting_for", "disk")
        assert deferred["data"]["status"] == "queued"
        assert "job_deferred" in await worker.says("job_deferred")
        _limit(worker.process.pid, resource.RLIM_INFINITY)
        log = await completed_at_no_cost(base_url, user, job, session_maker)
    assert set(waits(log)) == {"disk"}


def _exchange(folder: Path, hidden: Path) -> None:
    """Put an empty folder in the place of another."""
    folder.rename(hidden)
    folder.mkdir()


def _restore(folder: Path, hidden: Path) -> None:
    shutil.rmtree(folder)
    hidden.rename(folder)


def _limit(pid: int, size: int) -> None:
    """Limit the size of files that a process and all those that it has started may write."""
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        hard = one.rlimit(psutil.RLIMIT_FSIZE)[1]
        one.rlimit(psutil.RLIMIT_FSIZE, (size, hard))
