"""Cancelling, whenever it comes: one truthful outcome, and nothing is left behind."""

import asyncio
from collections.abc import Generator

import psutil
import pytest

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import EVERYTHING, events, make_shootout
from tests.support.forking import ForkedProcess
from tests.support.live import scratch_files, working
from tests.support.uploads import SHOOTOUTS, add, eventually, playing, wav
from tone_shootout.demo import bundled_capture
from tone_shootout.kit.settings import Settings

pytestmark = pytest.mark.slow

MOMENTS = [
    ("status", "pending"),
    ("status", "queued"),
    ("status", "running"),
    ("phase", "fetch"),
    ("phase", "render"),
    ("segment", "rendered"),
    ("phase", "level"),
    ("segment", "leveled"),
    ("phase", "plots"),
    ("phase", "video"),
    ("phase", "publish"),
    ("artifact", "manifest.json"),
    ("done", "completed"),
]
QUICK = {("status", "queued"), ("phase", "render"), ("phase", "publish"), ("done", "completed")}
"""Moments that `task test` covers: before, during and after the work; `task test:thorough` covers all others."""


@pytest.fixture(scope="module")
def worker(settings: Settings) -> Generator[ForkedProcess, None, None]:
    """A worker process, for as long as a module's tests take."""
    with working(settings) as process:
        yield process


def _idle(worker: ForkedProcess, settings: Settings) -> bool:
    """Whether no process renders and no file of a job is left."""
    servers = psutil.Process(worker.pid).children()
    rendering = [child for server in servers for child in server.children()]
    return not rendering and not scratch_files(settings)


async def _submit(user: Person, *, gain_db: float, **changes: object) -> str:
    """A job that takes its time in every phase; its id."""
    amp = await add(user.client, "capture", bundled_capture("clean.nam"))
    track = await add(user.client, "di_track", wav(playing(2.0)))
    block = {"type": "capture", "asset": amp, "input_gain_db": gain_db, "gear": "amp_cab"}
    shootout_id = await make_shootout(
        user.client,
        di_tracks=[{"name": "Riff", "asset": track}],
        chains=[{"name": "Amp", "blocks": [block]}],
        **changes,
    )
    return str((await user.client.post(f"{SHOOTOUTS}/{shootout_id}/jobs")).json()["id"])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param(*moment, id="-".join(moment), marks=[] if moment in QUICK else [pytest.mark.thorough])
        for moment in MOMENTS
    ],
)
async def test_whenever_a_job_is_cancelled_its_outcome_is_what_was_answered(
    base_url: str,
    user: Person,
    settings: Settings,
    worker: ForkedProcess,
    kind: str,
    value: str,
) -> None:
    job_id = await _submit(user, gain_db=0.0, output=EVERYTHING)
    asking = None
    log = []
    async for event in events(base_url, user, job_id, "?after=0"):
        log.append(event)
        if asking is None and event["type"] == kind and value in event["data"].values():
            # Twice at once: whoever comes second is told the same.
            asking = asyncio.gather(*(user.client.post(f"/api/v1/jobs/{job_id}/cancel") for _ in range(2)))
    assert asking is not None
    answers = await asking
    assert len({answer.status_code for answer in answers}) == 1
    statuses = [event["data"]["status"] for event in log if event["type"] == "status"]
    assert [event["type"] for event in log].count("done") == 1
    shown = (await user.client.get(f"/api/v1/jobs/{job_id}")).json()
    assert shown["status"] == statuses[-1] == log[-1]["data"]["status"]
    paths = [item["path"] for item in (await user.client.get(f"/api/v1/jobs/{job_id}/artifacts")).json()["items"]]
    if answers[0].status_code == 202:
        assert {answer.json()["status"] for answer in answers} <= {"cancelling", "cancelled"}
        assert statuses[-1] == "cancelled"
        assert statuses.count("cancelled") == 1
        assert "running" not in statuses or statuses[-2] == "cancelling"
        assert "manifest.json" not in paths
    else:
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(409, "job_finished")}
        assert statuses[-1] == "completed"
        assert "manifest.json" in paths
    again = await user.client.post(f"/api/v1/jobs/{job_id}/cancel")
    assert again.status_code == answers[0].status_code
    await eventually(lambda: _idle(worker, settings))


@pytest.mark.parametrize("jobs", [6, pytest.param(16, marks=pytest.mark.thorough)])
async def test_a_storm_of_submissions_and_cancellations_leaves_no_job_between(
    base_url: str, user: Person, settings: Settings, worker: ForkedProcess, jobs: int
) -> None:
    async def submit_and_cancel(number: int) -> tuple[str, int]:
        job_id = await _submit(user, gain_db=number / 100)
        await asyncio.sleep(number / 20)
        return job_id, (await user.client.post(f"/api/v1/jobs/{job_id}/cancel")).status_code

    for job_id, answer in await asyncio.gather(*(submit_and_cancel(number) for number in range(jobs))):
        log = [event async for event in events(base_url, user, job_id, "?after=0")]
        assert [event["seq"] for event in log] == list(range(len(log)))
        assert log[-1]["data"]["status"] == ("cancelled" if answer == 202 else "completed")
    await eventually(lambda: _idle(worker, settings))
