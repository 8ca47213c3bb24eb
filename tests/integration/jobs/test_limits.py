"""How many jobs one user may have."""

import asyncio

import pytest
from sqlalchemy import func, select, text

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import make_shootout, submit
from tests.support.factories import JobFactory
from tests.support.sessions import Sessions
from tests.support.uploads import SHOOTOUTS, config
from tone_shootout.jobs.models import Job
from tone_shootout.kit.settings import Settings
from tone_shootout.shootouts.models import Shootout


async def _fill(person: Person, sessions: Sessions, settings: Settings, *, room: int = 0) -> str:
    """Give somebody as many unfinished jobs as allowed, less `room`; a shootout of theirs."""
    shootout_id = await make_shootout(person.client)
    async with sessions() as session:
        for _ in range(settings.limits.queued_jobs - room):
            # Cancelling ones: nobody touches them, and they are not finished either.
            job = JobFactory.build(owner_id=person.id, shootout_id=shootout_id, status="cancelling", heartbeat_at=None)
            session.add(job)
        await session.commit()
    return shootout_id


async def test_one_job_too_many_is_refused_until_one_ends(
    user: Person, other_user: Person, session_maker: Sessions, settings: Settings
) -> None:
    address = f"{SHOOTOUTS}/{await _fill(user, session_maker, settings)}/jobs"
    refused = await user.client.post(address)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "too_many_jobs"
    assert str(settings.limits.queued_jobs) in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) > 0
    await submit(other_user.client)
    async with session_maker() as session:
        one = select(Job.id).where(Job.owner_id == user.id).limit(1).scalar_subquery()
        await session.execute(
            text("UPDATE job SET status = 'failed' WHERE id = :id"), {"id": await session.scalar(select(one))}
        )
        await session.commit()
    assert (await user.client.post(address)).status_code == 202


async def test_of_many_submissions_at_once_just_as_many_are_taken_as_there_is_room_for(
    user: Person, session_maker: Sessions, settings: Settings
) -> None:
    address = f"{SHOOTOUTS}/{await _fill(user, session_maker, settings, room=2)}/jobs"
    answers = await asyncio.gather(*(user.client.post(address) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [202] * 2 + [429] * 4


async def test_a_shootout_that_can_not_be_submitted_is_not_made_either(
    user: Person, session_maker: Sessions, settings: Settings
) -> None:
    await _fill(user, session_maker, settings)
    refused = await user.client.post(SHOOTOUTS, json={"config": await config(user.client), "submit": True})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_jobs")
    async with session_maker() as session:
        assert await session.scalar(select(func.count()).select_from(Shootout)) == 1


@pytest.mark.parametrize(("status", "answer"), [("failed", 429), ("cancelled", 429), ("completed", 409)])
async def test_retrying_counts_too(
    user: Person, session_maker: Sessions, settings: Settings, status: str, answer: int
) -> None:
    shootout_id = await _fill(user, session_maker, settings)
    async with session_maker() as session:
        ended = JobFactory.build(owner_id=user.id, shootout_id=shootout_id, status=status)
        session.add(ended)
        await session.commit()
    assert (await user.client.post(f"/api/v1/jobs/{ended.id}/retry")).status_code == answer
