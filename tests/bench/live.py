"""What the live channel costs: from a worker's event to a client, with one watcher and with a thousand."""

import asyncio
import json
import secrets
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import psutil
from sqlalchemy.ext.asyncio import async_sessionmaker
from websockets.asyncio.client import ClientConnection, connect

from tests.integration.jobs.logs import Written, written_job
from tests.support.live import WebProcess, web_process
from tone_shootout import migrations
from tone_shootout.accounts.services import AccountService
from tone_shootout.embedded.servers import Servers
from tone_shootout.jobs.channel import Publisher
from tone_shootout.jobs.queue import prepare_queue
from tone_shootout.kit.broker import connect_broker
from tone_shootout.kit.database import database_config
from tone_shootout.kit.listening import allow_many_connections
from tone_shootout.kit.settings import (
    DatabaseSettings,
    LimitSettings,
    RedisSettings,
    SecuritySettings,
    Settings,
    new_encryption_key,
)

WATCHERS = 1000
EVENTS = 500
EVENTS_TO_ALL = 50
PACE_S = 0.01
PACE_TO_ALL_S = 0.3


@dataclass
class Figures:
    """Seconds from the begin of writing an event, and what the web process used."""

    to_one: list[float]
    to_first: list[float]
    to_last: list[float]
    cpu_s: float
    memory: float


def live_section() -> list[str]:
    """Measure events on their way, by a real web process with real servers."""
    allow_many_connections()
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder) / "servers") as servers:
        url = servers.create_database("bench")
        settings = Settings(
            data=Path(folder) / "data",
            database=DatabaseSettings(url=url),
            redis=RedisSettings(url=servers.redis_url),
            security=SecuritySettings(secret=secrets.token_urlsafe(48), encryption_keys=[new_encryption_key()]),
            limits=replace(LimitSettings(), requests_per_minute=0, address_requests_per_minute=0),
        )
        migrations.upgrade(url)
        asyncio.run(prepare_queue(settings))
        with web_process(settings) as web:
            figures = asyncio.run(_measure(settings, web))
    return [
        f"Clients over WebSockets on the machine of the service. {EVENTS} events to one watcher, {EVENTS_TO_ALL} to",
        f"{WATCHERS} watchers of one job; each is written, committed, published and received.",
        "",
        "| | median | 99 % |",
        "|---|---:|---:|",
        f"| event to one watcher | {_ms(figures.to_one)} |",
        f"| event to the first of {WATCHERS} | {_ms(figures.to_first)} |",
        f"| event to the last of {WATCHERS} | {_ms(figures.to_last)} |",
        "",
        f"An event to {WATCHERS} watchers costs the web process {1000 * figures.cpu_s:.0f} ms of processor time,",
        f"a watcher {figures.memory / 1000:.0f} kB of memory.",
    ]


def _ms(times: Sequence[float]) -> str:
    return " | ".join(f"{1000 * float(np.quantile(times, share)):.1f} ms" for share in (0.5, 0.99))


async def _measure(settings: Settings, web: WebProcess) -> Figures:
    config = database_config(settings)
    sessions = async_sessionmaker(config.get_engine(), expire_on_commit=False)
    redis = connect_broker(settings)
    async with sessions() as session:
        accounts = AccountService(session)
        user = await accounts.create_user("bench", role="user")
        token = (await accounts.issue_token(user, name="bench", scope="write")).secret
        await session.commit()
    publisher = Publisher(redis)
    address, headers = web.url.replace("http", "ws", 1), {"Authorization": f"Bearer {token}"}
    process = psutil.Process(web.process.pid)
    try:
        async with AsyncExitStack() as stack:

            async def watch(job: Written) -> ClientConnection:
                there = connect(
                    f"{address}/api/v1/jobs/{job.id}/ws",
                    additional_headers=headers,
                    open_timeout=60,
                    ping_interval=None,
                )
                socket = await stack.enter_async_context(there)
                await socket.recv()
                return socket

            job = await written_job(sessions, publisher, user.id)
            socket = await watch(job)
            to_one: list[float] = []
            for _ in range(EVENTS):
                to_one += await _event(job, [socket])
                await asyncio.sleep(PACE_S)

            job = await written_job(sessions, publisher, user.id)
            before = process.memory_info().rss
            sockets: list[ClientConnection] = []
            while len(sockets) < WATCHERS:
                sockets += await asyncio.gather(*(watch(job) for _ in range(50)))
            memory = (process.memory_info().rss - before) / WATCHERS
            firsts, lasts = [], []
            cpu = sum(process.cpu_times()[:2])
            for _ in range(EVENTS_TO_ALL):
                times = await _event(job, sockets)
                firsts.append(min(times))
                lasts.append(max(times))
                await asyncio.sleep(PACE_TO_ALL_S)
            cpu_s = (sum(process.cpu_times()[:2]) - cpu) / EVENTS_TO_ALL
        return Figures(to_one, firsts, lasts, cpu_s, memory)
    finally:
        await redis.aclose()
        await config.get_engine().dispose()


async def _event(job: Written, sockets: Sequence[ClientConnection]) -> list[float]:
    """Write an event, and return after how many seconds each socket had it."""

    async def hear(socket: ClientConnection) -> float:
        message = await socket.recv()
        heard = perf_counter()
        assert json.loads(message)["type"] == "progress"
        return heard - started

    hearing = [asyncio.create_task(hear(socket)) for socket in sockets]
    await asyncio.sleep(0)  # so that all of them listen
    started = perf_counter()
    await job.write(percent=42.5, done=1_200_000.0, total=2_800_000.0, eta_s=3.5)
    return list(await asyncio.gather(*hearing))
