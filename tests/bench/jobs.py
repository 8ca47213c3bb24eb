"""Overhead of jobs besides rendering: from submission to the claim and the end, and of a cancellation."""

import asyncio
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
import numpy as np
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import async_sessionmaker

from tests.integration.jobs.conftest import follow, make_shootout
from tests.support.live import web_process, working
from tests.support.sessions import Sessions
from tests.support.uploads import SHOOTOUTS, add, playing, wav
from tone_shootout import migrations
from tone_shootout.accounts.services import AccountService
from tone_shootout.demo import bundled_capture
from tone_shootout.embedded.servers import Servers
from tone_shootout.jobs.models import JobEvent
from tone_shootout.jobs.scheduling.queue import prepare_queue
from tone_shootout.jobs.status import PHASES
from tone_shootout.kit.db.session import database_config
from tone_shootout.kit.settings import (
    DatabaseSettings,
    LimitSettings,
    QueueSettings,
    RedisSettings,
    SecuritySettings,
    Settings,
    new_encryption_key,
)

SINGLE = 60
"""Jobs submitted one after the other."""
TOGETHER = 60
"""Jobs submitted at once."""
CANCELLED = 5
"""Jobs cancelled in each phase."""
LONG_S, CHAINS = 180.0, 4
"""Material of the jobs that are cancelled: seconds of the DI track, and chains."""

T = TypeVar("T")


@dataclass
class JobTimes:
    """Seconds by the logs, from submitted to taken and to done, and jobs a second."""

    taken: list[float]
    done: list[float]
    throughput: float


@dataclass
class Plant:
    """A service with servers of its own and a worker, and a user of it."""

    url: str
    headers: dict[str, str]
    client: httpx.AsyncClient
    sessions: Sessions

    async def submit(self, shootout_id: str) -> str:
        """A job; its id."""
        answer = await self.client.post(f"{SHOOTOUTS}/{shootout_id}/jobs")
        return str(answer.raise_for_status().json()["id"])

    async def finish(self, job_id: str) -> None:
        """Wait for the end of a job."""
        async for _ in follow(self.url, self.headers, job_id, "?after=0"):
            pass


def jobs_section() -> list[str]:
    """Measure jobs of a real service with real servers."""
    rows = [_row(name, _measured(queue, _run_until_idle)) for name, queue in (("PostgreSQL", ""), ("Valkey", "redis"))]
    cancelled = _measured("", _cancel)
    return [
        "One web process and one worker on the machine of the servers, by the times in the event logs of the jobs. All",
        f"segments are cached. {SINGLE} jobs one after another, then {TOGETHER} jobs at once.",
        "",
        "| queue | to claimed, median | 99 % | to done, median | jobs per second |",
        "|---|---:|---:|---:|---:|",
        *rows,
        "",
        f"From `cancelling` to `cancelled`, with children ended and files removed: {CANCELLED} jobs in each phase,",
        f"cancelled at a random time in its first half second. A DI track of {LONG_S / 60:g} minutes through {CHAINS}",
        "chains.",
        "",
        "| phase | median | longest |",
        "|---|---:|---:|",
        *(f"| {phase} | {_ms(times, 0.5)} | {_ms(times, 1.0)} |" for phase, times in cancelled.items()),
    ]


def _row(name: str, times: JobTimes) -> str:
    columns = [
        _ms(times.taken, 0.5),
        _ms(times.taken, 0.99),
        _ms(times.done, 0.5),
        f"{times.throughput:.1f}",
    ]
    return f"| {name} | {' | '.join(columns)} |"


def _ms(times: Sequence[float], share: float) -> str:
    return f"{1000 * float(np.quantile(times, share)):.0f} ms"


def _measured(queue: str, measure: Callable[[Plant], Coroutine[Any, Any, T]]) -> T:
    with _running(queue) as (settings, url):
        return asyncio.run(_with_user(settings, url, measure))


@contextmanager
def _running(queue: str) -> Generator[tuple[Settings, str], None, None]:
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder) / "servers") as servers:
        url = servers.create_database("bench")
        settings = Settings(
            data=Path(folder) / "data",
            database=DatabaseSettings(url=url),
            redis=RedisSettings(url=servers.redis_url),
            queue=QueueSettings(url=servers.redis_url if queue == "redis" else url),
            security=SecuritySettings(secret=secrets.token_urlsafe(48), encryption_keys=[new_encryption_key()]),
            limits=replace(LimitSettings(), requests_per_minute=0, address_requests_per_minute=0, queued_jobs=1000),
        )
        migrations.upgrade(url)
        asyncio.run(prepare_queue(settings))
        with web_process(settings) as web, working(settings):
            yield settings, web.url


async def _with_user(settings: Settings, url: str, measure: Callable[[Plant], Coroutine[Any, Any, T]]) -> T:
    config = database_config(settings)
    sessions = async_sessionmaker(config.get_engine(), expire_on_commit=False)
    async with sessions() as session:
        accounts = AccountService(session)
        user = await accounts.create_user("bench", role="user")
        token = (await accounts.issue_token(user, name="bench", scope="write")).secret
        await session.commit()
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            return await measure(Plant(url, headers, client, sessions))
    finally:
        await config.get_engine().dispose()


async def _run_until_idle(plant: Plant) -> JobTimes:
    shootout_id = await make_shootout(plant.client)
    for _ in range(3):
        await plant.finish(await plant.submit(shootout_id))
    single = []
    for _ in range(SINGLE):
        single.append(await plant.submit(shootout_id))
        await plant.finish(single[-1])
    begun = time.perf_counter()
    together = await asyncio.gather(*(plant.submit(shootout_id) for _ in range(TOGETHER)))
    await asyncio.gather(*map(plant.finish, together))
    throughput = TOGETHER / (time.perf_counter() - begun)
    return JobTimes(
        taken=await _between(plant.sessions, single, "pending", "running"),
        done=await _between(plant.sessions, single, "pending", "completed"),
        throughput=throughput,
    )


async def _cancel(plant: Plant) -> dict[str, list[float]]:
    """Cancel jobs in every phase; the seconds that it took by phase.

    All are of the same sound, at levels of their own: it is rendered once, and what comes behind is made anew.
    """
    amp = await add(plant.client, "capture", bundled_capture("clean.nam"))
    track = await add(plant.client, "di_track", wav(playing(LONG_S)))
    blocks = [
        {"type": "capture", "asset": amp, "input_gain_db": float(gain), "gear": "amp_cab"} for gain in range(CHAINS)
    ]
    config = {
        "di_tracks": [{"name": "Long", "asset": track}],
        "chains": [{"name": f"Chain {number}", "blocks": [block]} for number, block in enumerate(blocks)],
    }
    level = -16.0
    chance = random.Random(1)

    async def one(phase: str) -> str | None:
        """Cancel a job in a phase; its id, None where it has ended before."""
        nonlocal level
        level -= 0.1
        job_id = await plant.submit(await make_shootout(plant.client, level={"target_lufs": round(level, 1)}, **config))
        status = 0
        async for event in follow(plant.url, plant.headers, job_id, "?after=0"):
            if event["type"] == "phase" and event["data"]["phase"] == phase:
                await asyncio.sleep(chance.uniform(0.0, 0.5))
                status = (await plant.client.post(f"/api/v1/jobs/{job_id}/cancel")).status_code
        return job_id if status == httpx.codes.ACCEPTED else None

    found = {}
    # Fetching comes last: there is sound to fetch when it has been rendered.
    for phase in (*PHASES[1:], PHASES[0]):
        jobs: list[str] = []
        while len(jobs) < CANCELLED:
            if (job_id := await one(phase)) is not None:
                jobs.append(job_id)
        found[phase] = await _between(plant.sessions, jobs, "cancelling", "cancelled")
    return {phase: found[phase] for phase in PHASES}


async def _between(sessions: Sessions, jobs: Sequence[str], first: str, second: str) -> list[float]:
    """Seconds between two statuses of every job, by its log."""
    status = JobEvent.data["status"].astext
    at = [func.min(JobEvent.at).filter(status == name, JobEvent.type == "status") for name in (first, second)]
    statement = select(*at).where(JobEvent.job_id.in_([UUID(job_id) for job_id in jobs])).group_by(JobEvent.job_id)
    async with sessions() as session:
        return [(later - earlier).total_seconds() for earlier, later in await session.execute(statement)]
