"""Kill the processes of a whole service one after the other while it works on jobs.

The tests are defined once; one file per queue runs them, so that the two run in parallel, in `task test:thorough`.
"""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx
import psutil
import psycopg
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.integration.jobs.conftest import EVERYTHING, make_shootout
from tests.support.uploads import SHOOTOUTS, add, playing, wav
from tone_shootout.demo import bundled_capture
from tone_shootout.embedded.postgres import NAME as POSTGRESQL
from tone_shootout.embedded.servers import Servers
from tone_shootout.embedded.service import Service
from tone_shootout.embedded.valkey import NAME as VALKEY
from tone_shootout.jobs.status import PHASES

QueueKind = Literal["postgresql", "redis"]
Event = dict[str, Any]

T = TypeVar("T")

PATIENCE_S = 300.0
"""Longest wait for something that must come to pass."""
HEARTBEAT_S = 2
ENVIRON = {
    "SHOOTOUT_WORKER_HEARTBEAT_S": str(HEARTBEAT_S),
    "SHOOTOUT_WORKER_SWEEP_S": "0.5",
    "SHOOTOUT_WORKER_BACKOFF_S": "0.1",
    "SHOOTOUT_WORKER_BACKOFF_MAX_S": "0.5",
    "SHOOTOUT_WORKER_ATTEMPTS": "100",
    "SHOOTOUT_WORKER_PROCESSES": "2",
    "SHOOTOUT_LIMITS_REQUESTS_PER_MINUTE": "0",
    "SHOOTOUT_LIMITS_ADDRESS_REQUESTS_PER_MINUTE": "0",
    "SHOOTOUT_LIMITS_FAILED_SIGN_INS": "0",
    "SHOOTOUT_LOG_LEVEL": "ERROR",
}


def _decode(message: str | bytes) -> Event:
    event: Event = json.loads(message)
    return event


class Plant:
    """PostgreSQL, Valkey, a web process and a worker, started again when they die, and a user of theirs."""

    def __init__(self, servers: Servers, service: Service, token: str) -> None:
        self._servers = servers
        self._service = service
        self._headers = {"Authorization": f"Bearer {token}"}
        self._gain = 0.0
        self.client = httpx.AsyncClient(base_url=service.url, headers=self._headers, timeout=60)

    def pids(self) -> dict[str, int]:
        """The process id of everything that runs: PostgreSQL, Valkey, web, worker."""
        return self._servers.processes() | self._service.processes()

    async def signal(self, name: str, signum: int) -> int:
        """Send a signal to a process; its id."""
        pid = await self._until(lambda: self.pids().get(name))
        os.kill(pid, signum)
        return pid

    async def kill(self, *names: str) -> None:
        """Kill processes, and wait until others stand in their place."""
        gone = [await self.signal(name, signal.SIGKILL) for name in names]
        for name, pid in zip(names, gone, strict=True):
            await self._until(lambda name=name, pid=pid: self.pids().get(name, pid) != pid)  # type: ignore[misc]

    async def hang(self, name: str, seconds: float) -> None:
        """Stop a process with all its children for a while."""
        process = psutil.Process(await self._until(lambda: self.pids().get(name)))
        family = [process, *process.children(recursive=True)]
        for one in family:
            one.suspend()
        await asyncio.sleep(seconds)
        for one in family:
            one.resume()

    async def interruptions(self, job_id: str) -> int:
        """How many attempts at a job a fault has ended."""
        url = self._servers.database_url
        async with await psycopg.AsyncConnection.connect(url) as connection:
            rows = await connection.execute("SELECT interruptions FROM job WHERE id = %s", [job_id])
            found = await rows.fetchone()
        assert found is not None
        return int(found[0])

    async def shootout(self, chains: int = 1) -> str:
        """A shootout of which nothing has been rendered before; its id."""
        amp = await add(self.client, "capture", bundled_capture("clean.nam"))
        track = await add(self.client, "di_track", wav(playing(2.0)))
        made = []
        for number in range(chains):
            self._gain += 0.01
            block = {"type": "capture", "asset": amp, "input_gain_db": self._gain, "gear": "amp_cab"}
            made.append({"name": f"Chain {number}", "blocks": [block]})
        tracks = [{"name": "Riff", "asset": track}]
        return await make_shootout(self.client, di_tracks=tracks, chains=made, output=EVERYTHING)

    async def submit(self) -> str:
        """A job, acknowledged; its id."""
        answer = await self.client.post(f"{SHOOTOUTS}/{await self.shootout()}/jobs")
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def follow(self, job_id: str) -> AsyncIterator[Event]:
        """All events of a job to its end, by a client that comes back whenever it is cut off."""
        address = f"{self._service.url.replace('http', 'ws', 1)}/api/v1/jobs/{job_id}/ws"
        last = 0
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(WebSocketException, OSError):
                    async with connect(f"{address}?after={last}", additional_headers=self._headers) as socket:
                        async for message in socket:
                            event = _decode(message)
                            if event["type"] == "snapshot":
                                continue
                            assert event["seq"] == last + 1, "a gap, or something twice"
                            last = event["seq"]
                            yield event
                            if event["type"] == "done":
                                return
                await asyncio.sleep(0.1)

    async def get(self, address: str) -> httpx.Response:
        """What is at an address, asked for until it is answered."""

        async def ask() -> httpx.Response | None:
            with suppress(httpx.HTTPError):
                answer = await self.client.get(address)
                return answer if answer.status_code < 500 else None
            return None

        return await self._until_async(ask)

    async def check(self, job_id: str, log: Sequence[Event]) -> None:
        """The job has ended completed, once, with all its results, each once and whole."""
        kinds = Counter(event["type"] for event in log)
        assert log[-1]["type"] == "done"
        assert log[-1]["data"]["status"] == "completed"
        assert kinds["done"] == 1
        statuses = [event["data"]["status"] for event in log if event["type"] == "status"]
        assert statuses.count("completed") == 1
        shown = (await self.get(f"/api/v1/jobs/{job_id}")).json()
        assert shown["status"] == "completed"
        items = (await self.get(f"/api/v1/jobs/{job_id}/artifacts")).json()["items"]
        found = {item["path"]: item for item in items}
        assert len(found) == len(items)
        reported = Counter(event["data"]["path"] for event in log if event["type"] == "artifact")
        assert all(reported[path] == 1 for path in found)
        manifest = (await self.get(found["manifest.json"]["links"]["content"])).json()
        assert set(found) >= {entry["path"] for entry in manifest["files"]} | {"comparison.mp4", "manifest.json"}
        for item in items:
            content = (await self.get(item["links"]["content"])).content
            assert hashlib.sha256(content).hexdigest() == item["sha256"], item["path"]

    async def check_nothing_is_stuck(self) -> None:
        """No job is anywhere but at its end, and no worker has left children or scratch behind for it."""
        url = self._servers.database_url
        async with await psycopg.AsyncConnection.connect(url) as connection:
            rows = await connection.execute("SELECT id, status FROM job WHERE finished_at IS NULL")
            assert await rows.fetchall() == []

    async def _until(self, condition: Callable[[], int | bool | None]) -> int:
        async def ask() -> int | None:
            return int(found) if (found := condition()) else None

        return await self._until_async(ask)

    async def _until_async(self, ask: Callable[[], Awaitable[T | None]]) -> T:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if (found := await ask()) is not None:
                    return found
                await asyncio.sleep(0.05)


@contextmanager
def running(queue: QueueKind, folder: Path) -> Generator[tuple[Servers, Service, str], None, None]:
    """A service on servers of its own, and the token of a user."""
    with Servers(folder / "servers") as servers:
        environ = {
            **os.environ,
            **ENVIRON,
            "SHOOTOUT_DATABASE_URL": servers.database_url,
            "SHOOTOUT_REDIS_URL": servers.redis_url,
            "SHOOTOUT_QUEUE_URL": servers.redis_url if queue == "redis" else servers.database_url,
        }
        with Service(folder / "service", port=0, environ=environ) as service:
            command = [sys.executable, "-m", "tone_shootout", "user", "token", "ada"]
            made = subprocess.run(command, env=service.environ, capture_output=True, text=True, check=True)
            yield servers, service, made.stdout.strip()


async def _complete_despite_kills(plant: Plant, *names: str) -> str:
    """Kill processes while a job levels its segments, check its results and return its id."""
    job_id = await plant.submit()
    log: list[Event] = []
    alive = True
    async for event in plant.follow(job_id):
        log.append(event)
        if alive and event["type"] == "phase" and event["data"]["phase"] == "level":
            alive = False
            await plant.kill(*names)
    await plant.check(job_id, log)
    return job_id


class FaultTests:
    """Kill, hang and stop processes at every moment that matters."""

    queue: QueueKind

    @pytest.fixture(scope="class")
    @classmethod
    def parts(cls, tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Servers, Service, str], None, None]:
        with running(cls.queue, tmp_path_factory.mktemp("faults")) as parts:
            yield parts

    @pytest.fixture
    async def plant(self, parts: tuple[Servers, Service, str]) -> AsyncGenerator[Plant, None]:
        plant = Plant(*parts)
        async with plant.client:
            yield plant
            await plant.check_nothing_is_stuck()

    async def test_a_job_completes_after_all_processes_are_killed(self, plant: Plant) -> None:
        await _complete_despite_kills(plant, POSTGRESQL, VALKEY, "web", "worker")

    async def test_a_job_completes_though_its_worker_is_killed_in_every_phase(self, plant: Plant) -> None:
        job_id = await plant.submit()
        left = list(PHASES)
        log = []
        async for event in plant.follow(job_id):
            log.append(event)
            if left and event["type"] == "phase" and event["data"]["phase"] == left[0]:
                left.pop(0)
                await plant.kill("worker")
        # The last two phases are short: they may be over before the signal comes.
        assert log[-1]["data"]["attempt"] >= len(PHASES) - 1
        await plant.check(job_id, log)

    async def test_a_database_that_hangs_for_longer_than_a_heartbeat_costs_no_attempt(self, plant: Plant) -> None:
        job_id = await plant.submit()
        log: list[Event] = []
        async for event in plant.follow(job_id):
            log.append(event)
            if event["type"] == "phase" and event["data"]["phase"] == "render":
                await plant.hang(POSTGRESQL, 2 * HEARTBEAT_S)
        await plant.check(job_id, log)
        assert await plant.interruptions(job_id) == 0

    async def test_a_job_is_dispatched_after_the_web_process_that_stored_it_dies(self, plant: Plant) -> None:
        shootout_id = await plant.shootout()
        await plant.signal(VALKEY, signal.SIGSTOP)
        try:
            # It is written and acknowledged; publishing, which comes before the queue, waits for the broker.
            answer = await plant.client.post(f"{SHOOTOUTS}/{shootout_id}/jobs")
            assert answer.status_code == 202
            assert answer.json()["status"] == "pending"
            await plant.signal("web", signal.SIGKILL)
        finally:
            await plant.signal(VALKEY, signal.SIGCONT)
        job_id = answer.json()["id"]
        await plant.check(job_id, [event async for event in plant.follow(job_id)])

    async def test_clients_of_a_web_process_that_dies_miss_no_event(self, plant: Plant) -> None:
        job_id = await plant.submit()

        async def watch() -> list[Event]:
            return [event async for event in plant.follow(job_id)]

        watching = [asyncio.create_task(watch()) for _ in range(3)]
        left = ["render", "plots"]
        async for event in plant.follow(job_id):
            if event["type"] == "phase" and event["data"]["phase"] in left:
                left.remove(event["data"]["phase"])
                await plant.kill("web")
        logs = await asyncio.gather(*watching)
        assert logs[0] == logs[1] == logs[2]
        await plant.check(job_id, logs[0])

    @pytest.mark.parametrize("name", [POSTGRESQL, VALKEY], ids=["postgresql", "valkey"])
    async def test_an_outage_of_a_server_costs_a_running_job_no_attempt(self, plant: Plant, name: str) -> None:
        job_id = await _complete_despite_kills(plant, name)
        assert await plant.interruptions(job_id) == 0
