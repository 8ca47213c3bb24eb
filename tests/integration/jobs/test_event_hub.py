"""Event hub and job streams of a process, without a web server."""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import delete, event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import Person
from tests.support.job_logs import Written, written_job
from tests.support.sessions import Sessions
from tone_shootout.jobs.errors import JobNotFoundError
from tone_shootout.jobs.models import JobEvent
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.streaming.event_hub import EncodedEvent, EventHub
from tone_shootout.jobs.streaming.job_stream import StreamService
from tone_shootout.jobs.streaming.pubsub import Publisher

BACKLOG = 20


@pytest.fixture
async def streams(session_maker: Sessions, redis: Redis) -> AsyncGenerator[StreamService, None]:
    event_hub = EventHub(session_maker, backlog=BACKLOG, stream_limit=0)
    async with event_hub.running(redis):
        yield StreamService(event_hub, session_maker, heartbeat_s=15)


@pytest.fixture
async def job(session_maker: Sessions, redis: Redis, user: Person) -> Written:
    return await written_job(session_maker, Publisher(redis), user.id)


@contextmanager
def statements(engine: AsyncEngine) -> Generator[list[str], None, None]:
    """Collect the statements sent to the database."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)


async def numbers(events: AsyncGenerator[EncodedEvent, None]) -> list[int]:
    """Return the sequence numbers of all events."""
    async with aclosing(events):
        return [event.seq async for event in events]


async def test_an_event_costs_no_query_for_any_number_of_clients(
    streams: StreamService, job: Written, user: Person, engine: AsyncEngine
) -> None:
    watching = [streams.follow(user.id, job.id) for _ in range(500)]
    snapshots = await asyncio.gather(*(anext(events) for events in watching))
    assert {event.type for event in snapshots} == {"snapshot"}
    with statements(engine) as requested:
        for _ in range(10):
            await job.write()
            received = await asyncio.gather(*(anext(events) for events in watching))
            assert {event.seq for event in received} == {job.last}
    of_watchers = [statement for statement in requested if statement.startswith("SELECT job")]
    # The test's own writing, and one look into all watched jobs every few seconds, whatever the broker says.
    assert len(of_watchers) < 50
    await job.move(JobStatus.CANCELLED)
    rests = await asyncio.gather(*(numbers(events) for events in watching))
    assert {tuple(rest) for rest in rests} == {(job.last - 1, job.last)}


async def test_lost_messages_are_read_from_the_log(streams: StreamService, job: Written, user: Person) -> None:
    events = streams.follow(user.id, job.id)
    await anext(events)
    await job.write(3, published=False)
    await job.write()
    assert [(await anext(events)).seq for _ in range(4)] == [2, 3, 4, 5]
    await job.write(2, published=False)  # and nothing behind them: found by looking again
    await job.move(JobStatus.CANCELLED, published=False)
    assert await numbers(events) == [6, 7, 8, 9]


async def test_duplicate_and_late_messages_are_sent_once_and_in_order(
    streams: StreamService, job: Written, user: Person, redis: Redis
) -> None:
    events = streams.follow(user.id, job.id)
    await anext(events)
    rows = await job.write(5, published=False)
    publisher = Publisher(redis)
    for row in (rows[2], rows[0], rows[0], rows[4], rows[1]):
        await publisher.publish([row])
    await job.move(JobStatus.CANCELLED)
    await publisher.publish(rows)
    assert await numbers(events) == list(range(2, 9))


async def test_a_malformed_message_is_ignored(streams: StreamService, job: Written, user: Person, redis: Redis) -> None:
    events = streams.follow(user.id, job.id)
    await anext(events)
    for rubbish in (b"", b"{}", b"\xff", b'{"seq": "x"}'):
        await redis.publish(f"shootout:job:{job.id}", rubbish)
        await redis.publish("shootout:job:nonsense", rubbish)
    await job.write()
    assert (await anext(events)).seq == 2


async def test_a_reader_behind_the_backlog_misses_nothing(streams: StreamService, job: Written, user: Person) -> None:
    slow, quick = streams.follow(user.id, job.id), streams.follow(user.id, job.id)
    await anext(slow)
    await anext(quick)
    received = []
    for _ in range(10):
        await job.write(BACKLOG)
        received += [(await anext(quick)).seq for _ in range(BACKLOG)]
    assert received == list(range(2, 10 * BACKLOG + 2))
    await job.move(JobStatus.CANCELLED)
    assert await numbers(slow) == list(range(2, job.last + 1))
    assert await numbers(quick) == [job.last - 1, job.last]


async def test_pushed_and_yielded_events_together_are_the_log_in_order(
    streams: StreamService, job: Written, user: Person
) -> None:
    received: list[int] = []
    pushed = refused = 0

    def push(frame: bytes) -> bool:
        nonlocal pushed, refused
        seq = int(json.loads(frame[frame.index(b"{") :])["seq"])
        if seq % 3 == 0:
            refused += 1
            return False
        pushed += 1
        received.append(seq)
        return True

    async def read() -> None:
        async with aclosing(streams.follow(user.id, job.id, push=push)) as events:
            async for event in events:
                await asyncio.sleep(0)
                received.append(event.seq)
                ready.set()

    ready = asyncio.Event()
    reading = asyncio.create_task(read())
    await ready.wait()
    for count in (1, 1, 1, 1, 1, 3, 1, BACKLOG, 5, 1, 2 * BACKLOG, 1, 1):
        await job.write(count)
    await job.move(JobStatus.CANCELLED)
    await reading
    assert received == list(range(1, job.last + 1))
    assert pushed > 0
    assert refused > 0


@pytest.mark.parametrize("after", [0, 1, 7, 11, 12])
async def test_a_client_after_the_end_gets_the_remaining_events_only(
    streams: StreamService, job: Written, user: Person, after: int
) -> None:
    await job.write(9)
    await job.move(JobStatus.CANCELLED)
    assert job.last == 12
    assert await numbers(streams.follow(user.id, job.id, after=after)) == list(range(after, 13))
    assert await numbers(streams.follow(user.id, job.id)) == [11, 12]


async def test_a_client_ahead_of_the_log_gets_new_events(streams: StreamService, job: Written, user: Person) -> None:
    events = streams.follow(user.id, job.id, after=1000)
    assert (await anext(events)).seq == 1
    await job.write()
    assert (await anext(events)).seq == 2
    await events.aclose()


async def test_a_retried_job_is_streamed_beyond_its_first_end(
    streams: StreamService, job: Written, user: Person
) -> None:
    await job.move(JobStatus.CANCELLED)
    await job.move(JobStatus.PENDING)
    events = streams.follow(user.id, job.id, after=0)
    found = [await anext(events) for _ in range(job.last + 1)]
    assert [event.type for event in found] == ["snapshot", "status", "status", "done", "status"]
    await job.move(JobStatus.CANCELLED)
    assert await numbers(events) == [job.last - 1, job.last]


async def test_a_stream_of_a_deleted_log_ends_with_the_snapshot(
    streams: StreamService, job: Written, user: Person, session_maker: Sessions
) -> None:
    await job.write(5)
    await job.move(JobStatus.CANCELLED)
    async with session_maker.begin() as session:
        await session.execute(delete(JobEvent).where(JobEvent.job_id == job.id))
    assert await numbers(streams.follow(user.id, job.id, after=0)) == [0]


async def test_events_deleted_before_they_were_read_do_not_block_a_stream(
    streams: StreamService, job: Written, user: Person, session_maker: Sessions
) -> None:
    events = streams.follow(user.id, job.id)
    await anext(events)
    await job.write(3, published=False)
    async with session_maker.begin() as session:  # an installation may keep no progress at all
        await session.execute(delete(JobEvent).where(JobEvent.job_id == job.id, JobEvent.seq.in_([2, 3])))
    await job.move(JobStatus.CANCELLED)
    async with asyncio.timeout(30):
        assert await numbers(events) == [4, 5, 6]


async def test_another_users_job_cannot_be_streamed(
    streams: StreamService, job: Written, user: Person, other_user: Person
) -> None:
    mine = streams.follow(user.id, job.id)
    await anext(mine)
    for owner_id, job_id in ((other_user.id, job.id), (user.id, uuid4())):
        with pytest.raises(JobNotFoundError):
            await anext(streams.follow(owner_id, job_id))
    await mine.aclose()


async def test_a_stream_without_subscribers_is_removed(
    session_maker: Sessions, redis: Redis, job: Written, user: Person
) -> None:
    event_hub = EventHub(session_maker, backlog=BACKLOG, stream_limit=0)
    streams = StreamService(event_hub, session_maker, heartbeat_s=15)
    first, second = streams.follow(user.id, job.id), streams.follow(user.id, job.id)
    await anext(first)
    await anext(second)
    with event_hub.open_stream(user.id, job.id) as stream:
        assert stream.subscribers == 3
    await first.aclose()
    await second.aclose()
    with event_hub.open_stream(user.id, job.id) as fresh:
        assert fresh is not stream
        assert fresh.subscribers == 1
