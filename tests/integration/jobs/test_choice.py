"""The next job is the one that comes first by all rules, whatever waits and runs."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from tests.support.factories import JobFactory, ShootoutFactory, UserFactory
from tests.support.sessions import Sessions
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.status import HELD, WAITING, JobStatus

OWNERS, JOBS, ROUNDS = 8, 60, 25
RUNNING_JOBS, SHORT_S, PATIENCE_S = 2, 20.0, 300.0
NEVER = datetime(1, 1, 1, tzinfo=UTC)


def _values(chance: random.Random, now: datetime) -> dict[str, Any]:
    """Values with many ties, and jobs that may not start yet."""
    ago = timedelta(minutes=chance.randrange(12))
    return {
        "status": chance.choice(
            [JobStatus.QUEUED, JobStatus.QUEUED, JobStatus.PENDING, JobStatus.RUNNING, JobStatus.COMPLETED]
        ),
        "cost_s": chance.choice([1.0, SHORT_S, 50.0]),
        "created_at": now - ago,
        "not_before": chance.choice([None, None, now - timedelta(hours=1), now + timedelta(hours=1)]),
        "started_at": chance.choice([None, None, None, now - timedelta(minutes=chance.randrange(4))]),
    }


def _next(jobs: list[Job], now: datetime, *, short_only: bool) -> Job | None:
    """The rules of `JobRepository.next_runnable`, by sorting everything."""

    def order(job: Job) -> tuple[Any, ...]:
        of_owner = [other for other in jobs if other.owner_id == job.owner_id]
        running = sum(other.status in HELD for other in of_owner)
        served_at = max((other.started_at for other in of_owner if other.started_at), default=NEVER)
        is_overtaken = job.cost_s > SHORT_S and job.created_at > now - timedelta(seconds=PATIENCE_S)
        return running, served_at, is_overtaken, job.created_at, job.id

    candidates = [
        job
        for job in jobs
        if job.status in WAITING
        and (job.not_before is None or job.not_before < now)
        and (job.cost_s <= SHORT_S or not short_only)
        and order(job)[0] < RUNNING_JOBS
    ]
    return min(candidates, key=order, default=None)


@pytest.mark.usefixtures("clean")
async def test_the_chosen_job_is_the_first_of_all_by_the_rules(session_maker: Sessions) -> None:
    chance = random.Random(17)
    now = datetime.now(UTC)  # PostgreSQL's is later, by less than the minute that ages are apart
    users = [UserFactory.build() for _ in range(OWNERS)]
    shootouts = {user.id: ShootoutFactory.build(owner_id=user.id) for user in users}
    jobs = []
    for _ in range(JOBS):
        owner = chance.choice(users)
        jobs.append(JobFactory.build(owner_id=owner.id, shootout_id=shootouts[owner.id].id))
    chosen = []
    async with session_maker() as session:
        for rows in (users, shootouts.values(), jobs):
            session.add_all(rows)
            await session.flush()
        for number in range(ROUNDS):
            # Few wait in later rounds, so that some owners have none and some only what may not start.
            for job in jobs:
                for name, value in _values(chance, now).items():
                    setattr(job, name, value)
                if chance.random() < number / ROUNDS:
                    job.status = JobStatus.COMPLETED
            rows = [{"id": job.id, **{name: getattr(job, name) for name in _values(chance, now)}} for job in jobs]
            await session.execute(update(Job), rows)
            for short_only in (False, True):
                found = await JobRepository(session).next_runnable(
                    running_jobs=RUNNING_JOBS, short_s=SHORT_S, patience_s=PATIENCE_S, short_only=short_only
                )
                expected = _next(jobs, now, short_only=short_only)
                assert found == (None if expected is None else expected.id), (number, short_only)
                chosen.append(found)
        await session.rollback()
    assert None in chosen
    assert len(set(chosen)) > ROUNDS // 2
