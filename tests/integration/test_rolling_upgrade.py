"""A rolling upgrade: the version before the newest migration and this one, beside each other on one database."""

import asyncio
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import AsyncIterator, Collection, Generator, Iterable
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.support.processes import eventually
from tests.support.shared import PROJECT
from tests.support.uploads import SHOOTOUTS, config
from tone_shootout.embedded.servers import Servers
from tone_shootout.kit.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

VERSIONS = "src/tone_shootout/migrations/versions"
MAXIMUM_JOBS = 200


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", PROJECT, *arguments], capture_output=True, check=True).stdout


def _revisions(names: Iterable[str]) -> list[str]:
    return sorted(found[1] for name in names if (found := re.search(r"(\d{4})_", name)))


def _lacks(commit: str, revisions: Collection[str]) -> bool:
    """Return whether the migrations of a commit form a line that has none of these."""
    found = _revisions(_git("ls-tree", "--name-only", commit, f"{VERSIONS}/").decode().split())
    return len(set(found)) == len(found) and not set(found).intersection(revisions)


@pytest.fixture(params=[1, 3, 5], ids=["newest", "newest three", "five"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The source of the newest commit before the newest migrations."""
    newest = _revisions(path.name for path in (PROJECT / VERSIONS).iterdir())[-request.param :]
    try:
        touched = _git("log", "--format=%H", "--", VERSIONS).decode().split()
        commit = next(f"{each}^" for each in touched if _lacks(f"{each}^", newest))
        content = _git("archive", commit, "src")
    except (OSError, StopIteration, subprocess.CalledProcessError):
        pytest.skip("needs git and the history of the newest migrations")
    folder = tmp_path / "old"
    with tarfile.open(fileobj=BytesIO(content)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


class Side:
    """Web process and worker of one version."""

    def __init__(self, source: Path, environ: dict[str, str], folder: Path) -> None:
        self._environ = {**os.environ, **environ, "PYTHONPATH": str(source), "PYTHONUNBUFFERED": "1"}
        self._folder = folder
        self.url = ""
        self.worker = 0

    def run(self, *command: str) -> str:
        done = subprocess.run(
            self._command(*command), env=self._environ, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def running(self, name: str) -> Generator[None, None, None]:
        with (
            (self._folder / f"{name}-web.log").open("w+") as web_log,
            (self._folder / f"{name}-worker.log").open("w+") as worker_log,
        ):
            processes = [self._start(web_log, "web", "--port", "0"), self._start(worker_log, "worker")]
            self.worker = processes[1].pid
            try:
                eventually(lambda: _found(web_log, r"web_started.*(http://[\d.:]+)") is not None)
                eventually(lambda: _found(worker_log, r"(worker_ready)") is not None)
                self.url = _found(web_log, r"web_started.*(http://[\d.:]+)") or ""
                yield
            finally:
                for process in processes:
                    process.terminate()
                for process in processes:
                    process.wait(60)

    def _start(self, log: IO[str], *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(self._command(*command), env=self._environ, stderr=log, text=True)

    @staticmethod
    def _command(*command: str) -> list[str]:
        return [sys.executable, "-m", "tone_shootout", *command]


def _found(log: IO[str], pattern: str) -> str | None:
    found = re.search(pattern, Path(log.name).read_text())
    return None if found is None else found[1]


class Traffic:
    """Submits jobs and reads, and counts what is answered."""

    def __init__(self, token: str) -> None:
        self._headers = {"Authorization": f"Bearer {token}"}
        self.statuses: Counter[int] = Counter()
        self.jobs: list[str] = []

    def client(self, side: Side) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=side.url, headers=self._headers, timeout=120)

    async def submit(self, client: httpx.AsyncClient, body: dict[str, Any]) -> None:
        answer = await client.post(SHOOTOUTS, json=body)
        self.statuses[answer.status_code] += 1
        assert answer.status_code == 201, answer.text
        job = answer.json()["job"]
        self.jobs.append(job["id"])
        for path in (job["links"]["self"], "/api/v1/jobs", "/api/v1/me", "/api/v1/library", SHOOTOUTS):
            answer = await client.get(path)
            self.statuses[answer.status_code] += 1
            assert answer.status_code == 200, f"{path}: {answer.text}"

    async def follow(self, client: httpx.AsyncClient, job: str) -> AsyncIterator[str]:
        async with client.stream("GET", f"/api/v1/jobs/{job}/events", params={"after": 0}) as answer:
            self.statuses[answer.status_code] += 1
            async for line in answer.aiter_lines():
                yield line


def _workers(url: str) -> set[int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT worker FROM job WHERE status = 'completed'").fetchall()
    return {int(worker.rpartition(":")[2]) for (worker,) in rows if worker}


async def test_old_and_new_processes_share_a_database_across_migrations(
    old: Path, servers: Servers, settings: Settings, tmp_path: Path
) -> None:
    url = servers.create_database(f"rolling_{uuid4().hex}")
    environ = {
        "SHOOTOUT_DATA": str(tmp_path / "data"),
        "SHOOTOUT_DATABASE_URL": url,
        "SHOOTOUT_REDIS_URL": settings.redis.url,
        "SHOOTOUT_SECURITY_SECRET": settings.security.secret,
        "SHOOTOUT_SECURITY_ENCRYPTION_KEYS": settings.security.encryption_keys[0],
        "SHOOTOUT_WORKER_SWEEP_S": "1",
        "SHOOTOUT_WORKER_PROCESSES": "1",
    }
    before, after = Side(old, environ, tmp_path), Side(PROJECT / "src", environ, tmp_path)
    before.run("db", "upgrade")
    token = before.run("user", "token", "ada")
    traffic = Traffic(token)
    with ExitStack() as new_processes:
        with before.running("old"):
            async with traffic.client(before) as client:
                body = {"config": {**await config(client), "output": {"video": False, "plots": False}}, "submit": True}
                await traffic.submit(client, body)
                # The migration runs while the old version is in use, and it stays in use.
                upgrade = asyncio.create_task(asyncio.to_thread(after.run, "db", "upgrade"))
                while not upgrade.done():
                    await traffic.submit(client, body)
                    async for _ in traffic.follow(client, traffic.jobs[-1]):
                        pass
                await upgrade
            await asyncio.to_thread(new_processes.enter_context, after.running("new"))
            async with traffic.client(before) as client, traffic.client(after) as newer:
                while not {before.worker, after.worker} <= _workers(url):
                    assert len(traffic.jobs) < MAXIMUM_JOBS, "one of the workers takes no jobs"
                    first, second = (client, newer) if len(traffic.jobs) % 2 else (newer, client)
                    await traffic.submit(first, body)
                    async for _ in traffic.follow(second, traffic.jobs[-1]):  # submitted at one, followed at the other
                        pass
                await traffic.submit(client, body)
        # The old processes have stopped, with a job in their hands or not.
        async with traffic.client(after) as newer:
            await traffic.submit(newer, body)
            for job in traffic.jobs[-2:]:
                async for _ in traffic.follow(newer, job):
                    pass
    with psycopg.connect(url) as connection:
        finished = dict(connection.execute("SELECT id::text, status FROM job").fetchall())
    assert finished == dict.fromkeys(traffic.jobs, "completed")
    assert set(traffic.statuses) == {200, 201}
    assert before.url != after.url
