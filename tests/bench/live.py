"""Cost of the live channel, from an event of a worker to one or many clients of one or many jobs."""

import asyncio
import secrets
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from uuid import UUID

import numpy as np
import psutil
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from tests.bench.receiver import receivers
from tests.support.job_logs import written_jobs
from tests.support.live import WebProcess, web_process
from tests.support.sessions import Sessions
from tone_shootout import migrations
from tone_shootout.accounts.services import AccountService
from tone_shootout.embedded.servers import Servers
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.scheduling.queue import prepare_queue
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.db.session import database_config
from tone_shootout.kit.redis import connect_broker
from tone_shootout.kit.settings import (
    DatabaseSettings,
    LimitSettings,
    RedisSettings,
    SecuritySettings,
    Settings,
    WorkerSettings,
    new_encryption_key,
)


@dataclass(frozen=True)
class Scene:
    """Numbers of jobs, subscribers and events."""

    name: str
    jobs: int
    subscribers: int
    """Of each job."""
    rounds: int
    """Events of each job."""
    pace_s: float
    """Between two events of a job; the jobs take turns."""


SCENES = (
    Scene("1 subscriber of 1 job", jobs=1, subscribers=1, rounds=50, pace_s=0.1),
    Scene("500 subscribers of 1 job", jobs=1, subscribers=500, rounds=50, pace_s=0.1),
    Scene("1000 subscribers of 1 job", jobs=1, subscribers=1000, rounds=20, pace_s=0.3),
    Scene("1 subscriber each of 200 jobs", jobs=200, subscribers=1, rounds=3, pace_s=2.0),
)
MOST_RUNS = 3
"""Most runs of each scene; the result is the median."""
ENOUGH_S = 60.0
"""Seconds after which no further run of the scenes begins."""


@dataclass
class RunResult:
    """Results of one run."""

    median_s: float
    """Median time from the start of writing an event to its arrival, of all events at all clients."""
    high_s: float
    """99th percentile of that time."""
    cpu_s: float
    """Processor time of the web process per event."""
    memory: float
    """Memory of the web process per client."""


def live_section() -> list[str]:
    """Measure events of a real web process with real servers."""
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder) / "servers") as servers:
        url = servers.create_database("bench")
        settings = Settings(
            data=Path(folder) / "data",
            database=DatabaseSettings(url=url),
            redis=RedisSettings(url=servers.redis_url),
            security=SecuritySettings(secret=secrets.token_urlsafe(48), encryption_keys=[new_encryption_key()]),
            limits=replace(LimitSettings(), requests_per_minute=0, address_requests_per_minute=0),
            # No worker holds the jobs: while many clients connect, their heartbeats must not become stale.
            worker=replace(WorkerSettings(), heartbeat_s=600),
        )
        migrations.upgrade(url)
        asyncio.run(prepare_queue(settings))
        runs: list[list[RunResult]] = []
        began = time.monotonic()
        while not runs or (len(runs) < MOST_RUNS and time.monotonic() - began < ENOUGH_S):
            runs.append([_run(settings, scene) for scene in SCENES])
    return [
        "WebSocket clients in a separate process on the machine of the service. Every event is written and committed",
        "like by a worker, published, and received by each subscriber of its job. The latencies are of all events at",
        "all clients; processor time and memory are those of the web process.",
        f"Runs, of which these are medians: {len(runs)}.",
        "",
        "| | events per second | latency, median | 99 % | processor time per event | memory per client |",
        "|---|---:|---:|---:|---:|---:|",
        *(_row(scene, results) for scene, results in zip(SCENES, zip(*runs, strict=True), strict=True)),
    ]


def _run(settings: Settings, scene: Scene) -> RunResult:
    with web_process(settings) as web:
        return asyncio.run(_measured(settings, web, scene))


def _row(scene: Scene, runs: Sequence[RunResult]) -> str:
    columns = [
        f"{scene.jobs / scene.pace_s:.0f}",
        *(f"{1000 * median(getattr(run, name) for run in runs):.1f} ms" for name in ("median_s", "high_s", "cpu_s")),
        f"{median(run.memory for run in runs) / 1000:.0f} kB" if scene.jobs * scene.subscribers > 1 else "",
    ]
    return f"| {scene.name} | {' | '.join(columns)} |"


async def _measured(settings: Settings, web: WebProcess, scene: Scene) -> RunResult:
    config = database_config(settings)
    redis = connect_broker(settings)
    try:
        return await _measure(config.get_engine(), Publisher(redis), web, scene)
    finally:
        await redis.aclose()
        await config.get_engine().dispose()


async def _measure(engine: AsyncEngine, publisher: Publisher, web: WebProcess, scene: Scene) -> RunResult:
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    async with sessions.begin() as session:
        accounts = AccountService(session)
        user = await accounts.create_user(f"bench-{secrets.token_hex(4)}", role="user")
        token = (await accounts.issue_token(user, name="bench", scope="write")).secret
    jobs = [job.id for job in await written_jobs(sessions, publisher, user.id, scene.jobs)]
    async with sessions.begin() as session:
        for job in jobs:
            await JobRepository(session).transition(job, JobStatus.RUNNING, attempt=1, heartbeat_at=func.now())
    process = psutil.Process(web.process.pid)
    before = process.memory_info().rss
    with receivers(web.url, token, jobs * scene.subscribers, scene.rounds) as clients:
        memory = (process.memory_info().rss - before) / (scene.jobs * scene.subscribers)
        cpu = sum(process.cpu_times()[:2])
        begun = await _write(sessions, publisher, jobs, scene)
        received = await asyncio.to_thread(clients.times)
        cpu_s = (sum(process.cpu_times()[:2]) - cpu) / (scene.jobs * scene.rounds)
    times = [
        at - begin
        for number, of_client in enumerate(received)
        for at, begin in zip(of_client, begun[number % scene.jobs], strict=True)
    ]
    median_s, high_s = (float(value) for value in np.quantile(times, (0.5, 0.99)))
    return RunResult(median_s, high_s, cpu_s, memory)


async def _write(sessions: Sessions, publisher: Publisher, jobs: Sequence[UUID], scene: Scene) -> list[list[float]]:
    """Tell of the progress of every job, as a worker does, at the scene's pace; return when each writing began."""
    data = {"percent": 42.86, "done": 1_200_000.0, "total": 2_800_000.0, "eta_s": 3.5}
    columns = {"progress_done": data["done"], "progress_total": data["total"], "eta_s": data["eta_s"]}
    begun: list[list[float]] = [[] for _ in jobs]
    due = time.monotonic()
    for _ in range(scene.rounds):
        for job, times in zip(jobs, begun, strict=True):
            due += scene.pace_s / len(jobs)
            await asyncio.sleep(due - time.monotonic())
            times.append(time.monotonic())
            async with sessions.begin() as session:
                events = await JobRepository(session).record_all(job, 1, [("progress", data)], **columns)
            assert events is not None
            await publisher.publish(events)
    return begun
