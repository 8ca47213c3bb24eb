"""What ends an attempt before its time, and what that costs the job."""

import asyncio
import signal
from dataclasses import replace
from typing import Any
from uuid import UUID

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import events, make_shootout
from tests.support.forking import ForkedProcess
from tests.support.live import scratch_files, working
from tests.support.sessions import Sessions
from tests.support.uploads import SHOOTOUTS, add, eventually, playing, wav
from tone_shootout.demo import bundled_capture
from tone_shootout.jobs.models import Job
from tone_shootout.kit.settings import Settings

pytestmark = pytest.mark.slow


async def _submit(user: Person, *, seconds: float, chains: int) -> str:
    """A job that renders for a while; its id."""
    amp = await add(user.client, "capture", bundled_capture("clean.nam"))
    track = await add(user.client, "di_track", wav(playing(seconds)))
    made = [
        {
            "name": f"Gain {gain}",
            "blocks": [{"type": "capture", "asset": amp, "input_gain_db": float(gain), "gear": "amp_cab"}],
        }
        for gain in range(chains)
    ]
    shootout_id = await make_shootout(user.client, di_tracks=[{"name": "Riff", "asset": track}], chains=made)
    return str((await user.client.post(f"{SHOOTOUTS}/{shootout_id}/jobs")).json()["id"])


async def _until(base_url: str, user: Person, job_id: str, kind: str, value: str) -> dict[str, Any]:
    async for event in events(base_url, user, job_id, "?after=0"):
        if event["type"] == kind and value in event["data"].values():
            return event
    raise AssertionError(f"there was no {value}")


async def _interruptions(sessions: Sessions, job_id: str) -> int:
    async with sessions() as session:
        job = await session.get(Job, UUID(job_id))
    assert job is not None
    return job.interruptions


def _rendering(worker: ForkedProcess) -> list[psutil.Process]:
    """The processes that render for a worker."""
    return [child for server in psutil.Process(worker.pid).children() for child in server.children()]


async def test_a_worker_that_has_nothing_to_do_stops_at_once(
    settings: Settings, engine: AsyncEngine, clean: None
) -> None:
    patient = replace(settings, worker=replace(settings.worker, grace_s=600))
    with working(patient) as worker:
        async with engine.connect() as connection:
            workers = 0
            while not workers:
                await asyncio.sleep(0.05)
                workers = await connection.scalar(text("SELECT count(*) FROM saq.saq_stats"))
        worker.terminate()
        assert await asyncio.to_thread(worker.wait, 60) == 0


async def test_a_worker_that_is_told_to_stop_gives_its_job_back_at_once_and_free_of_charge(
    base_url: str, user: Person, settings: Settings, session_maker: Sessions
) -> None:
    job_id = await _submit(user, seconds=4.0, chains=3)
    with working(replace(settings, worker=replace(settings.worker, grace_s=600))) as worker:
        await _until(base_url, user, job_id, "phase", "render")
        worker.send_signal(signal.SIGTERM)
        running = await _until(base_url, user, job_id, "status", "running")
    with working(settings):
        log = [event async for event in events(base_url, user, job_id, f"?after={running['seq']}")]
    statuses = [event["data"]["status"] for event in log if event["type"] == "status"]
    assert statuses == ["queued", "running", "completed"]
    assert log[-1]["data"]["attempt"] == 2
    assert await _interruptions(session_maker, job_id) == 0


@pytest.mark.thorough
async def test_a_rendering_process_that_is_killed_costs_an_attempt_and_not_the_job(
    base_url: str, user: Person, settings: Settings, session_maker: Sessions
) -> None:
    job_id = await _submit(user, seconds=4.0, chains=3)
    with working(settings) as worker:
        await _until(base_url, user, job_id, "phase", "render")
        await eventually(lambda: _rendering(worker))
        _rendering(worker)[0].kill()
        log = [event async for event in events(base_url, user, job_id, "?after=0")]
    statuses = [event["data"]["status"] for event in log if event["type"] == "status"]
    assert statuses == ["pending", "queued", "running", "queued", "running", "completed"]
    assert await _interruptions(session_maker, job_id) == 1


@pytest.mark.thorough
async def test_a_job_that_is_interrupted_every_time_fails_and_can_be_retried(
    base_url: str, user: Person, settings: Settings, session_maker: Sessions
) -> None:
    weary = replace(settings, worker=replace(settings.worker, attempts=1))
    job_id = await _submit(user, seconds=4.0, chains=3)
    with working(weary) as worker:
        await _until(base_url, user, job_id, "phase", "render")
        await eventually(lambda: _rendering(worker))
        _rendering(worker)[0].kill()
        failed = await _until(base_url, user, job_id, "done", "failed")
        assert failed["data"]["error"]["code"] == "interrupted"
        assert (await user.client.post(f"/api/v1/jobs/{job_id}/retry")).status_code == 202
        log = [event async for event in events(base_url, user, job_id, f"?after={failed['seq']}")]
    assert log[-1]["data"]["status"] == "completed"
    assert await _interruptions(session_maker, job_id) == 0


@pytest.mark.thorough
async def test_a_job_that_takes_too_long_fails_and_nothing_of_it_goes_on(
    base_url: str, user: Person, settings: Settings
) -> None:
    hasty = replace(settings, worker=replace(settings.worker, timeout_s=1))
    job_id = await _submit(user, seconds=60.0, chains=8)
    with working(hasty) as worker:
        failed = await _until(base_url, user, job_id, "done", "failed")
        assert failed["data"]["error"]["code"] == "timeout"
        await eventually(lambda: not _rendering(worker))
        await eventually(lambda: not scratch_files(settings))
    assert (await user.client.get(f"/api/v1/jobs/{job_id}")).json()["attempt"] == 1
