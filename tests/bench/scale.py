"""Several web processes behind a proxy, several workers, and a long queue of many users; rendering is a wait.

So that two cores suffice to show what the scheduler, the database and the live channel cost. `BENCH_SHORT` makes it
smaller.
"""

import asyncio
import os
import secrets
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from tests.bench.proxy import balanced
from tests.bench.scale_rows import HEAVY_USERS, Submitter, completed_by_user, fill_queue, make_users, one_value
from tests.support.empty_rendering import EMPTY_RENDERING_S
from tests.support.live import web_process, working
from tone_shootout import migrations
from tone_shootout.embedded.servers import Servers
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.scheduling.queue import prepare_queue
from tone_shootout.kit.db.session import create_engine
from tone_shootout.kit.settings import (
    DatabaseSettings,
    LimitSettings,
    RedisSettings,
    SecuritySettings,
    Settings,
    WorkerSettings,
    new_encryption_key,
)

START_S = 90.0
"""Seconds within which the workers have to complete their first jobs."""
ANSWER_S = 60.0
"""Seconds within which a request has to be answered."""
COUNTED_S = 1.5
"""Seconds after which PostgreSQL has counted a transaction: its processes publish their counts once a second."""
CLAIMS = 10
"""Choices of the next job of which the median counts."""


@dataclass(frozen=True)
class Plan:
    """How much to measure."""

    users: int
    jobs: int
    """Length of the queue."""
    submissions: int
    """Of each number of web processes, and of each length of the queue."""
    connections: int
    webs: tuple[int, ...]
    workers: tuple[int, ...]
    wait_s: float
    """What a job takes instead of rendering."""
    window_s: float
    """Time in which the completed jobs count."""


FULL = Plan(500, 10_000, 500, 16, (1, 2, 4), (1, 2, 4, 8), 0.25, 8.0)
SHORT = Plan(50, 1_000, 100, 8, (1, 2), (1, 4), 0.25, 3.0)


@dataclass(frozen=True)
class Submitted:
    """Results of submissions."""

    times_s: list[float]
    rate: float
    """Submissions a second."""
    web_s: float
    """Processor time of the web processes for each."""
    database_s: float
    """Processor time of PostgreSQL for each."""
    refused: int


@dataclass(frozen=True)
class Worked:
    """Results of workers."""

    rate: float
    """Completed jobs a second."""
    overhead_s: float
    """Time of a slot for each job, beyond the wait."""
    worker_s: float
    """Processor time of the workers for each job."""
    database_s: float
    """Processor time of PostgreSQL for each job."""
    transactions: float
    events: float
    least: int
    most: int
    """Completed jobs of the users with the fewest and with the most, of those who still had some waiting."""


class Site:
    """The servers of an installation, and how busy they are."""

    def __init__(self, plan: Plan, settings: Settings, engine: AsyncEngine) -> None:
        self.plan = plan
        self.settings = settings
        self.engine = engine

    def database_s(self) -> float:
        """Return the processor time of PostgreSQL with all processes that it has started, also of those that ended."""
        found = 0.0
        for process in psutil.process_iter(["name", "cmdline"]):
            command = process.info["cmdline"] or []
            if process.info["name"] == "postgres" and str(self.settings.data.parent) in " ".join(command):
                times = process.cpu_times()
                found += sum(times[:4])
                found += sum(sum(child.cpu_times()[:2]) for child in process.children())
        return found

    async def transactions(self) -> float:
        """Return the number of transactions so far."""
        return await one_value(
            self.engine, "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )


def scale_section() -> list[str]:
    """Measure web processes and workers with real servers."""
    plan = SHORT if os.environ.get("BENCH_SHORT") else FULL
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder) / "servers") as servers:
        url = servers.create_database("bench")
        settings = Settings(
            data=Path(folder) / "data",
            database=DatabaseSettings(url=url, pool_size=8),
            redis=RedisSettings(url=servers.redis_url),
            security=SecuritySettings(secret=secrets.token_urlsafe(48), encryption_keys=[new_encryption_key()]),
            limits=replace(LimitSettings(), requests_per_minute=0, address_requests_per_minute=0, queued_jobs=100_000),
            worker=replace(WorkerSettings(), sweep_s=1.0, jobs=2, short_jobs=0),
        )
        migrations.upgrade(url)
        asyncio.run(prepare_queue(settings))
        return asyncio.run(_measure(plan, settings))


async def _measure(plan: Plan, settings: Settings) -> list[str]:
    engine = create_engine(settings.database.url)
    try:
        site = Site(plan, settings, engine)
        with _webs(site, 1) as (port, _):
            submitters = await make_users(settings, engine, f"http://127.0.0.1:{port}", plan.users)
        submitted: dict[tuple[int, int], Submitted] = {}
        for count in plan.webs:
            for length in (0, plan.jobs):
                await fill_queue(engine, plan.users, length)
                submitted[count, length] = await _submit(site, count, submitters)
        claims: dict[int, float] = {}
        for length in (plan.jobs // 10, plan.jobs):
            await fill_queue(engine, plan.users, length)
            claims[length] = await _claim_s(site)
        worked: dict[int, Worked] = {}
        for count in plan.workers:
            await fill_queue(engine, plan.users, plan.jobs)
            worked[count] = await _work(site, count)
    finally:
        await engine.dispose()
    return _report(plan, submitted, claims, worked)


@contextmanager
def _webs(site: Site, count: int) -> Generator[tuple[int, list[psutil.Process]], None, None]:
    """Run web processes behind a proxy; yield its port, and the processes."""
    with ExitStack() as stack:
        webs = [stack.enter_context(web_process(site.settings)) for _ in range(count)]
        port = stack.enter_context(balanced([urlsplit(web.url).port or 0 for web in webs]))
        yield port, [psutil.Process(web.process.pid) for web in webs]


async def _submit(site: Site, webs: int, submitters: Sequence[Submitter]) -> Submitted:
    """Submit jobs of all users in turn, over some connections at once."""
    plan = site.plan
    with _webs(site, webs) as (port, processes):
        await _requests(port, submitters, webs * plan.connections, plan.connections)  # warms the pools
        before = sum(map(_cpu_s, processes)), site.database_s()
        began = time.perf_counter()
        times, refused = await _requests(port, submitters, plan.submissions, plan.connections)
        elapsed = time.perf_counter() - began
        after = sum(map(_cpu_s, processes)), site.database_s()
    used = [(later - earlier) / plan.submissions for earlier, later in zip(before, after, strict=True)]
    return Submitted(times, plan.submissions / elapsed, used[0], used[1], refused)


async def _requests(
    port: int, submitters: Sequence[Submitter], count: int, connections: int
) -> tuple[list[float], int]:
    """Send requests; return what each took in seconds, and how many did not succeed."""
    numbers = iter(range(count))
    times: list[float] = []
    refused = 0

    async def send() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            submitter = submitters[number % len(submitters)]
            head = f"POST {submitter.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\n"
            began = time.perf_counter()
            writer.write(f"{head}Authorization: Bearer {submitter.token}\r\n\r\n".encode())
            async with asyncio.timeout(ANSWER_S):
                answer = (await reader.readuntil(b"\r\n\r\n")).lower()
                size = answer.partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(size))
            times.append(time.perf_counter() - began)
            refused += not answer.startswith(b"http/1.1 202")
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(send() for _ in range(connections)))
    return times, refused


async def _claim_s(site: Site) -> float:
    """Return how long the choice of the next job takes, in seconds."""
    limits, worker = site.settings.limits, site.settings.worker
    times = []
    async with async_sessionmaker(site.engine)() as session:
        for _ in range(CLAIMS):
            began = time.perf_counter()
            await JobRepository(session).next_runnable(
                running_jobs=limits.running_jobs, short_s=worker.short_s, patience_s=worker.patience_s
            )
            times.append(time.perf_counter() - began)
    return float(np.median(times))


async def _work(site: Site, workers: int) -> Worked:
    """Let workers carry out jobs of the queue for some time."""
    plan, settings = site.plan, site.settings
    environ = {EMPTY_RENDERING_S: str(plan.wait_s)}
    with ExitStack() as stack:
        log = stack.enter_context(tempfile.TemporaryFile("w+"))
        started = [stack.enter_context(working(settings, log, **environ)) for _ in range(workers)]
        processes = [psutil.Process(process.pid) for process in started]
        await _all_working(site, workers)
        before = sum(map(_cpu_s, processes)), site.database_s(), await site.transactions()
        events = await _count_events(site)
        since = await one_value(site.engine, "SELECT extract(epoch FROM now())")
        await asyncio.sleep(plan.window_s)
        until = await one_value(site.engine, "SELECT extract(epoch FROM now())")
        after = sum(map(_cpu_s, processes)), site.database_s(), await site.transactions()
        events = await _count_events(site) - events
        done = await completed_by_user(site.engine, since, until)
    jobs = sum(done.values())
    if not jobs:
        raise RuntimeError(f"{workers} workers completed no job within {until - since:.1f} s")
    slots = workers * (settings.worker.jobs + settings.worker.short_jobs)
    used = [(later - earlier) / jobs for earlier, later in zip(before, after, strict=True)]
    return Worked(
        rate=jobs / (until - since),
        overhead_s=slots * (until - since) / jobs - plan.wait_s,
        worker_s=used[0],
        database_s=used[1],
        transactions=used[2],
        events=events / jobs,
        least=min(done.values()),
        most=max(done.values()),
    )


async def _all_working(site: Site, workers: int) -> None:
    """Wait until every worker has claimed a job.

    Raises:
        TimeoutError: one of them does not begin.
    """
    async with asyncio.timeout(START_S):
        while await one_value(site.engine, "SELECT count(DISTINCT worker) FROM job") < workers:  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.1)
    await asyncio.sleep(COUNTED_S)


async def _count_events(site: Site) -> float:
    return await one_value(site.engine, "SELECT count(*) FROM job_event")


def _cpu_s(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def _report(
    plan: Plan, submitted: dict[tuple[int, int], Submitted], claims: dict[int, float], worked: dict[int, Worked]
) -> list[str]:
    lines = [
        f"Web processes behind a proxy, {plan.connections} connections, submissions of {plan.users} users in turn,",
        f"while nothing is queued and with {plan.jobs} queued jobs. Processor time of all web processes, and of",
        f"PostgreSQL, per submission. The machine has two cores and its load was {os.getloadavg()[0]:.0f}.",
        "",
        "| web processes | queued | median | 99 % | per second | web | PostgreSQL | refused |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for (webs, length), found in submitted.items():
        quantiles = [f"{1000 * float(np.quantile(found.times_s, share)):.0f} ms" for share in (0.5, 0.99)]
        costs = [f"{1000 * seconds:.1f} ms" for seconds in (found.web_s, found.database_s)]
        columns = [str(webs), str(length), *quantiles, f"{found.rate:.0f}", *costs, str(found.refused)]
        lines.append(f"| {' | '.join(columns)} |")
    choices = ", ".join(f"{1000 * seconds:.1f} ms with {length} queued jobs" for length, seconds in claims.items())
    lines += [
        "",
        f"The statement that chooses the next job takes {choices}. One worker at a time chooses.",
        "",
        f"Workers of two slots, with a wait of {plan.wait_s:g} s in place of rendering and {plan.jobs} queued jobs,",
        f"half of them of {HEAVY_USERS} users. The overhead is the time of a slot for each job beyond the wait. The",
        f"last column counts the jobs that were completed in {plan.window_s:g} s of the users who had the fewest and",
        "the most.",
        "",
        "| workers | jobs per second | overhead | worker | PostgreSQL | transactions | events | fewest, most |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for workers, of_workers in worked.items():
        times = [f"{1000 * s:.0f} ms" for s in (of_workers.overhead_s, of_workers.worker_s, of_workers.database_s)]
        columns = [str(workers), f"{of_workers.rate:.1f}", *times, f"{of_workers.transactions:.0f}"]
        columns += [f"{of_workers.events:.1f}", f"{of_workers.least}, {of_workers.most}"]
        lines.append(f"| {' | '.join(columns)} |")
    return lines
