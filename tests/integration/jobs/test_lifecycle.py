"""The life of a job, as its owner and nobody else can steer it. No worker runs here."""

import asyncio
import json
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import func, select, text
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import events, make_shootout, submit
from tests.support.sessions import Sessions
from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.scheduling.dispatcher import Dispatcher
from tone_shootout.jobs.scheduling.queue import build_queue
from tone_shootout.jobs.status import TRANSITIONS, JobStatus
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.settings import Settings

NOBODY = uuid4()


async def _until(person: Person, job_id: str, status: str) -> None:
    """Wait for a status by its event."""
    base_url = str(person.client.base_url).rstrip("/")
    async with asyncio.timeout(30):
        async for event in events(base_url, person, job_id, "?after=0"):
            if event["type"] == "status" and event["data"]["status"] == status:
                return


async def _take(sessions: Sessions, job_id: str) -> Job:
    """Hold a job as a worker does."""
    async with sessions() as session:
        moved = await JobRepository(session).transition(
            UUID(job_id), JobStatus.RUNNING, attempt=Job.attempt + 1, heartbeat_at=func.now()
        )
        await session.commit()
    assert moved is not None
    return moved[0]


async def test_submitting_answers_at_once_and_the_job_is_queued(user: Person) -> None:
    job = await submit(user.client)
    assert job["status"] == "pending"
    assert job["progress"] == {"percent": 0.0, "done": 0.0, "total": 0.0, "eta_s": None}
    await _until(user, job["id"], "queued")


async def test_only_the_owner_of_a_shootout_submits_it(
    user: Person, other_user: Person, api: httpx.AsyncClient
) -> None:
    address = f"/api/v1/shootouts/{await make_shootout(user.client)}/jobs"
    assert (await api.post(address)).status_code == 401
    assert (await other_user.client.post(address)).status_code == 404
    assert (await user.client.post(f"/api/v1/shootouts/{NOBODY}/jobs")).status_code == 404


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/cancel"), ("GET", "/artifacts")])
async def test_a_job_is_its_owner_s_alone(
    user: Person, other_user: Person, api: httpx.AsyncClient, method: str, path: str
) -> None:
    job = await submit(user.client)
    address = f"/api/v1/jobs/{job['id']}{path}"
    assert (await api.request(method, address)).status_code == 401
    foreign = await other_user.client.request(method, address)
    missing = await other_user.client.request(method, f"/api/v1/jobs/{NOBODY}{path}")
    for answer in (foreign, missing):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert foreign.json()["code"] == missing.json()["code"] == "job_not_found"
    assert (await user.client.request(method, address)).is_success


async def test_lists_hold_one_s_own_jobs_in_the_order_asked_for(user: Person, other_user: Person) -> None:
    await submit(other_user.client)
    jobs = [await submit(user.client) for _ in range(3)]
    ids = [job["id"] for job in jobs]
    newest = (await user.client.get("/api/v1/jobs")).json()
    assert [job["id"] for job in newest["items"]] == ids[::-1]
    assert newest["total"] == 3
    oldest = (await user.client.get("/api/v1/jobs", params={"order_by": "created_at", "limit": 1, "offset": 1})).json()
    assert [job["id"] for job in oldest["items"]] == [ids[1]]
    one = (await user.client.get("/api/v1/jobs", params={"shootout_id": jobs[0]["shootout_id"]})).json()
    assert [job["id"] for job in one["items"]] == [ids[0]]
    none = (await user.client.get("/api/v1/jobs", params={"status": "failed"})).json()
    assert none["total"] == 0


@pytest.mark.parametrize(
    "query", [{"order_by": "owner_id"}, {"limit": 0}, {"limit": 101}, {"offset": -1}, {"status": "lost"}]
)
async def test_a_query_that_makes_no_sense_is_refused(user: Person, query: dict[str, str | int]) -> None:
    answer = await user.client.get("/api/v1/jobs", params=query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == next(iter(query))


async def test_a_job_that_waits_is_cancelled_at_once_and_asking_again_changes_nothing(user: Person) -> None:
    job = await submit(user.client)
    await _until(user, job["id"], "queued")
    for _ in range(2):
        answer = await user.client.post(job["links"]["self"] + "/cancel")
        assert answer.status_code == 202
        assert answer.json()["status"] == "cancelled"
    base_url = str(user.client.base_url).rstrip("/")
    log = [event async for event in events(base_url, user, job["id"], "?after=0")]
    assert [event["data"].get("status") for event in log[1:]] == ["pending", "queued", "cancelled", "cancelled"]
    assert log[-1]["type"] == "done"


async def test_a_job_that_runs_is_cancelling_until_its_worker_lets_go(user: Person, session_maker: Sessions) -> None:
    job = await submit(user.client)
    await _until(user, job["id"], "queued")
    held = await _take(session_maker, job["id"])
    for _ in range(2):
        answer = await user.client.post(job["links"]["self"] + "/cancel")
        assert answer.status_code == 202
        assert answer.json()["status"] == "cancelling"
    async with session_maker() as session:
        late = await JobRepository(session).transition(held.id, JobStatus.COMPLETED, held_by=held.attempt)
        gone = await JobRepository(session).transition(held.id, JobStatus.CANCELLED, held_by=held.attempt)
        await session.commit()
    assert late is None
    assert gone is not None


async def test_a_finished_job_can_not_be_cancelled(user: Person, session_maker: Sessions) -> None:
    job = await submit(user.client)
    await _until(user, job["id"], "queued")
    held = await _take(session_maker, job["id"])
    async with session_maker() as session:
        await JobRepository(session).transition(held.id, JobStatus.COMPLETED, held_by=held.attempt)
        await session.commit()
    answer = await user.client.post(job["links"]["self"] + "/cancel")
    assert answer.status_code == 409
    assert answer.json()["code"] == "job_finished"


async def test_the_database_allows_just_what_the_table_of_transitions_does(
    user: Person, session_maker: Sessions
) -> None:
    job_id = UUID((await submit(user.client))["id"])
    await _until(user, str(job_id), "queued")
    for source in JobStatus:
        for target in JobStatus:
            async with session_maker() as session:
                await session.execute(text("UPDATE job SET status = :status"), {"status": source.value})
                moved = await JobRepository(session).transition(job_id, target)
                assert (moved is not None) == (target in TRANSITIONS[source]), f"{source} to {target}"
                await session.rollback()


async def test_a_worker_that_was_given_up_changes_nothing_any_more(user: Person, session_maker: Sessions) -> None:
    job = await submit(user.client)
    await _until(user, job["id"], "queued")
    first = await _take(session_maker, job["id"])
    async with session_maker() as session:
        jobs = JobRepository(session)
        await jobs.transition(first.id, JobStatus.QUEUED, held_by=first.attempt)
        await session.commit()
        for status in JobStatus:  # it waits for another attempt, and is not the first one's to end
            assert await jobs.transition(first.id, status, held_by=first.attempt) is None
    second = await _take(session_maker, job["id"])
    assert second.attempt == first.attempt + 1
    async with session_maker() as session:
        jobs = JobRepository(session)
        assert await jobs.renew_lease(first.id, first.attempt) is None
        assert await jobs.record(first.id, first.attempt, "phase", {"phase": "render"}) is None
        assert await jobs.transition(first.id, JobStatus.COMPLETED, held_by=first.attempt) is None
        assert await jobs.renew_lease(first.id, second.attempt) is JobStatus.RUNNING


async def test_events_of_concurrent_writers_are_numbered_without_gaps(user: Person, session_maker: Sessions) -> None:
    job = await submit(user.client)
    await _until(user, job["id"], "queued")
    held = await _take(session_maker, job["id"])

    async def write(number: int) -> None:
        async with session_maker() as session:
            await JobRepository(session).record(held.id, held.attempt, "progress", {"number": number})
            await (session.rollback() if number % 5 == 0 else session.commit())

    await asyncio.gather(*(write(number) for number in range(40)))
    async with session_maker() as session:
        numbers = await session.scalars(select(JobEvent.seq).where(JobEvent.job_id == held.id).order_by(JobEvent.seq))
        found = list(numbers)
        last = await session.scalar(select(Job.event_seq).where(Job.id == held.id))
    assert found == list(range(1, len(found) + 1))
    assert last == found[-1] == 3 + 32


async def test_a_job_that_was_taken_before_it_was_dispatched_stays_with_its_worker(
    user: Person, session_maker: Sessions, settings: Settings, redis: Redis
) -> None:
    """A worker that another job's bell woke takes a job as soon as it is written down."""
    job = await submit(user.client)
    await _until(user, job["id"], "queued")
    held = await _take(session_maker, job["id"])
    queue = build_queue(settings)
    await queue.connect()
    await Dispatcher(queue, session_maker, Publisher(redis), settings.worker).dispatch(held)
    await queue.disconnect()
    async with session_maker() as session:
        assert await JobRepository(session).renew_lease(held.id, held.attempt) is JobStatus.RUNNING


class TestSweep:
    """What the queue or a worker has lost comes back."""

    async def test_a_job_whose_worker_is_silent_is_queued_again(self, user: Person, session_maker: Sessions) -> None:
        job = await submit(user.client)
        await _until(user, job["id"], "queued")
        await _take(session_maker, job["id"])
        async with session_maker() as session:
            await session.execute(text("UPDATE job SET heartbeat_at = now() - interval '1 hour'"))
            await session.commit()
        base_url = str(user.client.base_url).rstrip("/")
        async with asyncio.timeout(30):
            # From the beginning: the sweep may be sooner than we are.
            async for event in events(base_url, user, job["id"], "?after=0"):
                if event["type"] == "status" and event["data"]["attempt"] == 1 and event["data"]["status"] != "running":
                    break
        assert event["data"] == {"status": "queued", "attempt": 1}

    async def test_a_cancelled_job_whose_worker_is_silent_ends(self, user: Person, session_maker: Sessions) -> None:
        job = await submit(user.client)
        await _until(user, job["id"], "queued")
        await _take(session_maker, job["id"])
        await user.client.post(job["links"]["self"] + "/cancel")
        async with session_maker() as session:
            await session.execute(
                text("UPDATE job SET heartbeat_at = now() - interval '1 hour', phase = 'render', eta_s = 5")
            )
            await session.commit()
        await _until(user, job["id"], "cancelled")
        shown = (await user.client.get(job["links"]["self"])).json()
        assert (shown["phase"], shown["progress"]["eta_s"]) == (None, None)

    async def test_a_job_over_which_too_many_workers_died_fails(
        self, user: Person, session_maker: Sessions, settings: Settings
    ) -> None:
        job = await submit(user.client)
        await _until(user, job["id"], "queued")
        await _take(session_maker, job["id"])
        async with session_maker() as session:
            await session.execute(
                text("UPDATE job SET heartbeat_at = now() - interval '1 hour', interruptions = :before"),
                {"before": settings.worker.attempts - 1},
            )
            await session.commit()
        await _until(user, job["id"], "failed")
        shown = (await user.client.get(job["links"]["self"])).json()
        assert shown["error"]["code"] == "worker_lost"

    async def test_a_job_that_the_queue_has_lost_is_given_to_it_again(
        self, user: Person, session_maker: Sessions
    ) -> None:
        job = await submit(user.client)
        await _until(user, job["id"], "queued")
        async with session_maker() as session:
            await session.execute(text("DELETE FROM saq.saq_jobs"))
            await session.commit()
        async with asyncio.timeout(30):
            while True:
                async with session_maker() as session:
                    if await session.scalar(text("SELECT count(*) FROM saq.saq_jobs")):
                        return


class TestListening:
    """Who may open the live channel."""

    async def _close_code(self, address: str, headers: dict[str, str]) -> int | None:
        async with connect(address, additional_headers=headers) as socket:
            with suppress(ConnectionClosed):
                await socket.recv()
                return None
            return socket.close_code

    async def test_without_credentials_it_closes_with_4401(self, base_url: str, user: Person) -> None:
        job = await submit(user.client)
        address = f"{base_url.replace('http', 'ws', 1)}{job['links']['ws']}"
        assert await self._close_code(address, {}) == 4401
        assert await self._close_code(address, {"Authorization": "Bearer nonsense"}) == 4401

    async def test_somebody_else_s_job_closes_with_4404(self, base_url: str, user: Person, other_user: Person) -> None:
        job = await submit(user.client)
        address = f"{base_url.replace('http', 'ws', 1)}{job['links']['ws']}"
        assert await self._close_code(address, {"Authorization": f"Bearer {other_user.token}"}) == 4404

    async def test_a_cookie_from_a_foreign_page_closes_with_4403(self, base_url: str, user: Person) -> None:
        job = await submit(user.client)
        session = await user.client.post("/api/v1/auth/session", json={"token": user.token})
        cookie = "; ".join(f"{name}={value}" for name, value in session.cookies.items())
        address = f"{base_url.replace('http', 'ws', 1)}{job['links']['ws']}"
        assert await self._close_code(address, {"Cookie": cookie, "Origin": "https://evil.example"}) == 4403
        assert await self._close_code(address, {"Cookie": cookie, "Origin": base_url}) is None


class TestTickets:
    """A page that holds a token opens the WebSocket with a ticket."""

    async def _ticket(self, person: Person, job: dict[str, Any]) -> str:
        answer = await person.client.post(f"{job['links']['self']}/ticket")
        assert answer.status_code == 201
        return str(answer.json()["ticket"])

    async def _opens(self, base_url: str, job: dict[str, Any], ticket: str) -> bool:
        address = f"{base_url.replace('http', 'ws', 1)}{job['links']['ws']}?ticket={ticket}"
        async with connect(address) as socket:
            try:
                return bool(json.loads(await socket.recv())["type"] == "snapshot")
            except ConnectionClosed:
                assert socket.close_code == 4401
                return False

    async def test_a_ticket_opens_the_channel_once(self, base_url: str, user: Person) -> None:
        job = await submit(user.client)
        ticket = await self._ticket(user, job)
        assert await self._opens(base_url, job, ticket)
        assert not await self._opens(base_url, job, ticket)

    async def test_a_ticket_opens_no_other_job(self, base_url: str, user: Person) -> None:
        job, other = await submit(user.client), await submit(user.client)
        ticket = await self._ticket(user, job)
        assert not await self._opens(base_url, other, ticket)
        assert await self._opens(base_url, job, ticket)

    async def test_nobody_gets_a_ticket_for_somebody_else_s_job(
        self, user: Person, other_user: Person, api: httpx.AsyncClient
    ) -> None:
        address = f"{(await submit(user.client))['links']['self']}/ticket"
        assert (await api.post(address)).status_code == 401
        assert (await other_user.client.post(address)).status_code == 404


class TestServerSentEvents:
    """The same events, for who prefers plain HTTP."""

    async def _read(self, person: Person, job: dict[str, Any], **headers: str) -> list[tuple[str, dict[str, Any]]]:
        found = []
        async with person.client.stream("GET", job["links"]["events"], headers=headers) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            name = ""
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    found.append((name, json.loads(line.removeprefix("data: "))))
        return found

    async def test_they_are_those_of_the_websocket(self, base_url: str, user: Person) -> None:
        job = await submit(user.client)
        await _until(user, job["id"], "queued")
        await user.client.post(job["links"]["cancel"])
        received = [event async for event in events(base_url, user, job["id"], "?after=1")]
        read = await self._read(user, job, **{"Last-Event-ID": "1"})
        assert [event for _, event in read[1:]] == received[1:]
        assert [name for name, _ in read] == [event["type"] for event in received]

    async def test_who_has_everything_is_told_not_to_come_back(self, user: Person) -> None:
        job = await submit(user.client)
        await _until(user, job["id"], "queued")
        await user.client.post(job["links"]["cancel"])
        last = (await self._read(user, job))[-1][1]["seq"]
        answer = await user.client.get(job["links"]["events"], headers={"Last-Event-ID": str(last)})
        assert answer.status_code == 204

    async def test_they_are_the_owner_s_alone(self, user: Person, other_user: Person, api: httpx.AsyncClient) -> None:
        job = await submit(user.client)
        assert (await api.get(job["links"]["events"])).status_code == 401
        assert (await other_user.client.get(job["links"]["events"])).status_code == 404
        nonsense = await user.client.get(job["links"]["events"], headers={"Last-Event-ID": "x"})
        assert nonsense.status_code == 400


class TestRetry:
    """What failed or was cancelled can begin again."""

    async def test_a_cancelled_job_begins_again_and_its_log_goes_on(self, base_url: str, user: Person) -> None:
        job = await submit(user.client)
        await _until(user, job["id"], "queued")
        await user.client.post(job["links"]["cancel"])
        first = [event async for event in events(base_url, user, job["id"], "?after=0")]
        again = await user.client.post(f"{job['links']['self']}/retry")
        assert again.status_code == 202
        assert again.json()["status"] == "pending"
        assert again.json()["finished_at"] is None
        async with asyncio.timeout(30):
            async for event in events(base_url, user, job["id"], f"?after={first[-1]['seq']}"):
                if event["data"].get("status") == "queued":
                    break
        await user.client.post(job["links"]["cancel"])
        whole = [event async for event in events(base_url, user, job["id"], "?after=0")]
        assert [event["seq"] for event in whole] == list(range(len(whole)))
        assert [event["type"] for event in whole].count("done") == 2

    async def test_only_what_failed_or_was_cancelled_is_retried(self, user: Person, session_maker: Sessions) -> None:
        job = await submit(user.client)
        await _until(user, job["id"], "queued")
        address = f"{job['links']['self']}/retry"
        waiting = await user.client.post(address)
        assert (waiting.status_code, waiting.json()["code"]) == (409, "nothing_to_retry")
        held = await _take(session_maker, job["id"])
        async with session_maker() as session:
            await JobRepository(session).transition(held.id, JobStatus.COMPLETED, held_by=held.attempt)
            await session.commit()
        assert (await user.client.post(address)).status_code == 409

    async def test_retrying_is_the_owner_s_alone(
        self, user: Person, other_user: Person, api: httpx.AsyncClient
    ) -> None:
        address = f"{(await submit(user.client))['links']['self']}/retry"
        assert (await api.post(address)).status_code == 401
        assert (await other_user.client.post(address)).status_code == 404
