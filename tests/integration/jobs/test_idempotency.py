"""What is asked for twice with one key is done once."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import make_shootout, submit
from tests.support.sessions import Sessions
from tests.support.uploads import SHOOTOUTS, config
from tone_shootout.accounts.models import IdempotencyRecord
from tone_shootout.accounts.repositories import IdempotencyRepository
from tone_shootout.jobs.models import Job
from tone_shootout.shootouts.models import Shootout

KEY = {"Idempotency-Key": "0195f3e2-7c1a-7bbb-8000-0242ac120002"}


@pytest.fixture
async def locked_shootouts(engine: AsyncEngine) -> AsyncGenerator[AsyncSession, None]:
    """Holds up whoever reads shootouts with a lock, until it is rolled back."""
    async with AsyncSession(engine) as session:
        await session.execute(text("LOCK TABLE shootout IN ACCESS EXCLUSIVE MODE"))
        yield session
        await session.rollback()


async def _count(sessions: Sessions, model: type[Any]) -> int | None:
    async with sessions() as session:
        found: int | None = await session.scalar(select(func.count()).select_from(model))
        return found


def _same(first: httpx.Response, again: httpx.Response) -> bool:
    return (first.status_code, first.content, first.headers["location"], first.headers["content-type"]) == (
        again.status_code,
        again.content,
        again.headers["location"],
        again.headers["content-type"],
    )


async def test_a_submission_that_is_sent_again_makes_one_job_and_gets_the_same_answer(
    user: Person, session_maker: Sessions
) -> None:
    address = f"{SHOOTOUTS}/{await make_shootout(user.client)}/jobs"
    first = await user.client.post(address, headers=KEY)
    assert first.status_code == 202
    assert "idempotency-replayed" not in first.headers
    for _ in range(3):
        again = await user.client.post(address, headers=KEY)
        assert _same(first, again)
        assert again.headers["idempotency-replayed"] == "true"
    assert await _count(session_maker, Job) == 1


async def test_a_shootout_that_is_made_and_submitted_in_one_is_made_once(user: Person, session_maker: Sessions) -> None:
    body = {"config": await config(user.client), "submit": True}
    first, again = [await user.client.post(SHOOTOUTS, json=body, headers=KEY) for _ in range(2)]
    assert first.status_code == 201
    assert _same(first, again)
    assert (await _count(session_maker, Shootout), await _count(session_maker, Job)) == (1, 1)


async def test_a_retry_that_is_sent_again_is_one_retry(user: Person, session_maker: Sessions) -> None:
    job = await submit(user.client)
    assert (await user.client.post(f"{job['links']['self']}/cancel")).json()["status"] == "cancelled"
    address = f"{job['links']['self']}/retry"
    first = await user.client.post(address, headers=KEY)
    assert first.status_code == 202
    await user.client.post(f"{job['links']['self']}/cancel")
    again = await user.client.post(address, headers=KEY)
    assert _same(first, again)
    shown = (await user.client.get(job["links"]["self"])).json()
    assert shown["status"] == "cancelled"


async def test_a_key_is_not_for_another_request(user: Person) -> None:
    addresses = [f"{SHOOTOUTS}/{await make_shootout(user.client)}/jobs" for _ in range(2)]
    body = {"config": await config(user.client)}
    assert (await user.client.post(addresses[0], headers=KEY)).status_code == 202
    for answer in (
        await user.client.post(addresses[1], headers=KEY),
        await user.client.post(SHOOTOUTS, json=body, headers=KEY),
    ):
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "idempotency_key_reused"


async def test_another_body_with_the_same_key_is_refused(user: Person, session_maker: Sessions) -> None:
    body = {"config": await config(user.client)}
    assert (await user.client.post(SHOOTOUTS, json=body, headers=KEY)).status_code == 201
    other = await user.client.post(SHOOTOUTS, json={**body, "visibility": "public"}, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await _count(session_maker, Shootout) == 1


async def test_keys_are_one_s_own(user: Person, other_user: Person, session_maker: Sessions) -> None:
    for person in (user, other_user):
        address = f"{SHOOTOUTS}/{await make_shootout(person.client)}/jobs"
        assert (await person.client.post(address, headers=KEY)).status_code == 202
    assert await _count(session_maker, Job) == 2


async def test_who_asks_while_the_first_is_not_answered_is_told_so(
    user: Person, session_maker: Sessions, locked_shootouts: AsyncSession
) -> None:
    """The first waits for a lock of ours, with the key in its hands."""
    await locked_shootouts.rollback()
    address = f"{SHOOTOUTS}/{await make_shootout(user.client)}/jobs"
    await locked_shootouts.execute(text("LOCK TABLE shootout IN ACCESS EXCLUSIVE MODE"))
    asking = asyncio.create_task(user.client.post(address, headers=KEY))
    await _until_somebody_waits(session_maker)
    second = await user.client.post(address, headers=KEY)
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_flight")
    assert second.headers["retry-after"] == "1"
    await locked_shootouts.rollback()
    first = await asking
    assert first.status_code == 202
    assert _same(first, await user.client.post(address, headers=KEY))
    assert await _count(session_maker, Job) == 1


async def _until_somebody_waits(sessions: Sessions) -> None:
    """Wait until a statement waits for a lock."""
    async with asyncio.timeout(30), sessions() as session:
        for _ in range(3_000):
            if await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                return
            await asyncio.sleep(0.01)


async def test_of_many_at_once_one_is_done_and_all_that_are_answered_get_the_same(
    user: Person, session_maker: Sessions
) -> None:
    address = f"{SHOOTOUTS}/{await make_shootout(user.client)}/jobs"
    answers = await asyncio.gather(*(user.client.post(address, headers=KEY) for _ in range(12)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.content for answer in answers if answer.status_code == 202}) == 1
    assert await _count(session_maker, Job) == 1


async def test_a_failure_leaves_the_key_free(user: Person, session_maker: Sessions) -> None:
    address = f"{SHOOTOUTS}/{uuid4()}/jobs"
    assert (await user.client.post(address, headers=KEY)).status_code == 404
    assert await _count(session_maker, IdempotencyRecord) == 0
    address = f"{SHOOTOUTS}/{await make_shootout(user.client)}/jobs"
    async with session_maker() as session:
        await session.execute(text("ALTER TABLE job_event RENAME TO job_event_away"))
        await session.commit()
    try:
        assert (await user.client.post(address, headers=KEY)).status_code == 500
    finally:
        async with session_maker() as session:
            await session.execute(text("ALTER TABLE job_event_away RENAME TO job_event"))
            await session.commit()
    assert (await user.client.post(address, headers=KEY)).status_code == 202
    assert await _count(session_maker, Job) == 1


async def test_after_a_day_the_key_is_free_and_the_answer_can_be_deleted(user: Person, session_maker: Sessions) -> None:
    address = f"{SHOOTOUTS}/{await make_shootout(user.client)}/jobs"
    first = (await user.client.post(address, headers=KEY)).json()["id"]
    async with session_maker() as session:
        expires_at = await session.scalar(select(IdempotencyRecord.expires_at))
        assert expires_at is not None
        assert timedelta(hours=23) < expires_at - datetime.now(UTC) <= timedelta(hours=24)
        assert await IdempotencyRepository(session).delete_expired() == 0
        await session.execute(text("UPDATE idempotency_record SET expires_at = now() - interval '1 second'"))
        await session.commit()
    second = (await user.client.post(address, headers=KEY)).json()["id"]
    assert UUID(second) != UUID(first)
    async with session_maker() as session:
        await session.execute(text("UPDATE idempotency_record SET expires_at = now() - interval '1 second'"))
        assert await IdempotencyRepository(session).delete_expired() == 1
        await session.commit()


SAFE_WITHOUT_A_KEY = {
    "validate_shootout": "makes nothing",
    "read_spec": "as above",
    "add_demo_items": "what the library has is not added again",
    "cancel_job": "a cancelled job stays cancelled",
    "cancel_any_job": "as above",
    "cancel_jobs": "as above",
    "retry_any_job": "a job that waits can't be retried",
    "retry_jobs": "as above",
    "start_session": "nobody is signed in, and keys belong to users",
    "refresh_session": "as above",
    "end_session": "as above",
    "sign_in_device": "as above",
    "poll_device": "as above",
    "start_listening_session": "a browser has one session of a test",
    "answer_trial": "a trial is answered once",
    "finish_listening_session": "a finished session stays finished",
}


async def test_every_operation_that_makes_something_takes_a_key(api: httpx.AsyncClient) -> None:
    operations = [item["post"] for item in (await api.get("/openapi.json")).json()["paths"].values() if "post" in item]
    without = {
        operation["operationId"]
        for operation in operations
        if "Idempotency-Key" not in {parameter["name"] for parameter in operation.get("parameters", [])}
    }
    assert without == SAFE_WITHOUT_A_KEY.keys()


async def test_secrets_are_made_once_and_their_stored_answers_are_encrypted(
    user: Person, session_maker: Sessions
) -> None:
    hooks = "/api/v1/webhooks"
    hook = (await user.client.post(hooks, json={"url": "https://hooks.example/"})).headers["location"]
    ticket = f"{(await submit(user.client))['links']['self']}/ticket"
    making: list[tuple[str, Any]] = [
        ("/api/v1/me/tokens", {"name": "new"}),
        (hooks, {"url": "https://hooks.example/2"}),
        (f"{hook}/secret", None),
        (ticket, None),
    ]
    for number, (url, body) in enumerate(making):
        key = {"Idempotency-Key": f"secret-{number}"}
        first, again = [await user.client.post(url, json=body, headers=key) for _ in range(2)]
        assert first.status_code == 201, first.text
        assert _same(first, again)
        assert (again.headers["idempotency-replayed"], again.headers["cache-control"]) == ("true", "no-store")
        secret = next(first.json()[name] for name in ("secret", "token", "ticket") if name in first.json())
        async with session_maker() as session:
            stored = await session.scalar(select(IdempotencyRecord).where(IdempotencyRecord.key == f"secret-{number}"))
        assert stored is not None
        assert str(secret).encode() not in stored.body
        assert str(secret) not in str(stored.headers)
    assert (await user.client.get(hooks)).json()["total"] == 2
    tests = [await user.client.post(f"{hook}/test", headers=KEY) for _ in range(2)]
    assert _same(*tests)
    assert (await user.client.get(f"{hook}/deliveries")).json()["total"] == 1
    again = await user.client.post(f"{tests[0].headers['location']}/redeliver", headers=KEY)
    assert (again.status_code, again.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "two words", "a" * 256, "tab\there"], ids=["empty", "space", "long", "tab"])
async def test_a_key_that_is_none_is_refused(user: Person, key: str) -> None:
    answer = await user.client.post(f"{SHOOTOUTS}/{uuid4()}/jobs", headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"


@pytest.mark.parametrize("key", ["!", "~" * 255], ids=["one", "longest"])
async def test_every_visible_text_is_a_key(user: Person, key: str) -> None:
    address = f"{SHOOTOUTS}/{await make_shootout(user.client)}/jobs"
    assert (await user.client.post(address, headers={"Idempotency-Key": key})).status_code == 202
