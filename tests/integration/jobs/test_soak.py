"""Jobs of five people on two workers that keep dying: none lost, none done twice, everybody in turn."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tests.integration.jobs.conftest import make_shootout
from tests.support.forking import ForkedProcess, start_program
from tests.support.live import environ_of, serving
from tests.support.sessions import Sessions
from tests.support.uploads import SHOOTOUTS, config
from tone_shootout.accounts.services import AccountService
from tone_shootout.jobs.models import Job, JobArtifact, JobEvent
from tone_shootout.kit.settings import Settings, WorkerSettings

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.timeout(600)]

Submitting = Callable[[], Awaitable[None]]
WORKERS = 2


@dataclass(frozen=True)
class Soak:
    """How many jobs there are, and how often a worker is killed."""

    at_once: Mapping[str, int]
    """Jobs by person that are there when the workers come. The last person has the fewest."""
    later: int
    """Jobs that all but the last person submit meanwhile: there is work for as long as workers are killed."""
    killing_s: float
    between_s: tuple[float, float]
    """Seconds between two kills: a worker takes two to start."""
    last_place: int
    """Place by which the person with two jobs has had both begun. First come, first served would make it the last."""
    furthest_ahead: int
    """Jobs that somebody may have had begun more than somebody who waits."""

    @property
    def jobs(self) -> int:
        """Return the number of all jobs."""
        return sum(self.at_once.values()) + self.later


TWO_MINUTES = Soak(
    {"ada": 60, "bob": 44, "cid": 32, "dot": 22, "eve": 2},
    later=40,
    killing_s=120,
    between_s=(8, 16),
    last_place=53,
    furthest_ahead=20,
)


class Crew:
    """Worker processes, each started again when it dies."""

    def __init__(self, settings: Settings, soak: Soak, sessions: Sessions) -> None:
        self._environ = environ_of(settings)
        self._sessions = sessions
        self._soak = soak
        self._workers: list[ForkedProcess] = []
        self.kills = 0

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[asyncio.Task[None], None]:
        """Have them work, and die by chance for as long as the task takes that this gives."""
        self._workers = [self._start() for _ in range(WORKERS)]
        killing = asyncio.create_task(self._kill_by_chance())
        try:
            yield killing
        finally:
            killing.cancel()
            with suppress(asyncio.CancelledError):
                await killing
            for worker in self._workers:
                worker.kill()
                worker.wait()

    def _start(self) -> ForkedProcess:
        with Path(os.devnull).open("w") as nowhere:
            return start_program("shootout", "worker", environ=self._environ, stderr=nowhere)

    async def _kill_by_chance(self) -> None:
        chance = random.Random(5)
        self._replace(await self._busy())
        with suppress(TimeoutError):
            async with asyncio.timeout(self._soak.killing_s):
                while True:
                    await asyncio.sleep(chance.uniform(*self._soak.between_s))
                    self._replace(chance.randrange(WORKERS))

    def _replace(self, unlucky: int) -> None:
        self._workers[unlucky].kill()
        self._workers[unlucky].wait()
        self._workers[unlucky] = self._start()
        self.kills += 1

    async def _busy(self) -> int:
        """Return a worker that holds a job: the first kill hits one, however slow the machine is."""
        while True:
            async with self._sessions() as session:
                names = await session.scalars(select(Job.worker).where(Job.status == "running"))
                held = {int(name.rpartition(":")[2]) for name in names if name}
            for index, worker in enumerate(self._workers):
                if worker.pid in held:
                    return index
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _people(url: str, sessions: Sessions, names: Iterable[str]) -> AsyncGenerator[Mapping[str, Submitting], None]:
    """What each of them does to submit a job of a shootout of theirs."""
    async with AsyncExitStack() as stack:
        people = {}
        for name in names:
            async with sessions() as session:
                accounts = AccountService(session)
                user = await accounts.create_user(name, role="user")
                _, token = await accounts.issue_token(user, name="soak", scope="write")
                await session.commit()
            headers = {"Authorization": f"Bearer {token}"}
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, headers=headers, timeout=60))
            chains = (await config(client))["chains"][:1]
            address = f"{SHOOTOUTS}/{await make_shootout(client, chains=chains)}/jobs"
            people[name] = partial(_submit, client, address)
        yield people


async def _submit(client: httpx.AsyncClient, address: str) -> None:
    assert (await client.post(address)).status_code == 202


async def _submit_later(people: Sequence[Submitting], soak: Soak) -> None:
    """One after the other, for as long as workers are killed."""
    for submit in islice(cycle(people), soak.later):
        await asyncio.sleep(soak.killing_s / soak.later)
        await submit()


async def _finish_all(sessions: Sessions) -> None:
    async with asyncio.timeout(500), sessions() as session:
        while await session.scalar(select(func.count()).where(Job.finished_at.is_(None))):
            await session.rollback()
            await asyncio.sleep(0.5)


async def test_jobs_outlive_their_workers_and_everybody_has_a_turn(
    settings: Settings, session_maker: Sessions, clean: None
) -> None:
    soak = TWO_MINUTES
    soaking = replace(
        settings,
        limits=replace(settings.limits, queued_jobs=100),
        worker=WorkerSettings(sweep_s=0.5, heartbeat_s=2, attempts=1000, backoff_s=0.1, backoff_max_s=0.5, processes=1),
    )
    crew = Crew(soaking, soak, session_maker)
    with serving(soaking) as url:
        async with _people(url, session_maker, soak.at_once) as people:
            for name, count in soak.at_once.items():
                for _ in range(count):
                    await people[name]()
            async with crew.working() as killing:
                *many, _ = people.values()
                await asyncio.gather(_submit_later(many, soak), killing)
                await _finish_all(session_maker)
    assert crew.kills > 0
    async with session_maker() as session:
        statuses = Counter(await session.scalars(select(Job.status)))
        assert statuses == {"completed": soak.jobs}
        assert await session.scalar(select(func.count()).where(Job.attempt > 1)), "no kill hit a job"
        await _check_logs(session)
        await _check_results(session, soak.jobs, Path(url2pathname(urlsplit(settings.storage_url).path)))
        await _check_turns(session, soak)


async def _check_logs(session: AsyncSession) -> None:
    """Every log is whole, and tells of one end."""
    counted = select(
        JobEvent.job_id,
        func.count(),
        func.max(JobEvent.seq),
        func.count().filter(JobEvent.type == "done"),
        func.count().filter(JobEvent.data["status"].astext == "completed", JobEvent.type == "status"),
    ).group_by(JobEvent.job_id)
    for job_id, lines, last, ends, completions in await session.execute(counted):
        assert lines == last, job_id
        assert (ends, completions) == (1, 1), job_id


async def _check_results(session: AsyncSession, jobs: int, objects: Path) -> None:
    """Every job has the same files, each stored, of the last attempt and of no other."""
    names: dict[object, set[str]] = {}
    attempts = {job.id: job.attempt for job in await session.scalars(select(Job))}
    for artifact in await session.scalars(select(JobArtifact)):
        names.setdefault(artifact.job_id, set()).add(artifact.path)
        assert f"/{attempts[artifact.job_id]}/{artifact.path}" in artifact.storage_key
        assert (objects / artifact.storage_key).stat().st_size == artifact.size
    assert len(names) == jobs
    assert len({frozenset(paths) for paths in names.values()}) == 1


async def _check_turns(session: AsyncSession, soak: Soak) -> None:
    """Of what was there at once, in the order in which it was first taken, nobody is far ahead of anybody who waits."""
    begun = (
        select(JobEvent.job_id, func.min(JobEvent.at).label("at"))
        .where(JobEvent.type == "status", JobEvent.data["status"].astext == "running")
        .group_by(JobEvent.job_id)
    ).subquery()
    at_once = select(Job.id).order_by(Job.created_at).limit(sum(soak.at_once.values()))
    owners = list(
        await session.scalars(
            select(Job.owner_id).join(begun, begun.c.job_id == Job.id).where(Job.id.in_(at_once)).order_by(begun.c.at)
        )
    )
    total = Counter(owners)
    few = min(total, key=total.__getitem__)
    assert sorted(total.values()) == sorted(soak.at_once.values())
    # The fifth of five submitted two jobs behind all others.
    # Were all workers to live, her second would be the tenth; what a dead one held lets others go first.
    assert [place for place, owner in enumerate(owners, 1) if owner == few][-1] <= soak.last_place
    served: Counter[object] = Counter()
    for owner in owners:
        served[owner] += 1
        waiting = [served[other] for other in total if served[other] < total[other]]
        # What a dead worker held counts as running until it is missed, and others come first meanwhile.
        assert served[owner] - min(waiting, default=served[owner]) <= soak.furthest_ahead
