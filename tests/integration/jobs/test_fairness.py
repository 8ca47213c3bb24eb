"""Whose job comes next, whoever asks and however many ask at once."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import anyio.to_thread
import pytest
from redis.asyncio import Redis
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import async_sessionmaker

from tests.support.factories import JobFactory, ShootoutFactory, UserFactory
from tests.support.sessions import Sessions
from tone_shootout import migrations
from tone_shootout.embedded.servers import Servers
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.scheduling.scheduler import ClaimedJob, JobScheduler
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.db.session import create_engine
from tone_shootout.kit.settings import LimitSettings, WorkerSettings

SHORT, LONG = 1.0, 100.0
SETTINGS = WorkerSettings(jobs=100, short_jobs=0, short_s=20.0, patience_s=300.0, heartbeat_s=600)


class Crowd:
    """People, and the jobs that they have submitted."""

    def __init__(self, sessions: Sessions, redis: Redis) -> None:
        self._sessions = sessions
        self._publisher = Publisher(redis)
        self._minutes = 0
        self._names: dict[UUID, str] = {}
        self._shootouts: dict[str, tuple[UUID, UUID]] = {}

    def choice(self, settings: WorkerSettings = SETTINGS, **limits: int) -> JobScheduler:
        """A worker's choice."""
        return JobScheduler(
            name="test",
            sessions=self._sessions,
            publisher=self._publisher,
            limits=LimitSettings(**{"running_jobs": 1000, **limits}),
            settings=settings,
        )

    async def submit(self, person: str, count: int = 1, *, cost_s: float = SHORT, **values: Any) -> list[UUID]:
        """Jobs of a person, each a millisecond younger than the one before."""
        async with self._sessions() as session:
            if person not in self._shootouts:
                user = UserFactory.build()
                session.add(user)
                await session.flush()
                shootout = ShootoutFactory.build(owner_id=user.id)
                session.add(shootout)
                await session.flush()
                self._shootouts[person] = user.id, shootout.id
                self._names[user.id] = person
            owner_id, shootout_id = self._shootouts[person]
            jobs = []
            for _ in range(count):
                self._minutes += 1
                created_at = datetime.now(UTC) + timedelta(milliseconds=self._minutes)
                given = {"cost_s": cost_s, "created_at": created_at, "started_at": None, **values}
                jobs.append(JobFactory.build(owner_id=owner_id, shootout_id=shootout_id, **given))
            session.add_all(jobs)
            await session.commit()
            return [job.id for job in jobs]

    async def end(self, taken: ClaimedJob) -> None:
        """Complete a job."""
        async with self._sessions() as session:
            await JobRepository(session).transition(taken.job.id, JobStatus.COMPLETED)
            await session.commit()

    async def age(self, ids: Sequence[UUID], seconds: float) -> None:
        """Let jobs be older."""
        async with self._sessions() as session:
            older = func.now() - timedelta(seconds=seconds)
            await session.execute(update(Job).where(Job.id.in_(ids)).values(created_at=older))
            await session.commit()

    async def served(self, choice: JobScheduler, count: int) -> str:
        """The names of those whose jobs come next, one job at a time."""
        names = ""
        for _ in range(count):
            taken = await choice.claim()
            if taken is None:
                break
            names += self._names[taken.job.owner_id]
            choice.release(taken)
            await self.end(taken)
        return names

    def name(self, taken: ClaimedJob | None) -> str | None:
        """Whose job it is."""
        return None if taken is None else self._names[taken.job.owner_id]


@pytest.fixture(scope="module")
async def sessions(servers: Servers) -> AsyncGenerator[Sessions, None]:
    """A database of its own: nobody sweeps here, however long a test takes."""
    url = servers.create_database("fairness")
    await anyio.to_thread.run_sync(migrations.upgrade, url)
    engine = create_engine(url)
    yield async_sessionmaker(engine, expire_on_commit=False)
    await engine.dispose()


@pytest.fixture
async def crowd(sessions: Sessions, redis: Redis) -> Crowd:
    async with sessions.begin() as session:
        await session.execute(text("TRUNCATE user_account CASCADE"))
    return Crowd(sessions, redis)


async def test_two_jobs_are_not_behind_another_s_sixty_four(crowd: Crowd) -> None:
    await crowd.submit("a", 64)
    await crowd.submit("b", 2)
    assert await crowd.served(crowd.choice(), 5) == "ababa"


async def test_people_take_turns(crowd: Crowd) -> None:
    for person in "abc":
        await crowd.submit(person, 3)
    assert await crowd.served(crowd.choice(), 99) == "abc" * 3


async def test_who_has_fewer_running_jobs_comes_first(crowd: Crowd) -> None:
    await crowd.submit("a", 3)
    choice = crowd.choice()
    held = [await choice.claim() for _ in range(2)]
    await crowd.submit("b", 3)
    assert [crowd.name(taken) for taken in held] == ["a", "a"]
    assert [crowd.name(await choice.claim()) for _ in range(3)] == ["b", "b", "a"]


async def test_short_jobs_overtake_their_owner_s_long_ones_and_nobody_else_s(crowd: Crowd) -> None:
    (long,) = await crowd.submit("a", cost_s=LONG)
    await crowd.submit("b", cost_s=LONG)
    (short,) = await crowd.submit("a", cost_s=SHORT)
    choice = crowd.choice()
    first, second, third = [await choice.claim() for _ in range(3)]
    assert first
    assert first.job.id == short
    assert crowd.name(second) == "b"
    assert third
    assert third.job.id == long


async def test_a_long_job_is_not_overtaken_for_ever(crowd: Crowd) -> None:
    long = await crowd.submit("a", cost_s=LONG)
    await crowd.submit("a", 3, cost_s=SHORT)
    await crowd.age(long, SETTINGS.patience_s + 1)
    taken = await crowd.choice().claim()
    assert taken
    assert taken.job.id == long[0]


async def test_equally_long_jobs_come_in_the_order_of_their_submission(crowd: Crowd) -> None:
    ids = await crowd.submit("a", 5)
    choice = crowd.choice()
    assert [taken.job.id for _ in ids if (taken := await choice.claim())] == ids


async def test_a_job_that_waits_after_an_interruption_is_passed_over_until_its_time(
    crowd: Crowd, sessions: Sessions
) -> None:
    await crowd.submit("a", not_before=datetime.now(UTC) + timedelta(hours=1))
    await crowd.submit("a", not_before=datetime.now(UTC) - timedelta(hours=1))
    choice = crowd.choice()
    assert await choice.claim() is not None
    assert await choice.claim() is None
    async with sessions() as session:
        await session.execute(text("UPDATE job SET not_before = now() - interval '1 second'"))
        await session.commit()
    taken = await choice.claim()
    assert taken is not None
    assert taken.job.not_before is None


@pytest.mark.parametrize("workers", [1, 8])
async def test_nobody_has_more_running_jobs_than_allowed_and_the_others_go_on(crowd: Crowd, workers: int) -> None:
    await crowd.submit("a", 20)
    await crowd.submit("b", 2)
    choices = [crowd.choice(running_jobs=3) for _ in range(workers)]
    held = await asyncio.gather(*(choices[n % workers].claim() for n in range(24)))
    names = sorted(filter(None, map(crowd.name, held)))
    assert names == ["a"] * 3 + ["b"] * 2
    ended = next(taken for taken in held if crowd.name(taken) == "a")
    assert ended is not None
    await crowd.end(ended)
    assert crowd.name(await choices[-1].claim()) == "a"
    assert await choices[0].claim() is None


async def test_every_job_is_taken_once_however_many_workers_ask(crowd: Crowd, sessions: Sessions) -> None:
    ids = {job_id for person in "abcd" for job_id in await crowd.submit(person, 8, status="pending")}
    choices = [crowd.choice() for _ in range(8)]
    held = [taken for taken in await asyncio.gather(*(choices[n % 8].claim() for n in range(48))) if taken]
    assert len(held) == len(ids)
    assert {taken.job.id for taken in held} == ids
    async with sessions() as session:
        found = (await session.execute(select(Job.status, Job.attempt).distinct())).all()
    assert [tuple(row) for row in found] == [("running", 1)]


async def test_a_cancelled_job_is_not_taken(crowd: Crowd, sessions: Sessions) -> None:
    (gone,) = await crowd.submit("a")
    async with sessions() as session:
        await JobRepository(session).transition(gone, JobStatus.CANCELLED)
        await session.commit()
    assert await crowd.choice().claim() is None


class TestPlaces:
    """What a worker has room for."""

    async def test_a_short_job_runs_beside_a_long_one_and_a_second_long_one_does_not(self, crowd: Crowd) -> None:
        await crowd.submit("a", 2, cost_s=LONG)
        choice = crowd.choice(replace(SETTINGS, jobs=1, short_jobs=1))
        long = await choice.claim()
        assert long
        assert not long.in_short_slot
        assert await choice.claim() is None
        assert await choice.has_claimable_jobs()
        await crowd.submit("b", cost_s=SHORT)
        short = await choice.claim()
        assert short
        assert short.in_short_slot
        await crowd.submit("b", cost_s=SHORT)
        assert await choice.claim() is None
        choice.release(long)
        assert await choice.claim() is not None

    async def test_a_short_job_leaves_the_long_one_s_place_free(self, crowd: Crowd) -> None:
        await crowd.submit("a", cost_s=SHORT)
        await crowd.submit("b", cost_s=LONG)
        choice = crowd.choice(replace(SETTINGS, jobs=1, short_jobs=1))
        assert [crowd.name(await choice.claim()) for _ in range(2)] == ["a", "b"]

    async def test_nothing_is_left_behind_where_nothing_may_be_taken(self, crowd: Crowd) -> None:
        await crowd.submit("a", 3, cost_s=LONG)
        choice = crowd.choice(replace(SETTINGS, jobs=1, short_jobs=1), running_jobs=1)
        assert await choice.claim() is not None
        assert not await choice.has_claimable_jobs()
