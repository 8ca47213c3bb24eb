"""Overhead of jobs besides rendering: from submission to the claim and the end, and of a cancellation."""

import asyncio
import itertools
import random
import secrets
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
import numpy as np
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import async_sessionmaker

from tests.integration.jobs.conftest import EVERYTHING, follow, make_shootout
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

SINGLE = 40
"""Jobs submitted one after the other."""
TOGETHER = 60
"""Jobs submitted at once."""
CANCELLED = 4
"""Jobs cancelled in each phase."""
CANCEL_S = 60.0
"""Seconds for all phases. A phase whose share of them is over gets no further try, but always one."""
WINDOW_S = 0.5
"""Seconds of a phase in which jobs are cancelled; half of the phase if it is shorter than twice that."""
LONG_S, CHAINS = 60.0, 4
"""Material of the jobs that are cancelled: seconds of the DI track, and chains."""
LIMIT_S = 300.0
"""Seconds after which a measurement is given up."""
JOB_LIMIT_S = 120.0
"""Seconds after which a job that does not end is given up."""

T = TypeVar("T")


@dataclass
class JobTimes:
    """Seconds by the logs, from submitted to taken and to done, and jobs a second."""

    taken: list[float]
    done: list[float]
    throughput: float


@dataclass
class Cancellations:
    """Cancelled jobs of a phase."""

    times: list[float]
    """Seconds from `cancelling` to `cancelled`."""
    tries: int
    """Jobs that were submitted for that; the others ended first."""
    duration_s: float
    """Duration of the phase in a job that is not cancelled."""


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

    async def follow(self, job_id: str) -> AsyncGenerator[dict[str, Any], None]:
        """Yield all events of a job, to its end.

        Raises:
            RuntimeError: the job does not end.
        """
        last: dict[str, Any] = {}
        try:
            async with asyncio.timeout(JOB_LIMIT_S):
                async for last in follow(self.url, self.headers, job_id, "?after=0"):
                    yield last
        except TimeoutError:
            raise RuntimeError(f"job {job_id} did not end within {JOB_LIMIT_S:g} s; its last event: {last}") from None

    async def finish(self, job_id: str) -> None:
        """Wait for the end of a job.

        Raises:
            RuntimeError: it does not end, or not with results.
        """
        events = [event async for event in self.follow(job_id)]
        if not events or events[-1]["data"].get("status") != "completed":
            raise RuntimeError(f"job {job_id} was not completed: {events[-1:]}")


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
        "From `cancelling` to `cancelled`, with children ended and files removed: jobs cancelled at a random time in",
        f"the first {WINDOW_S:g} s of a phase, or in its first half if that is shorter. A DI track of {LONG_S:g} s",
        f"through {CHAINS} chains. Jobs that end before their cancellation do not count.",
        "",
        "| phase | duration | cancelled | median | longest |",
        "|---|---:|---:|---:|---:|",
        *(f"| {phase} | {_cancelled_columns(found)} |" for phase, found in cancelled.items()),
    ]


def _cancelled_columns(found: Cancellations) -> str:
    times = [_ms(found.times, share) for share in (0.5, 1.0)] if found.times else ["", ""]
    return " | ".join([_ms([found.duration_s], 0.5), f"{len(found.times)} of {found.tries}", *times])


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
        async with asyncio.timeout(LIMIT_S), httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
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


async def _cancel(plant: Plant) -> dict[str, Cancellations]:
    """Cancel jobs in every phase.

    All are of the same sound, at levels of their own: it is rendered once, and what follows is made anew. Those that
    are cancelled while they render have captures at gains of their own, so that there is something to render.
    """
    amp = await add(plant.client, "capture", bundled_capture("clean.nam"))
    track = await add(plant.client, "di_track", wav(playing(LONG_S)))
    numbers = itertools.count(1)
    chance = random.Random(1)

    async def submitted(*, new_sound: bool) -> str:
        number = next(numbers)
        chains = [
            {
                "name": f"Chain {chain}",
                "blocks": [
                    {
                        "type": "capture",
                        "asset": amp,
                        "input_gain_db": chain + (number / 100 if new_sound else 0.0),
                        "gear": "amp_cab",
                    }
                ],
            }
            for chain in range(CHAINS)
        ]
        config: dict[str, Any] = {
            "di_tracks": [{"name": "Long", "asset": track}],
            "chains": chains,
            "level": {"target_lufs": round(-16.0 - number / 10, 1)},
            "output": EVERYTHING,
        }
        return await plant.submit(await make_shootout(plant.client, **config))

    async def cancel_in(phase: str, window_s: float) -> str | None:
        """Cancel a job in a phase; return its id, None if it ended before."""
        job_id = await submitted(new_sound=phase == "render")
        status = 0
        async for event in plant.follow(job_id):
            if event["type"] == "phase" and event["data"]["phase"] == phase:
                await asyncio.sleep(chance.uniform(0.0, window_s))
                status = (await plant.client.post(f"/api/v1/jobs/{job_id}/cancel")).status_code
        return job_id if status == httpx.codes.ACCEPTED else None

    await plant.finish(await submitted(new_sound=False))
    durations = await _phase_durations(plant, await submitted(new_sound=False))
    durations["render"] = WINDOW_S  # of a new sound, it takes longer
    found: dict[str, Cancellations] = {}
    began = time.monotonic()
    for number, phase in enumerate(PHASES, 1):
        until = began + CANCEL_S * number / len(PHASES)
        window_s = min(WINDOW_S, durations[phase] / 2)
        jobs: list[str] = []
        tries = 0
        while len(jobs) < CANCELLED and tries < 2 * CANCELLED and (time.monotonic() < until or not tries):
            tries += 1
            if (job_id := await cancel_in(phase, window_s)) is not None:
                jobs.append(job_id)
        times = await _between(plant.sessions, jobs, "cancelling", "cancelled") if jobs else []
        found[phase] = Cancellations(times, tries, durations[phase])
    return found


async def _phase_durations(plant: Plant, job_id: str) -> dict[str, float]:
    """Return how long each phase of a job takes, in seconds by the events; 0 for a phase that it does not have."""
    began = [
        (event["data"].get("phase"), datetime.fromisoformat(event["at"]))
        async for event in plant.follow(job_id)
        if event["type"] in ("phase", "done")
    ]
    ends = [at for _, at in began[1:]]
    times = {phase: (end - at).total_seconds() for (phase, at), end in zip(began, ends, strict=False)}
    return {phase: times.get(phase, 0.0) for phase in PHASES}


async def _between(sessions: Sessions, jobs: Sequence[str], first: str, second: str) -> list[float]:
    """Seconds between two statuses of every job, by its log."""
    status = JobEvent.data["status"].astext
    at = [func.min(JobEvent.at).filter(status == name, JobEvent.type == "status") for name in (first, second)]
    statement = select(*at).where(JobEvent.job_id.in_([UUID(job_id) for job_id in jobs])).group_by(JobEvent.job_id)
    async with sessions() as session:
        return [(later - earlier).total_seconds() for earlier, later in await session.execute(statement)]
