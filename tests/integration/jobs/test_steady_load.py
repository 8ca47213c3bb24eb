"""Steady submissions and many watchers while all processes are replaced: nothing is lost, doubled or leaked.

`SOAK_S` is the duration in seconds, 120 by default.
"""

import asyncio
import json
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import IO, Any
from urllib.parse import urlsplit

import anyio.to_thread
import httpx
import numpy as np
import psutil
import pytest
from sqlalchemy import func, select
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import make_shootout
from tests.support.balancer import Balancer
from tests.support.empty_rendering import EMPTY_RENDERING_S
from tests.support.live import web_process, working
from tests.support.sessions import Sessions
from tests.support.uploads import SHOOTOUTS, eventually
from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.kit.settings import Settings

DURATION_S = float(os.environ.get("SOAK_S", "120"))
PACE_S = 0.2
WATCHERS = 100
WEBS, WORKERS = 2, 2
SAMPLE_S = 2.0
SETTLED_S = 0.15 * DURATION_S
"""Time after a start in which a process may still grow."""
MOST_GROWTH_BYTES = 12_000_000
"""By the slope of the memory of a process, over the time in which it was measured."""
MOST_NEW_FILES = 60
"""The same for descriptors, between which the watchers are spread by chance. A request each would be hundreds."""

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.timeout(int(DURATION_S) + 600)]
Dropped = (ConnectionClosed, InvalidHandshake, InvalidMessage, OSError, EOFError, TimeoutError)


@dataclass
class Replaceable:
    """A process that is stopped in order and started again."""

    make: Any
    context: AbstractContextManager[Any] | None = None
    made: Any = None
    samples: list[tuple[float, int, int]] = field(default_factory=list)
    """Time in seconds, memory in bytes and descriptors of the process that runs now."""

    async def start(self) -> None:
        self.context = self.make()
        self.made = await anyio.to_thread.run_sync(self.context.__enter__)
        self.samples = []

    async def stop(self) -> None:
        assert self.context is not None
        await anyio.to_thread.run_sync(self.context.__exit__, None, None, None)

    def sample(self) -> None:
        process = psutil.Process(getattr(self.made, "process", self.made).pid)
        with process.oneshot():
            self.samples.append((time.monotonic(), process.memory_info().rss, process.num_fds()))


class Load:
    """Submits jobs at a steady pace and watches them."""

    def __init__(self, url: str, token: str, path: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._path = path
        self.jobs: list[str] = []
        self.answers: Counter[str] = Counter()
        """Responses by status, those of problems with their code."""
        self.dropped = 0
        self.watched = 0
        self.reconnected = 0

    async def submit(self) -> None:
        """Submit a job; after a connection that has ended, once more with the same key."""
        headers = {**self._headers, "Idempotency-Key": secrets.token_hex(16), "Connection": "close"}
        async with httpx.AsyncClient(base_url=self._url, headers=headers, timeout=60) as client:
            while True:
                try:
                    answer = await client.post(self._path)
                except httpx.TransportError:
                    self.dropped += 1
                    continue
                code = answer.json().get("code")
                self.answers[f"{answer.status_code} {code}" if code else str(answer.status_code)] += 1
                if answer.status_code == httpx.codes.ACCEPTED:
                    self.jobs.append(answer.json()["id"])
                return

    async def submit_steadily(self, seconds: float) -> None:
        """Submit a job every `PACE_S`, whatever the others take."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(round(seconds / PACE_S)):
                await asyncio.sleep(max(0.0, began + number * PACE_S - time.monotonic()))
                group.create_task(self.submit())

    async def watch(self, chance: random.Random) -> None:
        """Follow one new job after the other to its end, over all connections that it takes."""
        await eventually(lambda: len(self.jobs))
        while True:
            await self.follow(chance.choice(self.jobs[-20:]))
            self.watched += 1

    async def follow(self, job_id: str) -> None:
        """Follow a job to its end; its events come in order, and each once."""
        address = f"{self._url.replace('http', 'ws', 1)}/api/v1/jobs/{job_id}/ws"
        seen, is_done = 0, False
        while not is_done:
            try:
                async with connect(f"{address}?after={seen}", additional_headers=self._headers) as socket:
                    async for message in socket:
                        event = json.loads(message)
                        if event["type"] != "snapshot":
                            assert event["seq"] == seen + 1, (job_id, seen, event)
                            seen = event["seq"]
                        is_done = event["type"] == "done"
            except Dropped:
                self.reconnected += 1
                await asyncio.sleep(0.1)


@asynccontextmanager
async def _site(settings: Settings, log: IO[str]) -> AsyncGenerator[tuple[Balancer, list[Replaceable]], None]:
    """Run web processes behind a balancer, and workers."""
    balancer = Balancer()
    webs = [Replaceable(lambda: web_process(settings)) for _ in range(WEBS)]
    workers = [Replaceable(lambda: working(settings, log, **{EMPTY_RENDERING_S: "0.05"})) for _ in range(WORKERS)]
    started: list[Replaceable] = []
    async with balancer.running():
        try:
            for each in (*webs, *workers):
                await each.start()
                started.append(each)
            balancer.ports = [_port(web) for web in webs]
            yield balancer, started
        finally:
            for each in reversed(started):
                await each.stop()


def _port(web: Replaceable) -> int:
    return urlsplit(web.made.url).port or 0


async def _restart_in_turn(balancer: Balancer, processes: Sequence[Replaceable]) -> None:
    """Replace one process after the other; a web process gets no new connections before it stops."""
    for each in processes:
        is_web = hasattr(each.made, "url")
        if is_web:
            balancer.ports.remove(_port(each))
        await each.stop()
        await each.start()
        if is_web:
            balancer.ports.append(_port(each))


async def _sample(processes: Sequence[Replaceable]) -> None:
    while True:
        await asyncio.sleep(SAMPLE_S)
        for each in processes:
            each.sample()


def _growth(each: Replaceable) -> tuple[float, float]:
    """Return the growth of a process by its slopes: memory in bytes, and descriptors."""
    since = each.samples[0][0] + SETTLED_S
    at, *values = (np.array(column) for column in zip(*(it for it in each.samples if it[0] > since), strict=True))
    memory, files = (float(np.polyfit(at, value, 1)[0] * (at[-1] - at[0])) for value in values)
    return memory, files


async def test_a_rolling_restart_under_steady_load_loses_doubles_and_leaks_nothing(
    settings: Settings, user: Person, session_maker: Sessions, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = replace(
        settings,
        limits=replace(settings.limits, queued_jobs=100_000, running_jobs=100),
        worker=replace(settings.worker, jobs=4, short_jobs=0, heartbeat_s=30),
    )
    shootout_id = await make_shootout(user.client)
    with (tmp_path_factory.mktemp("soak") / "worker.log").open("w") as log:
        async with _site(made, log) as (balancer, processes):
            load = Load(f"http://127.0.0.1:{balancer.port}", user.token, f"{SHOOTOUTS}/{shootout_id}/jobs")
            chance = random.Random(3)
            background = [asyncio.create_task(load.watch(chance)) for _ in range(WATCHERS)]
            try:
                await load.submit_steadily(DURATION_S / 3)
                restarting = asyncio.create_task(_restart_in_turn(balancer, processes))
                while not restarting.done():
                    await load.submit_steadily(PACE_S * 5)
                await restarting
                # From here on, no process is replaced any more.
                background.append(asyncio.create_task(_sample(processes)))
                await load.submit_steadily(DURATION_S * 2 / 3)
                await asyncio.gather(*map(load.follow, load.jobs[-200:]))
            finally:
                for task in background:
                    task.cancel()
                ended = await asyncio.gather(*background, return_exceptions=True)
            growths = [_growth(each) for each in processes]
    assert [error for error in ended if not isinstance(error, asyncio.CancelledError)] == []
    async with session_maker() as session:
        rows = (await session.execute(select(Job.id, Job.status, Job.attempt))).all()
        ends = await session.execute(
            select(JobEvent.job_id, func.count()).where(JobEvent.type == "done").group_by(JobEvent.job_id)
        )
        ended_once = {str(job_id): count for job_id, count in ends}
    print(
        f"{len(rows)} jobs, {load.watched} watched, {load.reconnected} reconnections, {load.dropped} dropped requests;"
        f" growth of memory in MB and of descriptors: {[(round(grown / 1e6, 1), round(new)) for grown, new in growths]}"
    )
    assert set(load.answers) == {"202"}, load.answers
    assert load.dropped <= 2 * WEBS
    assert sorted(str(row.id) for row in rows) == sorted(load.jobs)
    assert Counter(row.status for row in rows) == {"completed": len(load.jobs)}
    assert ended_once == dict.fromkeys(load.jobs, 1)
    assert load.watched > WATCHERS
    assert max(row.attempt for row in rows) <= 1 + WORKERS
    assert max(grown for grown, _ in growths) < MOST_GROWTH_BYTES, growths
    assert max(files for _, files in growths) < MOST_NEW_FILES, growths
