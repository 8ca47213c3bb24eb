"""What the machinery around the rendering costs: to a worker, through it, and out of it by a cancellation."""

import asyncio
import secrets
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.integration.jobs.conftest import follow, make_shootout
from tests.integration.shootouts.material import SHOOTOUTS, add, playing, wav
from tests.support.live import web_process, working
from tone_shootout import migrations
from tone_shootout.accounts.services import AccountService
from tone_shootout.demo import carried
from tone_shootout.embedded.servers import Servers
from tone_shootout.jobs.models import JobEvent
from tone_shootout.jobs.queue import prepare_queue
from tone_shootout.kit.database import database_config
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
CANCELLED = 20
"""Jobs cancelled while they render."""

Sessions = async_sessionmaker[AsyncSession]


@dataclass
class Figures:
    """Seconds by the logs: from submitted to taken, and to done, and from asked to stop to stopped."""

    taken: list[float]
    done: list[float]
    cancelled: list[float]
    throughput: float
    """Jobs a second."""


def jobs_section() -> list[str]:
    """Measure jobs on their way through a real service with real servers."""
    rows = [_row(name, figures) for name, figures in (("PostgreSQL", _measured("")), ("Valkey", _measured("redis")))]
    return [
        "One web process and one worker on the machine of their servers, by the times in the jobs' logs. The jobs have",
        f"nothing to render, all is there from before: {SINGLE} one after the other, then {TOGETHER} at once. Then",
        f"{CANCELLED} jobs are cancelled while they render.",
        "",
        "| queue | to taken, median | 99 % | to done, median | jobs a second | cancelling, median | longest |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *rows,
    ]


def _row(name: str, figures: Figures) -> str:
    columns = [
        _ms(figures.taken, 0.5),
        _ms(figures.taken, 0.99),
        _ms(figures.done, 0.5),
        f"{figures.throughput:.1f}",
        _ms(figures.cancelled, 0.5),
        _ms(figures.cancelled, 1.0),
    ]
    return f"| {name} | {' | '.join(columns)} |"


def _ms(times: Sequence[float], share: float) -> str:
    return f"{1000 * float(np.quantile(times, share)):.0f} ms"


def _measured(queue: str) -> Figures:
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
            return asyncio.run(_measure(settings, web.url))


async def _measure(settings: Settings, url: str) -> Figures:
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

            async def submit(shootout_id: str) -> str:
                answer = await client.post(f"{SHOOTOUTS}/{shootout_id}/jobs")
                return str(answer.raise_for_status().json()["id"])

            async def finish(job_id: str) -> list[dict[str, Any]]:
                return [event async for event in follow(url, headers, job_id, "?after=0")]

            shootout_id = await make_shootout(client)
            for _ in range(3):
                await finish(await submit(shootout_id))
            single = []
            for _ in range(SINGLE):
                single.append(await submit(shootout_id))
                await finish(single[-1])
            begun = time.perf_counter()
            together = await asyncio.gather(*(submit(shootout_id) for _ in range(TOGETHER)))
            await asyncio.gather(*map(finish, together))
            throughput = TOGETHER / (time.perf_counter() - begun)
            cancelled = []
            long = await _long_shootout(client)
            for _ in range(CANCELLED):
                job_id = await submit(long)
                async for event in follow(url, headers, job_id):
                    if event["type"] == "phase" and event["data"]["phase"] == "render":
                        await asyncio.sleep(0.3)
                        (await client.post(f"/api/v1/jobs/{job_id}/cancel")).raise_for_status()
                cancelled.append(job_id)
        return Figures(
            taken=await _between(sessions, single, "pending", "running"),
            done=await _between(sessions, single, "pending", "completed"),
            cancelled=await _between(sessions, cancelled, "cancelling", "cancelled"),
            throughput=throughput,
        )
    finally:
        await config.get_engine().dispose()


async def _long_shootout(client: httpx.AsyncClient) -> str:
    amp = await add(client, "capture", carried("clean.nam"))
    track = await add(client, "di_track", wav(playing(120.0)))
    blocks = [{"type": "capture", "asset": amp, "input_gain_db": float(gain), "gear": "amp_cab"} for gain in range(8)]
    chains = [{"name": f"Chain {number}", "blocks": [block]} for number, block in enumerate(blocks)]
    return await make_shootout(client, di_tracks=[{"name": "Long", "asset": track}], chains=chains)


async def _between(sessions: Sessions, jobs: Sequence[str], first: str, second: str) -> list[float]:
    """Seconds between two statuses of every job, by its log."""
    status = JobEvent.data["status"].astext
    at = [func.min(JobEvent.at).filter(status == name, JobEvent.type == "status") for name in (first, second)]
    statement = select(*at).where(JobEvent.job_id.in_([UUID(job_id) for job_id in jobs])).group_by(JobEvent.job_id)
    async with sessions() as session:
        return [(later - earlier).total_seconds() for earlier, later in await session.execute(statement)]
